"""Volumes inside a container beside the same work on the machine's own file system, by the official client and runtime."""
import contextlib
import json
import os
import tempfile

import servers
from figures import compared, plain

ROUNDS = 5
ROWS = {
    "read_all": ("volume: 256 MiB read in order", "the machine's file system", "≤ 1.05×"),
    "read_random": ("volume: 4,000 random reads of 4 KiB", "the machine's file system", "≤ 1.11×"),
    "find": ("volume: find over all files", "the machine's file system", "≤ 1.25×"),
    "commit": ("volume: commit after 1 change of {files} files", "of 10 files", "≤ 2×"),
    "upload": ("volume: upload of 256 MiB, official client", "write + fsync of the same", ""),
    "upload again": ("volume: upload of what is there", "write + fsync of the same", ""),
}


def run(bench):
    files = 50_000 // bench.scale
    server, venv = servers.Ionian(bench.build), servers.client_venv()
    with contextlib.closing(server), tempfile.TemporaryDirectory(dir=server.folder) as folder:
        env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": "/nonexistent",
               "PYTHONPATH": os.fspath(servers.HERE), **server.client_env(bench.build)}
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
