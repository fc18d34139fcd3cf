"""What became of inputs and containers: `modal function calls/stats/metrics`, `modal app stats`, and the same in Python."""
import datetime
import json
import signal
import time

import pytest

from conftest import Client
from grpc_call import raw

APP = """
    import modal
    import os
    import time

    app = modal.App()

    @app.function(max_containers=1)
    def work(what):
        if what == "fail":
            raise ValueError("as asked")
        if what == "hold":
            time.sleep(600)
        print("working on", what)
        time.sleep(0.05)
        return what

    @app.function(timeout=1)
    def slow():
        time.sleep(60)

    @app.cls()
    class Saw:
        teeth: int = modal.parameter()
        @modal.method()
        def cut(self):
            return self.teeth

    @app.function()
    def broken():
        os._exit(3)
"""
WITHIN_S = 240


@pytest.fixture
def client(own, tmp_path, request):
    """With an app of its own: the tests share a server."""
    made = Client(own, tmp_path)
    made.app = request.node.name.replace("_", "-")
    made.run("deploy", made.write(APP, "ledger.py"), "--name", made.app)
    return made


def said(client, *words):
    return json.loads(client.run(*words, "--json").stdout)


def call(client, text, name="caller.py"):
    return client.python(client.write(f"""
        import modal
        APP = {client.app!r}
    """ + """
        work, slow, broken = (modal.Function.from_name(APP, n) for n in ("work", "slow", "broken"))
        def fails(f, *args):
            try:
                f.remote(*args)
            except Exception as error:
                return type(error).__name__
            raise SystemExit("it did not fail")
    """ + text, name)).stdout


def soon():
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=2)).isoformat(timespec="seconds")


def wait_for(what):
    deadline = time.monotonic() + WITHIN_S
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_every_input_is_there_once_with_what_became_of_it(own, client):
    call(client, """
        for i in range(3):
            assert work.remote(i) == i
        assert list(work.map(range(5))) == list(range(5))
        assert work.spawn("later").get() == "later"
        assert fails(work, "fail") == "ValueError"
        assert "Timeout" in fails(slow)
        held, waiting = work.spawn("hold"), work.spawn("wait")
    """)
    wait_for(lambda: [r for r in said(client, "function", "calls", f"{client.app}/work") if r["status"] == "running"])
    rows = said(client, "function", "calls", f"{client.app}/work", "--tail", "100")
    states = [row["status"] for row in rows]
    assert states == ["pending", "running", "failure"] + ["success"] * 9, rows
    times = [row["enqueued_at"] for row in rows]
    assert times == sorted(times, reverse=True), times
    assert len({row["container_id"] for row in rows if row["status"] == "success"}) == 1, rows
    assert all(row["execution_time_seconds"] >= 0.05 for row in rows if row["status"] == "success"), rows
    assert rows[0]["container_id"] is None and rows[0]["execution_time_seconds"] is None, rows
    # Who waited for the container's start is told how long it took, and nobody else.
    assert rows[-1]["startup_time_seconds"] > 0 and rows[-2]["startup_time_seconds"] is None, rows
    assert [row["function_call_id"] for row in rows[4:9]] == [rows[4]["function_call_id"]] * 5, rows
    # The client asks by whole seconds: "until now" is before what came just now.
    ranged = said(client, "function", "calls", f"{client.app}/work", "--since", "1h", "--until", soon())
    assert ranged == rows[::-1], ranged
    assert [row["status"] for row in said(client, "function", "calls", f"{client.app}/slow")] == ["timeout"]
    table = client.run("function", "calls", f"{client.app}/work", "--tail", "2").stdout
    assert "Pend" in table and "Runn" in table and "Fail" not in table, table
    # What has ended outlives the server; what has not runs again, and is there once.
    own.stop(signal.SIGTERM)
    own.again()
    wait_for(lambda: [r for r in said(client, "function", "calls", f"{client.app}/work") if r["status"] == "running"])
    after = said(client, "function", "calls", f"{client.app}/work", "--tail", "100")
    assert [row["status"] for row in after] == states, after
    assert after[2:] == rows[2:], after
    # So does the container that has ended with the server: when it was ready, and what it has printed.
    task = rows[-1]["container_id"]
    assert client.run("container", "logs", task, "--tail", "2", "--source", "stdout").stdout.splitlines() == ["working on 4", "working on later"]
    stopped = client.run("container", "stop", task, "--yes", check=False)
    assert stopped.returncode == 1 and "already stopped" in stopped.stderr + stopped.stdout, stopped
    asked, ready, ended = map(float, raw(own, own.token(), f"""
        async def body(call):
            info = (await call("TaskGetInfo", key="", task_id="{task}")).info
            print(info.enqueued_at, info.started_at, info.finished_at)
    """).split())
    assert asked + 0.9 * rows[-1]["startup_time_seconds"] < ready < ended, (asked, ready, ended)


