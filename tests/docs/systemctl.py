#!/usr/bin/env python3
"""usage: systemctl.py FOLDER VERB [--now] ionian    Stands in for systemctl, of which a test machine has none: starts what the unit
below FOLDER says, as it says, and stops it with SIGTERM."""
import configparser
import os
import pathlib
import select
import shlex
import signal
import subprocess
import sys

folder, (verb, *rest) = pathlib.Path(sys.argv[1]), sys.argv[2:]
unit, running = folder / "etc/systemd/system/ionian.service", folder / "server.pid"


def stop():
    if not running.exists():
        return
    server = os.pidfd_open(int(running.read_text()))
    signal.pidfd_send_signal(server, signal.SIGTERM)
    if not select.select([server], [], [], 60)[0]:
        sys.exit("the server does not end")
    running.unlink()


def start():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    assert parser.read(unit), f"there is no {unit}"
    service = parser["Service"]
    name, _, value = service["Environment"].partition("=")
    data = folder / "var/lib" / service["StateDirectory"]
    data.mkdir(mode=int(service["StateDirectoryMode"], 8), exist_ok=True)
    (folder / "var/cache" / service["CacheDirectory"]).mkdir(exist_ok=True)
    subprocess.run(shlex.split(service["ExecStart"]), check=True, env=os.environ | {name: value}, stdout=subprocess.DEVNULL)


if verb in ("stop", "restart") or (verb == "disable" and "--now" in rest):
    stop()
if verb in ("start", "restart") or (verb == "enable" and "--now" in rest):
    start()
