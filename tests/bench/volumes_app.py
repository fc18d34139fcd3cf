"""What programs do with files, timed inside a container and, by the same code, on the machine itself."""
import os
import pathlib
import random
import subprocess
import time

import modal

app = modal.App("bench-volumes")
large, small = (modal.Volume.from_name(name, create_if_missing=True, version=2) for name in ("bench-large", "bench-small"))
READ_MIB, RANDOM_READS = 256, 4000


def fill(folder, files):
    """Files of a few bytes, a thousand a folder, and a large one."""
    for number in range(files):
        at = pathlib.Path(folder, f"d{number // 1000}")
        if number % 1000 == 0:
            at.mkdir(exist_ok=True)
        (at / str(number)).write_text(str(number))
    chance = random.Random(1)
    with open(pathlib.Path(folder, "large"), "wb") as out:
        for _ in range(READ_MIB):
            out.write(chance.randbytes(1 << 20))


def timed(work):
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def read_all(folder):
    with open(pathlib.Path(folder, "large"), "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def read_random(folder):
    chance = random.Random(2)
    fd = os.open(pathlib.Path(folder, "large"), os.O_RDONLY)
    for _ in range(RANDOM_READS):
        os.pread(fd, 4096, chance.randrange(READ_MIB << 8) << 12)
    os.close(fd)


def find(folder):
    subprocess.run(["find", folder, "-type", "f", "-name", "x"], check=True)


def times(folder):
    return {work.__name__: timed(lambda: work(folder)) for work in (read_all, read_random, find)}


@app.cls(volumes={"/large": large, "/small": small}, timeout=3600, scaledown_window=600, max_containers=1)
class Box:
    @modal.method()
    def prepare(self, files):
        for folder, volume, count in (("/large", large, files), ("/small", small, 10)):
            fill(folder, count)
            volume.commit()

    @modal.method()
    def times(self):
        return times("/large")

    @modal.method()
    def commit(self, name):
        """One file changed, and what its commit takes."""
        pathlib.Path("/", name, "d0", "5").write_text(str(time.time()))
        return timed({"large": large, "small": small}[name].commit)

    @modal.method()
    def reload(self):
        return timed(large.reload)
