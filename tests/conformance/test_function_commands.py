"""`modal function …`, and what update_autoscaler leaves behind."""
import json
import signal
import subprocess
import time

import pytest

from conftest import IONIAN, Client

APP = """
    import modal

    app = modal.App("tools")

    @app.function(max_containers=3)
    def hammer(n=1):
        return n

    @app.cls()
    class Saw:
        teeth: int = modal.parameter(default=3)

        @modal.method()
        def cut(self):
            return self.teeth
"""
WITHOUT_HAMMER = APP[:APP.index("    @app.function")] + APP[APP.index("    @app.cls"):]


@pytest.fixture
def client(own, tmp_path):
    return Client(own, tmp_path)


def deploy(client, text=APP, *words, check=True):
    return client.run("deploy", client.write(text, "tools.py"), *words, check=check)


def said(out):
    return " ".join((out.stdout + out.stderr).replace("│", " ").split())


def settings(client):
    found = json.loads(client.run("function", "autoscaler", "settings", "tools/hammer", "--json").stdout)
    # A map on the wire: its order is nobody's.
    return found | {"override_events": sorted(found["override_events"], key=lambda e: e["setting"])}


def test_what_update_autoscaler_sets_outlives_the_server_and_ends_with_a_deployment(own, tmp_path):
    client = Client(own, tmp_path)
    deploy(client)
    client.run("function", "autoscaler", "update", "tools/hammer", "--max-containers", "7", "--scaledown-window", "30")
    before = settings(client)
    assert before["current_settings"]["max_containers"] == 7 and before["current_settings"]["scaledown_window"] == 30, before
    assert [e["setting"] for e in before["override_events"]] == ["max_containers", "scaledown_window"], before
    assert {e["actor_type"] for e in before["override_events"]} == {"user"}, before
    own.stop(signal.SIGKILL)
    own.again()
    assert settings(client) == before
    client.run("function", "autoscaler", "update", "tools/hammer", "--min-containers", "1", "--buffer-containers", "2")
    now = settings(client)["current_settings"]
    assert (now["min_containers"], now["buffer_containers"], now["max_containers"]) == (1, 2, 7), now
    client.run("function", "autoscaler", "update", "tools/hammer", "--min-containers", "0")
    refused = client.run("function", "autoscaler", "update", "tools/hammer", "--min-containers", "9", check=False)
    assert refused.returncode != 0 and "min_containers (9) of 'hammer' is over max_containers (7)" in said(refused), said(refused)
    deploy(client)
    after = settings(client)
    assert after["current_settings"]["max_containers"] == 3 and after["override_events"] == [], after


def test_info_and_variants(client):
    deploy(client)
    info = json.loads(client.run("function", "info", "tools/hammer", "--json").stdout)
    assert info["name"] == "hammer" and info["max_containers"] == 3, info
    text = said(client.run("function", "info", "tools/hammer"))
    assert f"Object ID: {info['object_id']}" in text and "Function Name: hammer" in text and "Min/Max/Buffer Containers: 0 / 3 / 0" in text, text
    # By its id it is found as well, by every verb.
    for words in (("info", "--json"), ("stats", "--json"), ("calls", "--json"), ("variants", "--json"), ("logs",), ("metrics",),
                  ("autoscaler", "settings", "--json")):
        verb = words[:2] if words[0] == "autoscaler" else words[:1]
        client.run("function", *verb, info["object_id"], *words[len(verb):])
    assert json.loads(client.run("function", "info", info["object_id"], "--json").stdout) == info
    out = client.python(client.write("""
        import modal
        Saw = modal.Cls.from_name("tools", "Saw")
        print([Saw(teeth=n).cut.remote() for n in (5, 8)])
    """, "saw.py"))
    assert out.stdout.strip() == "[5, 8]"
    rows = json.loads(client.run("function", "variants", "tools/Saw.*", "--json").stdout)
    assert sorted(row["parameters"]["teeth"] for row in rows) == [5, 8], rows
    assert len(json.loads(client.run("function", "variants", "tools/Saw.*", "--limit", "1", "--json").stdout)) == 1


def test_a_wrong_name_is_answered_with_names_that_are_there(client):
    deploy(client)
    wrong = client.run("function", "info", "tools/hamer", check=False)
    assert wrong.returncode != 0 and "tools/hammer" in said(wrong), said(wrong)
    wrong = client.run("app", "history", "tolls", check=False)
    assert wrong.returncode != 0 and "app history tools" in said(wrong), said(wrong)


def test_variants_of_a_function_that_a_deployment_leaves_out_keep_nothing_warm(client):
    deploy(client)
    client.python(client.write("""
        import modal
        warm = modal.Function.from_name("tools", "hammer").with_options(timeout=60)
        warm.update_autoscaler(min_containers=1)
        assert warm.remote(2) == 2
    """, "warm.py"))
    assert len(json.loads(client.run("container", "list", "--json").stdout)) >= 1
    deploy(client, WITHOUT_HAMMER)
    deadline = time.monotonic() + 60
    while rows := json.loads(client.run("container", "list", "--json").stdout):
        assert time.monotonic() < deadline, rows
    client.run("app", "stop", "tools", "--yes")


def test_trace_tells_where_the_time_of_a_call_went(own, client):
    client.run("deploy", client.write("""
        import modal
        app = modal.App("traced")

        @app.function(max_containers=1)
        def double(x):
            return 2 * x
    """))
    out = client.python(client.write("""
        import modal
        double = modal.Function.from_name("traced", "double")
        for _ in range(2):
            call = double.spawn(21)
            print(call.get(), call.object_id)
    """, "calls.py")).stdout
    cold, warm = [line.split()[1] for line in out.splitlines() if line.startswith("42 ")]
    trace = own.owner("trace", cold)
    assert trace["function_call_id"] == cold and trace["all"] == 1
    [seen] = trace["inputs"]
    assert seen["index"] == 0 and seen["task_id"].startswith("ta-") and seen["attempts_before"] == 0
    assert [s["stage"] for s in seen["stages"]] == [
        "the server has the input", "a container is asked for", "the container says hello", "its program is loaded",
        "the container takes the input", "its result is there", "its result is on disk", "the caller is sent the result"]
    times = [s["at_us"] for s in seen["stages"]]
    assert times == sorted(times) and times[0] == 0

    [again] = own.owner("trace", warm)["inputs"]
    assert again["task_id"] == seen["task_id"]
    assert len(again["stages"]) == 5, "a warm container was there before the input"
    lines = subprocess.run([IONIAN, "trace", warm, "--data", str(own.folder / "data")], capture_output=True, text=True, check=True).stdout.splitlines()
    for stage in again["stages"]:
        assert [line for line in lines if line.split("  ")[-1] == stage["stage"] and str(stage["at_us"]) in line.split()], (stage, lines)

    unknown = subprocess.run([IONIAN, "trace", "fc-none", "--data", str(own.folder / "data")], capture_output=True, text=True)
    assert unknown.returncode == 1 and "fc-none" in unknown.stderr and "minute" in unknown.stderr
    client.run("app", "stop", "traced", "--yes")
