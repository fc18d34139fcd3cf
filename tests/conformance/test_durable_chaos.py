"""Clients spawn and read while the server, its spawner and containers are killed at random moments; afterwards a checker
proves that no acknowledged call was lost and that no result that somebody has read has changed.

IONIAN_CHAOS_SECONDS says how long (60), IONIAN_CHAOS_SEED which moments."""
import json
import os
import random
import signal
import subprocess
import time

from conftest import Client, Server
from test_durable import children

SECONDS = float(os.environ.get("IONIAN_CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("IONIAN_CHAOS_SEED", str(time.time_ns() % 1_000_000)))

APP = """
    import modal, random, time, uuid

    app = modal.App("chaos")

    @app.function(max_containers=3, retries=modal.Retries(max_retries=3, initial_delay=0.1, backoff_coefficient=1.0))
    def step(n):
        time.sleep(random.random() * 0.05)
        if random.random() < 0.1:
            raise RuntimeError("now and then")
        return n, uuid.uuid4().hex  # each run gives another result, so a second one cannot hide
"""

# One line a fact: what was acknowledged, what was read. Whatever else a call says is no fact.
SPAWNER = """
    import json, sys, time, modal

    name, until = sys.argv[1], time.time() + float(sys.argv[2])
    step = modal.Function.from_name("chaos", "step")
    n = 0
    while time.time() < until:
        n += 1
        try:
            print(json.dumps({"acknowledged": step.spawn(f"{name}-{n}").object_id, "n": f"{name}-{n}"}), flush=True)
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
                print(json.dumps({"read": call, "raised": str(e)} if "now and then" in str(e) else {"error": repr(e)[:200]}), flush=True)
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
"""


def kill_something(server, chance):
    """Returns what it was."""
    what = chance.choice(["server", "server", "spawner", "container", "container"])
    if what == "server":
        server.stop(signal.SIGKILL)
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


def test_no_acknowledged_call_is_lost_and_no_result_changes(tmp_path, built):
    chance = random.Random(SEED)
    print(f"seed {SEED}, {SECONDS} s")
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server").take_over(built).start()
    client = Client(server, tmp_path)
    client.run("deploy", client.write(APP, "chaos_app.py"))
    outs = [tmp_path / f"out-{i}.jsonl" for i in range(3)]
    people = [start(client, SPAWNER, "spawner.py", outs[0], "a", SECONDS), start(client, SPAWNER, "spawner.py", outs[1], "b", SECONDS)]
    people.append(start(client, READER, "reader.py", outs[2], outs[0], outs[1], SECONDS))
    killed = []
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 3))
        killed.append(kill_something(server, chance))
    for person in people:
        assert person.wait(120) == 0, outs

    acknowledged = {f["acknowledged"]: f["n"] for out in outs[:2] for f in facts(out) if "acknowledged" in f}
    assert acknowledged, [out.read_text()[-2000:] for out in outs]
    (tmp_path / "ids").write_text("".join(f"{call}\n" for call in acknowledged))
    final = [json.loads(line) for line in client.python(client.write(FINAL, "final.py"), str(tmp_path / "ids"), timeout=600).stdout.splitlines()]
    results = {}
    for fact in [f for out in outs[2:] for f in facts(out) if "read" in f] + final:
        value = fact.get("value", fact.get("raised"))
        before = results.setdefault(fact["read"], value)
        assert before == value, f"seed {SEED}: the result of {fact['read']} was {before} and is {value}; killed: {killed}"
    for fact in final:
        assert "value" in fact or "now and then" in fact["raised"], f"seed {SEED}: {fact}; killed: {killed}"
        if "value" in fact:
            assert fact["value"][0] == acknowledged[fact["read"]], fact
    assert {f["read"] for f in final} == set(acknowledged)
    reads = sum("read" in f for out in outs[2:] for f in facts(out))
    print(f"{len(acknowledged)} calls acknowledged, {reads} reads in between, killed: {killed}")
    assert server.stop() == 0, server.log_text()[-3000:]
