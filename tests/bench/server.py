"""The server by itself: how fast it is there, also after it was killed at its work, what it holds, how large it is."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from figures import plain
from servers import Ionian, client_venv, output

STARTS, RESTARTS, SPAWNED, CONTAINERS = 10, 5, 2000, 4
LOAD = f"""
import modal

app = modal.App("load")

@app.function(max_containers={CONTAINERS}, timeout=3600)
def hold(n):
    import time
    time.sleep(3600)

if __name__ == "__main__":
    app.deploy()
    hold.experimental_spawn_map(range({SPAWNED}))
"""


def memory_mb(pid):
    """What the process holds that no other shares by half: its part of the machine's memory."""
    return int(re.search(r"^Pss: +(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) / 1024


def stripped_mb(program):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, program], check=True)
        return pathlib.Path(file.name).stat().st_size / 1e6


def restarts(bench):
    """Times to ready of servers whose former life was killed while containers ran and calls waited."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ionian-bench."))
    server = Ionian(bench.build, folder=folder)
    try:
        (folder / "load.py").write_text(LOAD)
        env = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": "/nonexistent", **server.client_env(bench.build)}
        output(client_venv() / "bin/python", folder / "load.py", env=env)
        times = []
        for _ in range(RESTARTS):
            while json.loads(output(bench.ionian, "admin", "status", "--data", folder / "data", "--json"))["containers"] < CONTAINERS:
                time.sleep(0.1)
            server.process.popen.kill()
            server.process.popen.wait()
            server = Ionian(bench.build, folder=folder)
            times.append(server.ready_ms)
        return times
    finally:
        server.close()
        shutil.rmtree(folder)


def run(bench):
    ready, memory = [], []
    for _ in range(STARTS):
        server = Ionian(bench.build)
        ready.append(server.ready_ms)
        memory.append(memory_mb(server.pid))
        server.close()
    yield plain("server, start to ready, empty folder", "ms", ready, "≤ 200 ms")
    yield plain(f"server, kill -9 with {CONTAINERS} containers and {SPAWNED} calls: start to ready", "ms", restarts(bench), "≤ 1,000 ms")
    yield plain("server, idle memory", "MB", memory, "≤ 60 MB")
    yield plain("server, stripped binary", "MB", [stripped_mb(bench.ionian)], "≤ 40 MB")
