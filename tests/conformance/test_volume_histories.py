"""A volume under `kill -9` of the server at random moments: what was acknowledged is there, a tree is that of one upload and never of two, and every
block is what its name says. IONIAN_HISTORY_SECONDS says how long (60)."""
import json
import os
import pathlib
import random
import subprocess
import time

from conftest import CLIENTS, Client, Server, python

SECONDS = float(os.environ.get("IONIAN_HISTORY_SECONDS", "60"))

LOOK = """
    import collections
    vol = modal.Volume.from_name("history")
    found = {}
    for name in "abc":
        try:
            lines = b"".join(vol.read_file(f"/set/{name}")).split()
        except FileNotFoundError:
            continue
        assert len(set(lines)) == 1, f"{name} has lines of {set(lines)}"
        found[name] = int(lines[0])
    print(found)
"""


def check(lines, found):
    """`found`: the number of the set that each file is of."""
    numbers = set(found.values())
    assert len(numbers) <= 1 and len(found) in (0, 3), f"a tree of several uploads: {found}"
    kept = max([line["kept"] for line in lines if "kept" in line], default=0)
    began = max([line["began"] for line in lines if "began" in line], default=0)
    now = max(numbers, default=0)
    assert kept <= now <= began, f"{now} is there, {kept} was acknowledged, {began} was begun"


def test_the_check_itself():
    import pytest
    lines = [{"began": 1}, {"kept": 1}, {"began": 2}, {"failed": 2}]
    for fine in ({"a": 1, "b": 1, "c": 1}, {"a": 2, "b": 2, "c": 2}):
        check(lines, fine)
    for wrong in ({"a": 1, "b": 2, "c": 1}, {"a": 1, "b": 1}, {}, {"a": 3, "b": 3, "c": 3}):
        with pytest.raises(AssertionError):
            check(lines, wrong)


def test_kills_leave_whole_trees(tmp_path):
    write_and_check(Server(tmp_path).start(), tmp_path)


def write_and_check(server, tmp_path, seconds=SECONDS):
    chance = random.Random(7)
    client = Client(server, tmp_path)
    stop, out = tmp_path / "stop", tmp_path / "history"
    program = pathlib.Path(__file__).with_name("volume_client.py")
    with open(out, "w") as lines:
        writer = subprocess.Popen([CLIENTS["new"] / "bin/python", program, "history", stop], stdout=lines, stderr=subprocess.DEVNULL, env=client.env)
        try:
            end = time.monotonic() + 60
            while "kept" not in out.read_text() and time.monotonic() < end:
                time.sleep(0.1)
            kills = server.kill_at_random(chance, seconds)
            stop.touch()
            assert writer.wait(600) == 0
            history = [json.loads(line) for line in out.read_text().splitlines()]
            found = eval(python(client, LOOK))
            print(f"{len(history)} lines, {kills} kills, {found}")
            assert kills >= 3 and any("kept" in line for line in history)
            check(history, found)
            assert server.owner("admin", "volumes", "check")["problems"] == []
        finally:
            writer.kill()
            server.stop()
