"""A volume under `kill -9` of the server at random moments, while clients and containers write the same files of it and files of their own: what was acknowledged
is there, of each file the last write, a tree never has parts of two writes, what was refused is nowhere, and every block is what its name says.
IONIAN_HISTORY_SECONDS says how long (60)."""
import collections
import json
import os
import pathlib
import random
import subprocess
import time

import pytest
from conftest import CLIENTS, Client, Server, python
from test_data_histories import linearizable

SECONDS = float(os.environ.get("IONIAN_HISTORY_SECONDS", "60"))
# A file of more than 1 MiB is one that the server refuses.
OPTIONS = ["--volume-file-max", "1", "--volume-commit-seconds", "0"]

APP = """
    import os, shutil, uuid
    import modal

    app = modal.App("history")
    vol = modal.Volume.from_name("history", create_if_missing=True, version=2)

    def look(folder):
        found = {}
        for file in "abc":
            try:
                lines = set(open(f"{folder}/{file}").read().split())
            except FileNotFoundError:
                continue
            found[file] = min(lines) if len(lines) == 1 else str(lines)
        return found

    def write(folder, value):
        for file in "abc":
            with open(f"{folder}/{file}", "w") as out:
                out.write(f"{value}\\n" * 1000)

    @app.function(volumes={"/vol": vol}, max_containers=2)
    def work(written, value, how, doomed):
        vol.reload()
        seen = {name: look(f"/vol/{name}") for name in sorted({"shared", written, *os.listdir("/vol")})}
        folder, run, refused = f"/vol/{written}", uuid.uuid4().hex[:8], None
        os.makedirs(folder, exist_ok=True)
        if doomed:
            write(folder, f"refused/{value}")
            with open("/vol/too-large", "wb") as large:
                large.truncate((1 << 20) + 1)
            try:
                vol.commit(); refused = "taken"
            except Exception as error:
                refused = str(error)
            os.remove("/vol/too-large")
        if how == "over":
            write(folder, f"{value}/{run}")
        elif how == "anew":
            shutil.rmtree(folder); os.mkdir(folder); write(folder, f"{value}/{run}")
        else:
            other = f"/vol/{run}"
            os.mkdir(other); write(other, f"{value}/{run}"); shutil.rmtree(folder); os.rename(other, folder)
        vol.commit()
        return f"{value}/{run}", seen, refused
"""

LOOK = """
    import json
    vol = modal.Volume.from_name("history")
    found = {}
    for entry in vol.listdir("/", recursive=True):
        folder, _, name = entry.path.partition("/")
        files = found.setdefault(folder, {})
        if name:
            lines = set(b"".join(vol.read_file(entry.path)).decode().split())
            files[name] = min(lines) if len(lines) == 1 else str(lines)
    print(json.dumps(found))
"""


def register(uses):
    """The uses of one set as calls that linearizable() knows. A write of which nobody knows whether it happened did before it was seen, or left nothing; a
    container's may have happened more than once, each time with a value of its own."""
    seen, calls = {}, []
    for use in uses:
        if use["what"] == "get":
            seen[use["value"]] = min(use["ended"], seen.get(use["value"], use["ended"]))
            calls.append(use | {"result": use["value"]})
    for use in uses:
        if use["what"] != "put":
            continue
        kept = {use["value"]: use["ended"]} if use["outcome"] == "kept" else {}
        perhaps = {value: end for value, end in seen.items() if value and value.startswith(use["base"] + "/")} if use["outcome"] != "refused" else {}
        calls += [use | {"value": value, "ended": end, "result": True} for value, end in (perhaps | kept).items()]
    return [call | {"keys": ["set"]} for call in calls]


def check(history, last):
    """`last`: what is there at the end, by set and file."""
    history = [use for use in history if use["what"] != "call"]
    sets = {use["set"] for use in history} | set(last)
    uses = history + [{"by": "end", "what": "get", "set": one, "files": last.get(one, {}), "began": 1e12, "ended": 1e12} for one in sets]
    for use in uses:
        if use["what"] == "get":
            values = set(use["files"].values())
            assert len(values) <= 1 and (use["by"] == "reader" or len(use["files"]) in (0, 3)), f"parts of several writes: {use}"
            use["value"] = min(values, default=None)
        else:
            assert "taken" not in (use["outcome"], use.get("refused")), f"too large, and not refused: {use}"
    for one in sets:
        calls = register([use for use in uses if use["set"] == one])
        assert linearizable(calls), f"no order of the {len(calls)} uses of {one} explains what was seen"


