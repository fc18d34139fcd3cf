"""Clients spawn and read while the server, its spawner and containers are killed at random moments, or its disk loses its power; afterwards a checker
proves that no acknowledged call was lost, that no result that somebody has read has changed, and that failures were tried again as often as was asked.

IONIAN_CHAOS_SECONDS says how long (60), IONIAN_CHAOS_SEED which moments."""
import json
import os
import random
import signal
import subprocess
import time

from conftest import Client, Server
from own_disk import own_disk_server
from processes import children

SECONDS = float(os.environ.get("IONIAN_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("IONIAN_CHAOS_SEED", str(time.time_ns() % 1_000_000)))

RETRIES = 3
APP = """
    import modal, random, time, uuid

    app = modal.App("chaos")
    attempts = modal.Queue.from_name("attempts", create_if_missing=True)

    @app.function(max_containers=3, retries=modal.Retries(max_retries=3, initial_delay=0.1, backoff_coefficient=1.0))
    def step(n):
        time.sleep(random.random() * 0.05)
        if random.random() < 0.1:
            raise RuntimeError(f"now and then {uuid.uuid4().hex}")
        return n, uuid.uuid4().hex  # each run gives another result, so a second one cannot hide

    @app.function(max_containers=2, retries=modal.Retries(max_retries=3, initial_delay=0.1, backoff_coefficient=1.0))
    def never(n):
        attempts.put(n)
        raise RuntimeError(f"never {uuid.uuid4().hex}")
"""

# One line a fact: what was acknowledged, what was read. Whatever else a call says is no fact.
SPAWNER = """
    import json, sys, time, modal

    name, until = sys.argv[1], time.time() + float(sys.argv[2])
    step, never = (modal.Function.from_name("chaos", tag) for tag in ("step", "never"))
    n = 0
    while time.time() < until:
        n += 1
        try:
            print(json.dumps({"acknowledged": step.spawn(f"{name}-{n}").object_id, "n": f"{name}-{n}"}), flush=True)
            if n % 20 == 0:
                print(json.dumps({"acknowledged": never.spawn(f"never-{name}-{n}").object_id, "n": f"never-{name}-{n}"}), flush=True)
            time.sleep(0.05)  # more than the containers can do would only wait for the end
        except Exception as e:
            print(json.dumps({"error": repr(e)[:200]}), flush=True)
            time.sleep(0.2)
"""

READER = """
    import json, random, sys, time, modal

    known, until = sys.argv[1:-1], time.time() + float(sys.argv[-1])
    def ids():
        for path in known:
            for line in open(path):
                if line.endswith("\\n") and "acknowledged" in line:
                    yield json.loads(line)["acknowledged"]
    while time.time() < until:
        for call in random.sample(all_ids := list(ids()), min(20, len(all_ids))):
            try:
                value = modal.FunctionCall.from_id(call).get(timeout=0)
                print(json.dumps({"read": call, "value": value}), flush=True)
            except TimeoutError:
                pass
            except Exception as e:
                print(json.dumps({"read": call, "raised": str(e)} if str(e).startswith(("now and then", "never")) else {"error": repr(e)[:200]}), flush=True)
        time.sleep(0.05)
"""

FINAL = """
    import json, sys, modal

    for line in open(sys.argv[1]):
        call = line.strip()
        try:
            print(json.dumps({"read": call, "value": modal.FunctionCall.from_id(call).get(timeout=120)}), flush=True)
        except Exception as e:
            print(json.dumps({"read": call, "raised": str(e), "type": type(e).__name__}), flush=True)
    queue = modal.Queue.from_name("attempts")
    while some := queue.get_many(100, block=False):
        print(json.dumps({"attempts": some}), flush=True)
"""


def kill_something(server, chance):
    """Returns what it was."""
    what = chance.choice(["server", "server", "spawner", "container", "container"])
    if what == "server":
        server.fall()
        server.again()
        return what
    spawners = children(server.process.pid)
    victims = spawners if what == "spawner" else [c for s in spawners for c in children(s)]
    if not victims:
        return f"no {what} to kill"
    try:
        os.kill(chance.choice(victims), signal.SIGKILL)
    except ProcessLookupError:
        return f"a {what} that was gone"
    return what


def facts(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def start(client, text, name, out, *words):
    program = client.write(text, name)
    return subprocess.Popen([client.venv / "bin/python", program, *map(str, words)], stdout=open(out, "w"), stderr=subprocess.STDOUT,
                            env=client.env, cwd=client.folder)


def wrong_in(acknowledged, reads, attempts, ends):
    """What the facts say that must not be: acknowledged {call: n}, reads [{read, value or raised}] of which the last of each call was after the end,
    attempts [n], and how often something was ended."""
    results, wrong = {}, []
    for fact in reads:
        value = fact.get("value", fact.get("raised"))
        if results.setdefault(fact["read"], value) != value:
            wrong.append(f"the result of {fact['read']} was {results[fact['read']]} and is {value}")
    wrong += [f"{call} was acknowledged and has no result" for call in acknowledged if call not in results]
    failed = unseen = 0
    crashed = lambda result: str(result).startswith("the container ended while this input ran")
    for call, n in acknowledged.items():
        if call not in results:
            continue
        result = results[call]
        if n.startswith("never"):
            tried = attempts.count(n)
            # An attempt whose end the server had not kept when it fell is made again; one whose container is ended counts, and may not have come to say so.
            unseen += max(0, 1 + RETRIES - tried)
            if not (str(result).startswith("never") or crashed(result)) or tried > 1 + RETRIES + ends:
                wrong.append(f"{call} was tried {tried} times and has {result}")
        elif str(result).startswith("now and then") or crashed(result):
            failed += 1
        elif result[0] != n:
            wrong.append(f"{call} of {n} has {result}")
    if unseen > ends:
        wrong.append(f"{unseen} attempts were not made, and only {ends} containers were ended")
    # Of ten thousand calls one fails four times in a row.
    if failed > 5 + len(acknowledged) // 1000:
        wrong.append(f"{failed} calls failed: they were given up too early")
    return wrong


def test_the_check_itself():
    acknowledged = {"fc-1": "a-1", "fc-2": "never-a-2"}
    reads = [{"read": "fc-1", "value": ["a-1", "x"]}, {"read": "fc-2", "raised": "never y"}]
    tries = ["never-a-2"] * 4
    assert wrong_in(acknowledged, reads, tries, 0) == []
    assert wrong_in(acknowledged, reads, tries + tries[:2], 2) == []
    ended = [reads[0], {"read": "fc-2", "raised": "the container ended while this input ran, with signal 9"}]
    assert wrong_in(acknowledged, ended, tries[1:], 1) == []
    for worse in ((reads[:1], tries, 9), (reads[1:], tries, 9), (reads + [{"read": "fc-1", "value": ["a-1", "z"]}], tries, 9),
                  (reads + [{"read": "fc-2", "raised": "never z"}], tries, 9), (reads, tries[1:], 0), (reads, tries + tries, 3), (ended, tries[2:], 1),
                  ([{"read": "fc-1", "value": ["a-3", "x"]}, reads[1]], tries, 9), ([{"read": "fc-1", "raised": "the container was lost"}, reads[1]], tries, 9)):
        assert len(wrong_in(acknowledged, *worse)) == 1, worse
    many = {f"fc-{n}": f"a-{n}" for n in range(100)}
    assert len(wrong_in(many, [{"read": call, "raised": f"now and then {call}"} for call in many], [], 0)) == 1


def spawn_and_check(server, folder, seconds, disturb):
    """disturb() ends something of the server, and says what it was."""
    client = Client(server, folder)
    client.run("deploy", client.write(APP, "chaos_app.py"))
    outs = [folder / f"out-{i}.jsonl" for i in range(3)]
    people = [start(client, SPAWNER, "spawner.py", outs[0], "a", seconds), start(client, SPAWNER, "spawner.py", outs[1], "b", seconds)]
    people.append(start(client, READER, "reader.py", outs[2], outs[0], outs[1], seconds))
    killed = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 3))
        killed.append(disturb())
    for person in people:
        assert person.wait(120) == 0, outs

    acknowledged = {f["acknowledged"]: f["n"] for out in outs[:2] for f in facts(out) if "acknowledged" in f}
    assert len(acknowledged) > 2 * seconds, [out.read_text()[-2000:] for out in outs]
    (folder / "ids").write_text("".join(f"{call}\n" for call in acknowledged))
    final = [json.loads(line) for line in client.python(client.write(FINAL, "final.py"), str(folder / "ids"), timeout=600).stdout.splitlines()]
    read = [f for f in facts(outs[2]) if "read" in f and "error" not in f]
    attempts = [n for f in final for n in f.get("attempts", [])]
    wrong = wrong_in(acknowledged, read + [f for f in final if "read" in f], attempts, len(killed))
    print(f"{len(acknowledged)} calls acknowledged, {len(read)} reads in between, killed: {killed}")
    assert wrong == [], f"seed {SEED}: {wrong}; killed: {killed}"


chance = random.Random(SEED)


def test_no_acknowledged_call_is_lost_and_no_result_changes(tmp_path, built):
    print(f"seed {SEED}, {SECONDS} s")
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server").take_over(built).start()
    spawn_and_check(server, tmp_path, SECONDS, lambda: kill_something(server, chance))
    assert server.stop() == 0, server.log_text()[-3000:]


def test_no_acknowledged_call_is_lost_with_the_power(tmp_path, built):
    (tmp_path / "server").mkdir()
    with own_disk_server(tmp_path / "server", 1024, data=built) as server:
        def cut():
            server.fall()
            server.again()
            return "power"
        spawn_and_check(server, tmp_path, SECONDS / 3, cut)
