"""Histories of queues, dicts and secrets under `kill -9` of the server at random moments: nothing acknowledged is lost, nothing is delivered twice, order holds
within a partition, a dict behaves as if its calls, also those for several keys, came one after the other, and a secret has its last value. IONIAN_HISTORY_SECONDS says how long (60)."""
import collections
import json
import os
import pathlib
import random
import subprocess

from conftest import CLIENTS, Server

SECONDS = float(os.environ.get("IONIAN_HISTORY_SECONDS", "60"))


def record(server, seed, seconds=SECONDS):
    """The calls of one run: [{"put": …}, {"got": …}, {"what": …}, …]."""
    folder = server.folder
    pair, address = server.token(), server.ready["grpc_url"].removeprefix("http://")
    stop, chance = pathlib.Path(folder, "stop"), random.Random(seed)
    host, port = address.split(":")
    with open(pathlib.Path(folder, "history"), "w+") as out, open(pathlib.Path(folder, "errors"), "w+") as errors:
        client = subprocess.Popen([CLIENTS["new"] / "bin/python", pathlib.Path(__file__).with_name("data_client.py"), host, port, pair["token_id"],
                                   pair["token_secret"], str(seed), str(stop)], stdout=out, stderr=errors)
        try:
            kills = server.kill_at_random(chance, seconds)
            stop.touch()
            assert client.wait(120) == 0, pathlib.Path(folder, "errors").read_text()
        finally:
            client.kill()
            server.stop()
        out.seek(0)
        calls = [json.loads(line) for line in out]
    print(f"seed {seed}: {len(calls)} calls, {kills} kills")
    return calls, kills


def check_queue(calls):
    put = collections.defaultdict(list)
    got = collections.defaultdict(list)
    for call in calls:
        put[call.get("partition")] += call.get("put", [])
        got[call.get("partition")] += call.get("got", [])
    assert sum(map(len, put.values())) > 50
    for partition, values in put.items():
        twice = [v for v, n in collections.Counter(got[partition]).items() if n > 1]
        assert not twice, f"delivered twice: {twice[:10]}"
        assert set(values) - set(got[partition]) == set(), "acknowledged, and lost"
        assert set(got[partition]) - set(values) == set(), "delivered, and never put"
    # What one taker sees of one producer comes in the order in which it was put.
    seen = {}
    for call in calls:
        for value in call.get("got", []):
            producer, number = map(int, value.split("-"))
            assert seen.get((call["by"], producer), -1) < number, f"{value} came after a later one"
            seen[call["by"], producer] = number


def step(state, call):
    """(whether the call may have had this result, the state after it). The state is that of all keys: an update of several is one call."""
    what, result, keys = call["what"], call["result"], call["keys"]
    now = dict(state)
    if what == "get":
        return result == now.get(keys[0]), state
    if what == "pop":
        return result == now.pop(keys[0], None), frozenset(now.items())
    if what == "clear":
        return True, frozenset()
    if what == "claim" and keys[0] in now:
        return result is False, state
    return result is True, frozenset((now | dict.fromkeys(keys, call["value"])).items())


def linearizable(calls):
    """Whether some order of the calls, each at a moment between its begin and end, explains all results."""
    calls = sorted(calls, key=lambda call: call["began"])
    # (how many are done for certain, those done beyond them, state); each is visited once.
    start = (0, frozenset(), frozenset())
    todo, known = [start], {start}
    while todo:
        done, beyond, state = todo.pop()
        if done == len(calls):
            return True
        first_end = float("inf")
        for i in range(done, len(calls)):
            if calls[i]["began"] > first_end:
                break
            if i in beyond:
                continue
            first_end = min(first_end, calls[i]["ended"])
            may, after = step(state, calls[i])
            if not may:
                continue
            now, rest = done, set(beyond) | {i}
            while now in rest:
                rest.remove(now)
                now += 1
            following = (now, frozenset(rest), after)
            if following not in known:
                known.add(following)
                todo.append(following)
    return False


def check_dict(calls):
    history = [call for call in calls if "what" in call]
    assert len(history) > 50 and any(len(call["keys"]) > 1 for call in history)
    assert linearizable(history), f"no order of the {len(history)} calls of a dict explains their results"


def check_secrets(calls):
    secrets = [call for call in calls if "secret" in call]
    assert len(secrets) == 2 and all(secret["values"] > 5 for secret in secrets), secrets
    assert all(secret["last"] and not secret["before"] for secret in secrets), secrets


def test_the_check_itself():
    """A checker that finds nothing wrong with wrong histories would prove nothing."""
    def call(what, result, began, ended, value="v", keys="k"):
        return {"what": what, "result": result, "began": began, "ended": ended, "value": value, "keys": list(keys)}

    assert linearizable([call("put", True, 0, 1), call("get", "v", 2, 3), call("pop", "v", 4, 5), call("get", None, 6, 7)])
    assert linearizable([call("put", True, 0, 9), call("get", None, 1, 2), call("get", "v", 3, 4)])
    assert not linearizable([call("put", True, 0, 1), call("get", None, 2, 3)])
    assert not linearizable([call("put", True, 0, 9), call("get", "v", 1, 2), call("get", None, 3, 4)])
    assert not linearizable([call("claim", True, 0, 1, "a"), call("claim", True, 2, 3, "b")])
    assert not linearizable([call("put", True, 0, 1), call("pop", "v", 2, 3), call("pop", "v", 4, 5)])
    assert linearizable([call("put", True, 0, 1), call("clear", None, 2, 9), call("get", "v", 3, 4), call("get", None, 5, 6), call("claim", True, 7, 8)])
    assert not linearizable([call("put", True, 0, 1), call("clear", None, 2, 3), call("get", "v", 4, 5)])
    assert not linearizable([call("clear", None, 0, 1), call("put", True, 2, 3), call("get", None, 4, 5)]), "cleared twice"
    both = call("put", True, 0, 9, keys="ab")
    assert linearizable([both, call("get", None, 1, 2, keys="b"), call("get", "v", 3, 4, keys="a"), call("get", "v", 5, 6, keys="b")])
    assert not linearizable([both, call("get", "v", 1, 2, keys="a"), call("get", None, 3, 4, keys="b")]), "half of an update was seen"


def test_kills_lose_nothing(tmp_path):
    calls, kills = record(Server(tmp_path).start(), seed=int(os.environ.get("IONIAN_HISTORY_SEED", "1")))
    assert kills >= 3
    check_queue(calls)
    check_dict(calls)
    check_secrets(calls)
