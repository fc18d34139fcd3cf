"""What programs do with files, timed inside a container and, by the same code, on the machine itself."""
import os
import pathlib
import random
import subprocess
import time

import modal

app = modal.App("bench-volumes")
large, small = (modal.Volume.from_name(name, create_if_missing=True, version=2) for name in ("bench-large", "bench-small"))
READ_MIB, RANDOM_READS = 256, 20_000
# tests/bench/file_reads.cc, here and in the container.
READER = os.environ.get("FILE_READS", "/opt/file_reads")
image = modal.Image.debian_slim()
if "FILE_READS" in os.environ:
    image = image.add_local_file(READER, "/opt/file_reads")


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


def times(folder):
    out = subprocess.run([READER, f"{folder}/large", str(RANDOM_READS)], check=True, capture_output=True, text=True).stdout
    in_order, anywhere = map(float, out.split())
    find = timed(lambda: subprocess.run(["find", folder, "-type", "f", "-name", "x"], check=True))
    return {"read_all": in_order, "read_random": anywhere, "find": find}


@app.cls(image=image, volumes={"/large": large, "/small": small}, timeout=3600, scaledown_window=600, max_containers=1)
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
