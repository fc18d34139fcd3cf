#!/usr/bin/env python3
"""usage: serve.py FOLDER serve …    Starts a server that outlives this command, and prints its log up to when it serves.
FOLDER/server.pid names it."""
import os
import pathlib
import subprocess
import sys
import time

folder = pathlib.Path(sys.argv[1])
ready, log = folder / "ready.json", folder / "server.log"
ready.unlink(missing_ok=True)
with open(log, "wb") as out:
    server = subprocess.Popen([os.environ["IONIAN"], *sys.argv[2:], "--ready-file", str(ready)], stdout=out, stderr=out, start_new_session=True)
deadline = time.monotonic() + 60
while not ready.exists() and server.poll() is None and time.monotonic() < deadline:
    time.sleep(0.02)
print(log.read_text(), end="")
if not ready.exists():
    server.kill()
    sys.exit(server.wait())
(folder / "server.pid").write_text(str(server.pid))