def test_counts_of_a_range_of_time(client):
    call(client, """
        list(work.map(range(6)))
        fails(work, "fail")
        fails(slow)
        fails(broken)
        held = work.spawn("hold")
    """)
    wait_for(lambda: said(client, "function", "stats", f"{client.app}/work")["input_running_at_end_count"])
    stats = said(client, "function", "stats", f"{client.app}/work")
    counts = {name: stats[name] for name in stats if name.endswith("_count")}
    assert counts == {"input_success_count": 6, "input_failure_count": 1, "input_timeout_count": 0,
                      "input_running_at_end_count": 1, "container_total_count": 1, "container_started_count": 1,
                      "container_error_count": 0, "container_creating_at_end_count": 0, "variant_count": 0}, stats
    ran = stats["input_percentile_stats"]["Execution time (s)"]["percentiles"]
    took = stats["input_percentile_stats"]["End-to-end latency (s)"]["percentiles"]
    assert 0.04 <= ran["p50"] <= ran["p90"] <= ran["p99"] and ran["p50"] <= took["p50"] <= took["p99"], stats
    assert stats["container_percentile_stats"]["Startup time (s)"]["percentiles"]["p50"] > 0, stats
    container = said(client, "function", "calls", f"{client.app}/work")[0]["container_id"]
    alone = said(client, "function", "stats", f"{client.app}/work", "--container", container)
    assert alone["input_success_count"] == 6 and alone["container_total_count"] == 1, alone
    nobody = said(client, "function", "stats", f"{client.app}/work", "--container", "ta-none")
    assert nobody["input_success_count"] == nobody["container_total_count"] == nobody["input_running_at_end_count"] == 0
    before = said(client, "function", "stats", f"{client.app}/work", "--since", "3h", "--until", "2h")
    assert not any(before[name] for name in counts) and before["input_percentile_stats"] == {}, before
    assert said(client, "function", "stats", f"{client.app}/slow")["input_timeout_count"] == 1
    wait_for(lambda: said(client, "function", "stats", f"{client.app}/broken")["container_error_count"] >= 1)
    app = said(client, "app", "stats", client.app)
    by_name = {name: row["counts"]["calls"] for name, row in app["functions"]["by_name"].items()}
    assert by_name["work"] == {"total": 8, "succeeded": 6, "failed": 1}, app
    assert by_name["slow"] == {"total": 1, "succeeded": 0, "failed": 1}, app
    assert app["functions"]["total"]["calls"]["total"] == 10 and app["deployment_count"] == 1, app
    assert app["functions"]["by_name"]["broken"]["counts"]["containers"]["errors"] >= 1, app
    table = client.run("app", "stats", client.app).stdout
    assert all(name in table for name in ("work", "slow", "Saw.*", "broken")), table
    none = said(client, "app", "stats", client.app, "--since", "3h", "--until", "2h")
    assert none["functions"]["total"]["calls"]["total"] == none["deployment_count"] == 0, none


def test_variants_are_counted_alone_and_together(client):
    call(client, """
        Saw = modal.Cls.from_name(APP, "Saw")
        assert [Saw(teeth=n).cut.remote() for n in (5, 8, 8)] == [5, 8, 8]
    """)
    rows = said(client, "function", "calls", f"{client.app}/Saw.*", "--all-variants")
    assert [(row["service_method_name"], row["status"]) for row in rows] == [("cut", "success")] * 3, rows
    assert said(client, "function", "calls", f"{client.app}/Saw.*") == []
    every = said(client, "function", "stats", f"{client.app}/Saw.*", "--all-variants")
    assert every["input_success_count"] == 3 and every["variant_count"] == 2, every
    assert said(client, "function", "stats", f"{client.app}/Saw.*")["input_success_count"] == 0


def test_series_over_time(client):
    out = call(client, """
        from datetime import timedelta
        list(work.map(range(4)))
        fails(work, "fail")
        schema = work.metrics.schema()
        print(sorted(schema))
        from datetime import datetime, timezone
        until = datetime.now(timezone.utc) + timedelta(minutes=2)
        found = work.metrics.export(since=until - timedelta(minutes=30), until=until,
                                    bucket_size=timedelta(minutes=1))
        def values(name):
            return [p.value for p in found[name].points if p.value is not None]
        assert sum(values("successful_calls_count")) == 4
        assert sum(values("failed_calls_count")) == 1
        assert sum(values("started_containers_count")) == 1
        assert len(found["successful_calls_count"].points) == 30
        assert found["successful_calls_count"].points[-1].value is None, "a time that has not come yet"
        assert 0.04 <= max(values("execution_time_p50")) <= max(values("end_to_end_latency_p99"))
        assert set(work.metrics.export(groups=["calls"]).series) == {
            f"{n}_calls_count" for n in ("successful", "failed", "timed_out", "cancelled")}
        stats = work.stats()
        assert (stats.input_success_count, stats.input_failure_count) == (4, 1), stats
        assert modal.App.lookup(APP).stats().functions["work"].counts.calls.total == 5
    """)
    assert out.strip() == "['calls', 'containers', 'execution_time', 'latency']", out
    lines = client.run("function", "metrics", f"{client.app}/work", "--group", "calls", "--csv").stdout.splitlines()
    assert lines[0] == "series_name,unit,time,value" and len(lines) > 100, lines
    assert "calls" in client.run("function", "metrics", f"{client.app}/work").stdout
    call(client, """
        assert modal.Cls.from_name(APP, "Saw")(teeth=5).cut.remote() == 5
    """)
    for which, words, count in [("work", (), 4), ("Saw.*", ("--all-variants",), 1), ("Saw.*", (), 0)]:
        found = said(client, "function", "metrics", f"{client.app}/{which}", "--group", "calls", "--since", "30m", "--until", soon(), "--bucket-size", "1m",
                     *words)
        series = {each["name"]: [point["value"] for point in each["points"] if point["value"] is not None] for each in found["series"]}
        assert found["bucket_secs"] == 60 and sum(series["successful_calls_count"]) == count, found
    wrong = client.run("function", "metrics", f"{client.app}/work", "--group", "gpus", "--csv", check=False)
    assert wrong.returncode == 1 and "no group of metrics 'gpus'" in wrong.stderr, wrong
