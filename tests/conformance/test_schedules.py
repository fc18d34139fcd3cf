"""Schedules of deployed apps: they run, once each, whatever becomes of the server."""
import json
import signal
import sqlite3
import time

import pytest

from conftest import Client, Server
from test_run import wait_for

APP = """
    import modal

    app = modal.App("clockwork")
    done = modal.Queue.from_name("done", create_if_missing=True)

    @app.function(SCHEDULE)
    def tick(n=7):
        print("ticked", n)
        done.put(modal.current_function_call_id())
"""
EVERY_SECOND = "schedule=modal.Period(seconds=1)"


def deploy(client, schedule, *words, check=True):
    return client.run("deploy", client.write(APP.replace("SCHEDULE", schedule), "clockwork.py"), *words, check=check)


@pytest.fixture
def own(tmp_path, built):
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server").take_over(built).start()
    yield server
    server.stop()


def query(server, text, *values):
    db = sqlite3.connect(server.folder / "data/ionian.db", timeout=30)
    try:
        with db:
            return db.execute(text, values).fetchall()
    finally:
        db.close()


def runs(server):
    """When each scheduled call was due, in order of their making, and whether it has its result."""
    return query(server, "SELECT scheduled_at, done_at IS NOT NULL FROM calls WHERE scheduled_at IS NOT NULL ORDER BY rowid")


def take(client, count):
    """The next ids that runs have put into the queue."""
    out = client.python(client.write(f"""
        import modal
        queue = modal.Queue.from_name("done", create_if_missing=True)
        for _ in range({count}):
            print(queue.get(timeout=150))
    """, "take.py"))
    return out.stdout.split()


def test_a_period_runs_and_is_logged_listed_and_stopped(client):
    deploy(client, EVERY_SECOND)
    ids = take(client, 3)
    assert len(set(ids)) == 3 and all(i.startswith("fc-") for i in ids), ids
    assert "ticked 7" in client.run("app", "logs", "clockwork").stdout
    assert "CPU · Every 1 second" in client.run("app", "info", "clockwork").stdout
    out = client.python(client.write(f"import modal\nprint(modal.FunctionCall.from_id('{ids[0]}').get(timeout=30))\n", "get.py"))
    assert out.stdout.strip() == "None"
    client.run("app", "stop", "clockwork", "--yes")
    assert query(client.server, "SELECT count(*) FROM schedules") == [(0,)]


def test_a_redeploy_resets_a_period_keeps_a_cron_and_ends_what_it_leaves_out(own, tmp_path):
    client = Client(own, tmp_path)
    hourly = "schedule=modal.Period(hours=1)"
    deploy(client, hourly)
    ((anchor, due),) = query(own, "SELECT anchor, next_at FROM schedules")
    assert due == anchor + 3_600_000
    deploy(client, hourly)
    ((again, due),) = query(own, "SELECT anchor, next_at FROM schedules")
    assert again > anchor and due == again + 3_600_000

    cron = "schedule=modal.Cron('30 3 * * *', timezone='Europe/Athens')"
    deploy(client, cron)
    before = query(own, "SELECT anchor, next_at FROM schedules")
    deploy(client, cron)
    assert query(own, "SELECT anchor, next_at FROM schedules") == before
    assert "30 3 * * * (Europe/Athens)" in client.run("app", "info", "clockwork").stdout
    client.run("app", "rollback", "clockwork", "v2")
    ((anchor, due),) = query(own, "SELECT anchor, next_at FROM schedules")
    assert anchor > again and due == anchor + 3_600_000
    deploy(client, "")
    assert query(own, "SELECT * FROM schedules") == []


def test_an_ephemeral_app_has_no_schedule(client):
    program = client.write(APP.replace("SCHEDULE", EVERY_SECOND), "clockwork.py")
    client.run("run", f"{program}::tick", "--n", "1")
    assert query(client.server, "SELECT count(*) FROM schedules") == [(0,)]


@pytest.mark.parametrize("schedule, lasts", [("modal.Period(hours=1)", 3600), ("modal.Cron('* * * * *')", 60)])
def test_of_missed_runs_the_latest_comes_once(own, tmp_path, schedule, lasts):
    client = Client(own, tmp_path)
    deploy(client, f"schedule={schedule}")
    own.stop(signal.SIGKILL)
    # As if the server had been away for ten days.
    query(own, "UPDATE schedules SET next_at = next_at - 864000000, anchor = anchor - 864000000")
    own.again()
    client.env["MODAL_SERVER_URL"] = own.ready["grpc_url"]
    take(client, 1)
    now = time.time() * 1000
    ((due, _), *rest) = runs(own)
    assert now - lasts * 1000 - 60_000 < due <= now, (due, now)
    assert all(b - a == lasts * 1000 for (a, _), (b, _) in zip([(due, 0)] + rest, rest)), rest


def test_kills_lose_and_double_no_run(own, tmp_path):
    client = Client(own, tmp_path)
    deploy(client, EVERY_SECOND + ", retries=3")
    for life in range(4):
        seen = len(runs(own))
        wait_for(lambda: len(runs(own)) >= seen + 2)
        own.stop(signal.SIGKILL)
        own.again()
    made = len(runs(own))
    wait_for(lambda: all(done for _, done in runs(own)[:made]))
    client.run("app", "stop", "clockwork", "--yes")
    wait_for(lambda: all(done for _, done in runs(own)))
    dues = [due for due, _ in runs(own)]
    assert len(dues) == len(set(dues)) and dues == sorted(dues)
    assert all((due - dues[0]) % 1000 == 0 for due in dues), dues
    assert query(own, "SELECT * FROM schedules") == []


@pytest.mark.parametrize("schedule, what", [
    ("modal.Cron('61 * * * *')", "minute '61' is not from 0 to 59"),
    ("modal.Cron('0 0 31 2 *')", "no day of the calendar is one of its days"),
    ("modal.Cron('@daily')", "it has 1 fields, and needs 5"),
    ("modal.Cron('0 9 * * *', timezone='Europe/Atlantis')", "time zone 'Europe/Atlantis' is not one of"),
    ("modal.Cron('0 9 * * *', timezone='../../etc/passwd')", "time zone '../../etc/passwd' is not one of"),
    ("modal.Period()", "is not from 1 second to 100 years"),
    ("modal.Period(days=-1, hours=30)", "is below zero"),
])
def test_a_schedule_that_means_nothing_is_refused(client, schedule, what):
    out = deploy(client, f"schedule={schedule}", "--name", "broken-clock", check=False)
    said = " ".join((out.stdout + out.stderr).replace("│", " ").split())
    assert out.returncode != 0 and what in said and "tick" in said, said
    rows = json.loads(client.run("app", "list", "--json").stdout)
    assert not [row for row in rows if row["description"] == "broken-clock" and row["state"] == "deployed"]
