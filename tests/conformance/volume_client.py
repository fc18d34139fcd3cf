"""Writers and a reader of one volume, with the official client. A set is a folder whose files a, b and c are written together, so that a tree with parts of two
writes is seen. Prints what was asked, what came, and when, as one JSON line a use.
volume_client.py VOLUME STOP_FILE ROLE…    ROLE: upload-NAME, call-NAME (has containers of the function `work` write), read"""
import io
import json
import os
import random
import sys
import threading
import time

import modal
from grpclib.exceptions import StreamTerminatedError

VOLUME, STOP, *ROLES = sys.argv[1:]
TOO_LARGE = (1 << 20) + 1  # of a file where the server was started with --volume-file-max 1
vol = modal.Volume.from_name(VOLUME, create_if_missing=True, version=int(os.environ.get("VOLUME_VERSION", 2)))
printing = threading.Lock()


def note(**what):
    with printing:
        print(json.dumps(what), flush=True)


def upload(name, chance):
    """To a set of its own and to one that all write; now and then together with a file that the server refuses, which must leave nothing."""
    number = 0
    while not os.path.exists(STOP):
        number += 1
        doomed, base = chance.random() < 0.15, f"{name}-{number}"
        use = {"by": name, "what": "put", "set": chance.choice(["shared", f"own-{name}"]), "base": base, "value": f"{base}/", "began": time.monotonic()}
        data = f"{use['value']}\n".encode() * chance.choice([10, 1000, 60_000])
        try:
            with vol.batch_upload(force=True) as batch:
                for file in "abc":
                    batch.put_file(io.BytesIO(data), f"/{use['set']}/{file}")
                if doomed:
                    batch.put_file(io.BytesIO(bytes(TOO_LARGE)), "/too-large")
            note(**use, ended=time.monotonic(), outcome="taken" if doomed else "kept")
        except Exception as error:  # the server was killed under it: it may have happened or not
            note(**use, outcome="refused" if doomed else "unknown", error=repr(error)[:200])


def result_of(spawned):
    """What was spawned outlives the server: whoever loses the connection asks again."""
    while True:
        try:
            return spawned.get(timeout=300)
        except (ConnectionError, StreamTerminatedError, modal.exception.ConnectionError):
            note(by="caller", what="call", outcome="connection lost")


def call(name, chance):
    """Has a container read all sets at one version and write one of them. The server may run it twice: the value says which run it was."""
    work = modal.Function.from_name(VOLUME, "work")
    number = 0
    while not os.path.exists(STOP):
        number += 1
        use = {"by": name, "what": "put", "set": chance.choice(["shared", f"own-{name}"]), "base": f"{name}-{number}", "began": time.monotonic()}
        try:
            words = use["set"], use["base"], chance.choice(["over", "anew", "renamed"]), number % 3 == 1
            value, seen, refused = result_of(work.spawn(*words))
        except Exception as error:
            note(**use, outcome="unknown", error=repr(error)[:200])
            continue
        ended = time.monotonic()
        note(**use, ended=ended, value=value, outcome="kept", refused=refused)
        for each, found in seen.items():
            note(by=name, what="get", set=each, files=found, began=use["began"], ended=ended)


def read(chance):
    while not os.path.exists(STOP):
        one, file, began = chance.choice(["shared", "own-u1", "own-u2", "own-c1"]), chance.choice("abc"), time.monotonic()
        try:
            lines = set(b"".join(vol.read_file(f"/{one}/{file}")).decode().split())
        except FileNotFoundError:
            lines = None
        except Exception:  # the server was killed under it
            continue
        found = {} if lines is None else {file: min(lines) if len(lines) == 1 else str(lines)}
        note(by="reader", what="get", set=one, files=found, began=began, ended=time.monotonic())
        time.sleep(0.02)


def play(role):
    kind, _, name = role.partition("-")
    chance = random.Random(role)
    read(chance) if kind == "read" else {"upload": upload, "call": call}[kind](name, chance)


players = [threading.Thread(target=play, args=[role]) for role in ROLES]
for each in players:
    each.start()
for each in players:
    each.join()
