"""What the official client deleted comes back by `ionian admin undelete`, and goes for good when its time is up."""
import contextlib
import json
import sqlite3
import subprocess

from conftest import IONIAN, Client, Server, python
from test_run import wait_for

FILL = """
    import io
    d = modal.Dict.from_name("prices", create_if_missing=True); d["tea"] = 3
    q = modal.Queue.from_name("jobs", create_if_missing=True); q.put_many(["first", "second"])
    v = modal.Volume.from_name("files", create_if_missing=True)
    with v.batch_upload() as batch:
        batch.put_file(io.BytesIO(b"kept" * 1000), "/a/b.txt")
    modal.Secret.objects.create("key", {"WORD": "hidden"})
"""
DELETE = """
    modal.Dict.objects.delete("prices"); modal.Queue.objects.delete("jobs")
    modal.Volume.objects.delete("files"); modal.Secret.objects.delete("key")
    for kind, name in (modal.Dict, "prices"), (modal.Queue, "jobs"), (modal.Volume, "files"), (modal.Secret, "key"):
        refused(modal.exception.NotFoundError, lambda: kind.from_name(name).hydrate())
"""
THERE = """
    assert modal.Dict.from_name("prices")["tea"] == 3
    q = modal.Queue.from_name("jobs"); assert q.get() == "first" and q.len() == 1
    assert b"".join(modal.Volume.from_name("files").read_file("a/b.txt")) == b"kept" * 1000
"""


def deleted(server):
    return {row["name"]: row for row in server.admin("undelete", "--list")}


def undelete(server, *words):
    return subprocess.run([IONIAN, "admin", "undelete", *words, "--data", str(server.folder / "data")], capture_output=True, text=True)


def test_what_was_deleted_comes_back(own, tmp_path):
    client = Client(own, tmp_path)
    python(client, FILL + DELETE)
    kept = deleted(own)
    # Secrets are gone at once unless the owner of the server wants them kept.
    assert {row["kind"] for row in kept.values()} == {"dict", "queue", "volume"}
    assert kept["files"]["environment"] == "main" and kept["files"]["until"] > kept["files"]["deleted_at"]
    for row in kept.values():
        assert own.admin("undelete", row["id"]) == {"kind": row["kind"], "name": row["name"], "environment": "main"}
    python(client, THERE)
    assert deleted(own) == {}
    actions = [e["action"] for e in own.admin("audit")]
    assert "volume.delete" in actions and "volume.undelete" in actions
    again = undelete(own, kept["files"]["id"])
    assert again.returncode == 1 and "nothing that was deleted has the id" in again.stderr


def test_a_name_that_is_taken_by_now(own, tmp_path):
    client = Client(own, tmp_path)
    python(client, """
        modal.Dict.from_name("taken", create_if_missing=True)["x"] = "old"
        modal.Dict.objects.delete("taken")
        modal.Dict.from_name("taken", create_if_missing=True)["x"] = "new"
    """)
    (row,) = deleted(own).values()
    taken = undelete(own, row["id"])
    assert taken.returncode == 1 and "Dict 'taken' exists" in taken.stderr and "--name" in taken.stderr
    bad = undelete(own, row["id"], "--name", "no good")
    assert bad.returncode == 1 and "'no good'" in bad.stderr
    own.admin("undelete", row["id"], "--name", "untaken")
    python(client, 'assert modal.Dict.from_name("untaken")["x"] == "old" and modal.Dict.from_name("taken")["x"] == "new"')


def test_what_an_environment_held(own, tmp_path):
    client = Client(own, tmp_path)
    client.run("environment", "create", "short-lived")
    python(client, 'modal.Dict.from_name("inside", create_if_missing=True)["x"] = 5', MODAL_ENVIRONMENT="short-lived")
    client.run("environment", "delete", "short-lived", "--yes")
    row = deleted(own)["inside"]
    assert row["environment"] == "short-lived"
    gone = undelete(own, row["id"])
    assert gone.returncode == 1 and "'short-lived'" in gone.stderr and "--environment" in gone.stderr
    nowhere = undelete(own, row["id"], "--environment", "nowhere")
    assert nowhere.returncode == 1 and "environment 'nowhere' not found" in nowhere.stderr
    own.admin("undelete", row["id"], "--environment", "main")
    python(client, 'assert modal.Dict.from_name("inside")["x"] == 5')


def let_six_days_go_by(server):
    """As if all had been deleted six days ago, and the dict's entries had not been used for six days before."""
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "ionian.db")) as db, db:
        day = 24 * 3600 * 1000
        for column, days in ("deleted.deleted_at", 6), ("queue_partitions.expires_at", 6), ("dict_entries.used_at", 12):
            table, name = column.split(".")
            db.execute(f"UPDATE {table} SET {name} = {name} - {days * day}")


def test_settings(tmp_path):
    server = Server(tmp_path).start("--undelete-secrets")
    client = Client(server, tmp_path)
    python(client, FILL + DELETE)
    assert server.admin("undelete", deleted(server)["key"]["id"])["kind"] == "secret"
    assert "key" in [s["name"] for s in json.loads(client.run("secret", "list", "--json").stdout)]
    kept = deleted(server)
    assert set(kept) == {"prices", "jobs", "files"}
    assert server.stop() == 0
    # What is in them does not age meanwhile. The sweep that would find it old comes with the start.
    let_six_days_go_by(server)
    server.again()
    for row in kept.values():
        server.admin("undelete", row["id"])
    python(client, THERE + """
    for kind, name in (modal.Dict, "prices"), (modal.Queue, "jobs"), (modal.Volume, "files"):
        kind.objects.delete(name)
    """)
    assert server.stop() == 0
    # A disk that has less free than this has none: what was deleted goes at the next sweep, which a start begins with.
    server.again("--purge-deleted-below", str(1 << 24))
    wait_for(lambda: set(deleted(server)) == {"prices", "jobs"}, 240)
    assert server.stop() == 0
    server.again("--purge-deleted-below", str(1 << 24), "--purge-deleted-kinds", "dict", "queue")
    wait_for(lambda: deleted(server) == {}, 240)
    assert server.stop() == 0
    server.again("--undelete-days", "0")
    python(client, 'modal.Dict.from_name("brief", create_if_missing=True).hydrate(); modal.Dict.objects.delete("brief")')
    assert deleted(server) == {} and server.stop() == 0
