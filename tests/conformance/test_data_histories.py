"""Histories of queues, dicts and secrets under `kill -9` of the server at random moments: nothing acknowledged is lost, nothing is delivered twice, order holds
within a partition, whoever puts and takes, and a dict or a secret behaves as if its calls, also those for several keys, came one after the other. IONIAN_HISTORY_SECONDS says how long (60)."""
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
    put, got, failed = (collections.defaultdict(dict) for _ in range(3))
    for take, call in enumerate(calls):
        partition = call.get("partition")
        for value in call.get("put", []) + call.get("maybe", []):
            put[partition][value] = (call["began"], call.get("ended", float("inf")))
        for place, value in enumerate(call.get("got", [])):
            assert value not in got[partition], f"delivered twice: {value}"
            got[partition][value] = (call["began"], call["ended"], take, place)
        failed[partition]["items"] = failed[partition].get("items", 0) + call.get("gave_up", 0)
    assert sum(map(len, put.values())) > 50
    for partition, values in put.items():
        lost = {value for value, (_, ended) in values.items() if ended < float("inf")} - set(got[partition])
        # A taker that gave up may have got them, and not know it.
        assert len(lost) <= failed[partition]["items"], f"acknowledged, and lost: {sorted(lost)[:10]}"
        assert set(got[partition]) - set(values) == set(), "delivered, and never put"
        check_order(values, got[partition])
    # What one taker sees of one producer comes in the order in which it was put.
    seen = {}
    for call in calls:
        for value in call.get("got", []):
            producer, number = map(int, value.split("-"))
            assert seen.get((call["by"], producer), -1) < number, f"{value} came after a later one"
            seen[call["by"], producer] = number


def check_order(put, got):
    """What was put for certain before another was put did not come for certain after that, whoever put and took them."""
    by_end = sorted((ended, value) for value, (_, ended) in put.items() if value in got)
    by_begin = sorted((began, value) for value, (began, _) in put.items() if value in got)
    before, latest, place_of = 0, (float("-inf"), ""), {}
    for began, value in by_begin:
        _, taken_ended, take, place = got[value]
        assert began < taken_ended, f"{value} came before it was put"
        while by_end[before][0] < began:
            other = by_end[before][1]
            latest = max(latest, (got[other][0], other))
            # Of those that one take brought: the last of them.
            place_of[got[other][2]] = max(place_of.get(got[other][2], -1), got[other][3])
            before += 1
        assert latest[0] < taken_ended, f"{latest[1]} was put before {value}, and came after it"
        assert place_of.get(take, -1) < place, f"{value} stands before an earlier one"


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


def secret_step(state, call):
    """The same of one secret: None, or its id and the names of its variables."""
    what, result, variable = call["secret"], call["result"], call["variable"]
    if what == "read":
        return result == (state and [state[0], *sorted(state[1])]), state
    if what == "write":
        return result[1:] == [variable] and (state is None or state[0] == result[0]), (result[0], frozenset([variable]))
    if state is None or state[0] != call["id"]:
        return result is None, state
    return result is True, (state[0], state[1] | {variable}) if what == "merge" else None


def linearizable(calls, step=step, state=frozenset()):
    """Whether some order of the calls, each at a moment between its begin and end, explains all results."""
    calls = sorted(calls, key=lambda call: call["began"])
    # (how many are done for certain, those done beyond them, state); each is visited once.
    start = (0, frozenset(), state)
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
    history = [call for call in calls if "secret" in call]
    assert len(history) > 50 and {"write", "merge", "read", "delete"} == {call["secret"] for call in history}
    assert linearizable(history, secret_step, None), f"no order of the {len(history)} calls of a secret explains their results"


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


def test_the_check_of_queues_itself():
    def history(change=None):
        """Two producers and two takers of one partition, a call a second, 60 items."""
        puts = [{"put": [f"{n % 2}-{n}"], "partition": "p", "began": n, "ended": n + 0.5} for n in range(60)]
        gets = [{"got": [f"{n % 2}-{n}", f"{(n + 1) % 2}-{n + 1}"], "partition": "p", "by": n // 2 % 2, "began": 100 + n, "ended": 101 + n} for n in range(0, 60, 2)]
        if change:
            change(puts, gets)
        return puts + gets

    def wrong(change):
        try:
            check_queue(history(change))
        except AssertionError as error:
            return str(error).split("\n")[0]
        return "nothing found"

    def exchange(gets, one, other):
        gets[one]["got"], gets[other]["got"] = gets[other]["got"], gets[one]["got"]

    check_queue(history())
    # Takes that overlap may bring what they like; and what may not be there may be there.
    check_queue(history(lambda puts, gets: (exchange(gets, 3, 4), gets[3].update(ended=109), gets[4].update(began=106))))
    check_queue(history(lambda puts, gets: (puts[58].update(maybe=puts[58].pop("put")), puts[58].pop("ended"))))
    check_queue(history(lambda puts, gets: (gets.pop(), puts.append({"gave_up": 2, "partition": "p"}))))
    assert wrong(lambda puts, gets: gets.pop()) == "acknowledged, and lost: ['0-58', '1-59']"
    assert wrong(lambda puts, gets: gets[7].update(got=gets[6]["got"])) == "delivered twice: 0-12"
    assert wrong(lambda puts, gets: gets[7]["got"].append("0-1000")) == "delivered, and never put"
    assert "came after it" in wrong(lambda puts, gets: exchange(gets, 3, 4))
    assert "stands before an earlier one" in wrong(lambda puts, gets: gets[3]["got"].reverse())
    assert "before it was put" in wrong(lambda puts, gets: puts[5].update(began=200, ended=201))
    assert "came after a later one" in wrong(lambda puts, gets: (exchange(gets, 2, 4), [get.update(began=100, ended=200) for get in gets]))


def test_the_check_of_secrets_itself():
    def call(secret, result, began, ended, variable="v", id="st"):
        return {"secret": secret, "result": result, "began": began, "ended": ended, "variable": variable, "id": id}

    def right(*calls):
        return linearizable(calls, secret_step, None)

    made = call("write", ["st", "a"], 0, 1, "a")
    assert right(call("read", None, 0, 1), made, call("merge", True, 2, 3, "b"), call("read", ["st", "a", "b"], 4, 5), call("delete", True, 6, 7), call("read", None, 8, 9))
    assert right(made, call("merge", True, 2, 5, "b"), call("merge", True, 2, 5, "c"), call("read", ["st", "a", "c"], 3, 4), call("read", ["st", "a", "b", "c"], 6, 7))
    assert not right(made, call("read", None, 2, 3)), "lost"
    assert not right(made, call("merge", True, 2, 3, "b"), call("merge", True, 2, 3, "c"), call("read", ["st", "a", "c"], 4, 5)), "one of two merges was lost"
    assert not right(made, call("write", ["st", "b"], 2, 3, "b"), call("read", ["st", "a", "b"], 4, 5)), "a replacement that merged"
    assert not right(made, call("delete", True, 2, 3), call("merge", True, 4, 5, "b")), "merged into what was deleted"
    assert not right(made, call("merge", None, 2, 3, "b"), call("read", ["st", "a", "b"], 4, 5)), "refused, and done"


def test_kills_lose_nothing(tmp_path):
    calls, kills = record(Server(tmp_path).start(), seed=int(os.environ.get("IONIAN_HISTORY_SEED", "1")))
    assert kills >= 3
    check_queue(calls)
    check_dict(calls)
    check_secrets(calls)
