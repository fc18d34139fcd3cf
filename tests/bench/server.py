"""The server by itself: how fast it is there, what it holds, how large it is."""
import pathlib
import re
import subprocess
import tempfile

from figures import plain
from servers import Ionian

STARTS = 10


def memory_mb(pid):
    """What the process holds that no other shares by half: its part of the machine's memory."""
    return int(re.search(r"^Pss: +(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 1024


def stripped_mb(program):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, program], check=True)
        return pathlib.Path(file.name).stat().st_size / 1e6


def run(bench):
    ready, memory = [], []
    for _ in range(STARTS):
        server = Ionian(bench.build)
        ready.append(server.ready_ms)
        memory.append(memory_mb(server.pid))
        server.close()
    yield plain("server, start to ready, empty folder", "ms", ready, "≤ 200 ms")
    yield plain("server, idle memory", "MB", memory, "≤ 60 MB")
    yield plain("server, stripped binary", "MB", [stripped_mb(bench.ionian)], "≤ 40 MB")
