"""Volumes inside a container beside the same work on the machine's own file system, by the official client and runtime; and uploads, by it and by a C++ client."""
import contextlib
import json
import os
import random
import subprocess
import tempfile
import time

import servers
from figures import compared, plain

ROUNDS = 5
BLOCK = 8 << 20
ROWS = {
    "read_all": ("volume: 256 MiB read in order", "the machine's file system", "≤ 1.05×"),
    "read_random": ("volume: 20,000 random reads of 4 KiB", "the machine's file system", "≤ 1.11×"),
    "find": ("volume: find over {files} files", "the machine's file system", "≤ 1.25×"),
    "commit": ("volume: commit after 1 change of {files} files", "of 10 files", "≤ 2×"),
}


def run(bench):
    yield from of_containers(bench, 50_000 // bench.scale)
    yield from of_uploads(bench, 1024 // (4 if bench.scale > 1 else 1))


def client_env(build, **more):
    return {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": "/nonexistent",
            "PYTHONPATH": os.fspath(servers.HERE), **more}


def of_containers(bench, files):
    server, venv = servers.Ionian(bench.build), servers.client_venv()
    with contextlib.closing(server), tempfile.TemporaryDirectory(dir=server.folder) as folder:
        env = client_env(bench.build, FILE_READS=os.fspath(bench.program("file_reads")), **server.client_env(bench.build))
        out = servers.output(venv / "bin/python", servers.HERE / "volumes_caller.py", files, ROUNDS, folder, env=env)
        for line in out.splitlines():
            if not line.startswith("{"):
                continue
            found = json.loads(line)
            if found["row"] == "reload":
                yield plain(f"volume: reload of {files:,} files with 1 change", "ms", found["ours"], "≤ 20 ms")
                continue
            name, against, goal = ROWS[found["row"]]
            yield compared(name.format(files=f"{files:,}"), "ms", found["ours"], found["floor"], against, goal)


class Lines:
    """A program that answers each line of its input with one of its own."""

    def __init__(self, *words, **more):
        self.process = servers.Process(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)

    def __call__(self, line):
        pipes = self.process.popen
        pipes.stdin.write(f"{line}\n")
        pipes.stdin.flush()
        return [float(word) for word in pipes.stdout.readline().split()]

    def close(self):
        self.process.close()


def stamp(path, number):
    """Each of its blocks becomes another one."""
    with open(path, "r+b") as file:
        for at in range(0, os.path.getsize(path), BLOCK):
            file.seek(at)
            file.write(number.to_bytes(8, "little"))
        os.fsync(file.fileno())


def copied(source, target):
    """ms of cp and fsync."""
    began = time.perf_counter()
    subprocess.run(["cp", source, target], check=True)
    with open(target, "rb") as file:
        os.fsync(file.fileno())
    return (time.perf_counter() - began) * 1e3


def of_uploads(bench, mib):
    server, venv = servers.Ionian(bench.build), servers.client_venv()
    with contextlib.closing(server), contextlib.closing(servers.Sink(bench.build)) as sink, tempfile.TemporaryDirectory(dir=server.folder) as folder:
        source, chance = os.path.join(folder, "source"), random.Random(1)
        with open(source, "wb") as out:
            for _ in range(mib):
                out.write(chance.randbytes(1 << 20))
        env = server.client_env(bench.build)
        official = Lines(venv / "bin/python", servers.HERE / "uploads_caller.py", source, env=client_env(bench.build, **env))
        floor = Lines(venv / "bin/python", servers.HERE / "uploads_caller.py", source, env=client_env(bench.build, **sink.client_env()))
        raw = Lines(bench.program("block_sender"), env["MODAL_SERVER_URL"].removeprefix("http://"), env["MODAL_TOKEN_ID"], env["MODAL_TOKEN_SECRET"],
                    "bench-uploads", source)
        with contextlib.closing(official), contextlib.closing(floor), contextlib.closing(raw):
            rounds = [round_of_uploads(number, server.pid, source, official, floor, raw) for number in range(1, ROUNDS + 1)]
    yield compared(f"volume: upload of {mib:,} MiB, C++ client", "ms", *pairs(rounds, "raw", "cp"), "cp + fsync", "≤ 2×")
    yield compared(f"volume: upload of {mib:,} MiB, official client", "ms", *pairs(rounds, "official", "sink"), "a gateway that throws the bytes away", "≤ 1.67×")
    yield compared("volume: the same again, bytes sent", "MB", *pairs(rounds, "again bytes", "bytes"), "the first time", "≤ 0.01×")
    yield compared("volume: the same again, server's CPU", "ms", *pairs(rounds, "again cpu", "cpu"), "the first time", "≤ 0.02×")


def pairs(rounds, ours, floor):
    return [[r[ours]] for r in rounds], [[r[floor]] for r in rounds]


def round_of_uploads(number, pid, source, official, floor, raw):
    found = {}
    stamp(source, 1000 + number)
    (found["sink"],), (found["official"],) = floor(number), official(number)
    found["cp"] = copied(source, source + ".copy")
    os.unlink(source + ".copy")
    for turn in ("", "again "):
        cpu = servers.cpu_seconds(pid)
        ms, sent = raw(f"/raw/{number} {number}")
        found[turn + "cpu"], found[turn + "bytes"] = (servers.cpu_seconds(pid) - cpu) * 1e3, sent / 1e6
        found.setdefault("raw", ms)
    return found