def test_the_check_itself():
    def put(value, began, ended, outcome="kept"):
        return {"by": "u", "what": "put", "set": "s", "base": value.split("/")[0], "value": value, "began": began, "ended": ended, "outcome": outcome}

    def whole(value):
        return {"s": dict.fromkeys("abc", value)}

    def get(value, began, ended, files="abc", by="c"):
        return {"by": by, "what": "get", "set": "s", "files": dict.fromkeys(files, value), "began": began, "ended": ended}

    first, second, lost = put("u-1/", 1, 2), put("u-2/", 3, 4), put("u-3/", 5, None, "unknown")
    check([first, second], whole("u-2/"))
    check([first, second, lost], whole("u-2/"))
    check([first, second, lost], whole("u-3/"))
    check([first, second, get("u-1/", 2, 3.5), lost, get("u-3/", 6, 7, "b", "reader")], whole("u-3/"))
    check([first, put("c-1/second", 3, 9), get("c-1/first", 4, 5)], whole("c-1/second"))
    for uses, last in (([first, second], whole("u-1/")), ([first, second], {}), ([first, second], {"s": {"a": "u-2/", "b": "u-2/"}}),
                       ([first, second], {"s": {"a": "u-1/", "b": "u-2/", "c": "u-2/"}}), ([first, put("u-2/", 3, None, "refused")], whole("u-2/")),
                       ([first, second, lost, get("u-3/", 6, 7)], whole("u-2/")), ([first, second, get("u-1/", 5, 6, "a", "reader")], whole("u-2/")),
                       ([first, put("c-1/second", 3, 9), get("c-1/first", 4, 5)], whole("u-1/")), ([first], whole("nobody's"))):
        with pytest.raises(AssertionError):
            check(uses, last)


def test_kills_leave_whole_trees(tmp_path, built):
    server = Server(tmp_path).take_over(built).start(*OPTIONS)
    client = Client(server, tmp_path)
    client.run("deploy", client.write(APP, "history_app.py"))
    history = write_and_check(server, client, SECONDS, [["upload-u1", "read"], ["upload-u2", "call-c1", "call-c2"]], longest=8)
    by = {use["by"] for use in history if use["what"] == "put" and use["outcome"] == "kept"}
    assert by == {"u1", "u2", "c1", "c2"} and any(use.get("refused") for use in history), by


def test_kills_leave_whole_trees_of_version_1_too(tmp_path):
    """Whose files come by requests of their own; what is made of them is the same."""
    server = Server(tmp_path).start(*OPTIONS)
    client = Client(server, tmp_path)
    client.env["VOLUME_VERSION"] = "1"
    history = write_and_check(server, client, SECONDS / 4, [["upload-u1", "read"], ["upload-u2"]])
    assert {use["by"] for use in history if use["what"] == "put" and use["outcome"] == "kept"} == {"u1", "u2"}


def write_and_check(server, client, seconds, people, longest=3):
    chance = random.Random(7)
    stop, outs = client.folder / "stop", [client.folder / f"history-{n}" for n in range(len(people))]
    program = pathlib.Path(__file__).with_name("volume_client.py")
    running = []
    try:
        for out, roles in zip(outs, people):
            with open(out, "w") as lines:
                running.append(subprocess.Popen([CLIENTS["new"] / "bin/python", program, "history", stop, *roles], stdout=lines, stderr=subprocess.DEVNULL,
                                                env=client.env))
        end = time.monotonic() + 60
        while not all("kept" in out.read_text() for out in outs) and time.monotonic() < end:
            time.sleep(0.1)
        kills = server.kill_at_random(chance, seconds, *OPTIONS, longest=longest)
        stop.touch()
        assert [each.wait(600) for each in running] == [0] * len(running)
        history = [json.loads(line) for out in outs for line in out.read_text().splitlines()]
        last = json.loads(python(client, LOOK))
        print(f"{kills} kills; " + ", ".join(f"{n} {what}" for what, n in collections.Counter(
            f"{use['by']} {use['what']} {use.get('outcome', '')}" for use in history).items()))
        assert kills >= 3
        check(history, last)
        assert server.owner("admin", "volumes", "check")["problems"] == []
        return history
    finally:
        for each in running:
            each.kill()
        server.stop()
