"""modal.NetworkFileSystem: its methods and commands, and what containers share by it."""
import contextlib
import json
import sqlite3

from conftest import Client, Server, python
from test_run import wait_for


def test_every_method(client):
    out = python(client, """
        import io, os, warnings
        warnings.simplefilter("ignore")
        with modal.NetworkFileSystem.ephemeral() as nfs:
            assert nfs.listdir("/") == []
            assert nfs.write_file("/a/b.txt", io.BytesIO(b"hello")) == 5
            nfs.write_file("a/b.txt", io.BytesIO(b"again"))
            nfs.write_file("empty", io.BytesIO(b""))
            big = os.urandom(20 << 20)
            nfs.write_file("/big", io.BytesIO(big))
            assert b"".join(nfs.read_file("/a/b.txt")) == b"again" and b"".join(nfs.read_file("empty")) == b""
            assert b"".join(nfs.read_file("big")) == big
            entries = {e.path: e for e in nfs.listdir("/")}
            assert sorted(entries) == ["a", "big", "empty"] and entries["big"].size == len(big), entries
            assert entries["a"].type.name == "DIRECTORY" and entries["empty"].type.name == "FILE"
            assert [e.path for e in nfs.listdir("/a")] == ["b.txt"] and [e.path for e in nfs.listdir("/a/b.txt")] == ["a/b.txt"]
            assert [e.path for e in nfs.iterdir("**/*.txt")] == ["a/b.txt"]
            refused(FileNotFoundError, lambda: b"".join(nfs.read_file("nowhere")))
            assert "recursive" in refused(Exception, lambda: nfs.remove_file("/a"))
            nfs.remove_file("/a", recursive=True); nfs.remove_file("big")
            refused(FileNotFoundError, lambda: nfs.remove_file("big"))
            assert [e.path for e in nfs.listdir("/")] == ["empty"]
            refused(Exception, lambda: nfs.write_file("/../out", io.BytesIO(b"x")))
        print("all well")
        """)
    assert "all well" in out


def test_names_and_commands(client):
    client.run("nfs", "create", "shelf")
    assert "shelf" in [row["name"] for row in json.loads(client.run("nfs", "list", "--json").stdout)]
    again = client.run("nfs", "create", "shelf", check=False)
    assert again.returncode == 1 and "already exists" in again.stdout + again.stderr
    folder = client.folder / "books"
    (folder / "old").mkdir(parents=True)
    (folder / "new.txt").write_text("new")
    (folder / "old/first.txt").write_text("first")
    client.run("nfs", "put", "shelf", folder, "/books")
    client.run("nfs", "put", "shelf", folder / "new.txt", "/")
    assert client.run("nfs", "ls", "shelf").stdout.split() == ["books", "new.txt"]
    assert client.run("nfs", "ls", "shelf", "books").stdout.split() == ["new.txt", "old"]
    (client.folder / "down").mkdir()
    client.run("nfs", "get", "shelf", "**", "down")
    assert (client.folder / "down/books/old/first.txt").read_text() == "first"
    assert client.run("nfs", "get", "shelf", "books/new.txt", "-").stdout.startswith("new")
    (client.folder / "down/books/new.txt").write_text("mine")
    there = client.run("nfs", "get", "shelf", "books/new.txt", "down/books/new.txt", check=False)
    assert there.returncode != 0 and (client.folder / "down/books/new.txt").read_text() == "mine"
    client.run("nfs", "get", "--force", "shelf", "books/new.txt", "down/books/new.txt")
    assert (client.folder / "down/books/new.txt").read_text() == "new"
    client.run("environment", "create", "of-shelves")
    client.run("nfs", "create", "elsewhere", "--env", "of-shelves")
    assert "elsewhere" in client.run("nfs", "list", "--env", "of-shelves").stdout and "elsewhere" not in client.run("nfs", "list").stdout
    client.run("nfs", "put", "elsewhere", folder / "new.txt", "/there.txt", "--env", "of-shelves")
    assert client.run("nfs", "get", "elsewhere", "there.txt", "-", "--env", "of-shelves").stdout.startswith("new")
    client.run("nfs", "rm", "elsewhere", "there.txt", "--env", "of-shelves")
    assert client.run("nfs", "ls", "elsewhere", "--env", "of-shelves").stdout.split() == []
    client.run("nfs", "delete", "elsewhere", "--yes", "--env", "of-shelves")
    client.run("nfs", "rm", "-r", "shelf", "books")
    assert client.run("nfs", "ls", "shelf").stdout.split() == ["new.txt"]
    # Clients look for this text.
    python(client, """
        import warnings; warnings.simplefilter("ignore")
        modal.Volume.from_name("a-volume", create_if_missing=True).hydrate()
        assert "already exists as a Volume" in refused(
            modal.exception.InvalidError, lambda: modal.NetworkFileSystem.from_name("a-volume").hydrate())
        refused(modal.exception.NotFoundError, lambda: modal.NetworkFileSystem.from_name("nowhere").hydrate())
        """)
    client.run("nfs", "delete", "shelf", "--yes")
    assert "shelf" not in [row["name"] for row in json.loads(client.run("nfs", "list", "--json").stdout)]


def test_containers_share_it(client):
    out = client.run("run", client.write("""
        import io, os, time, modal

        app = modal.App("shared")
        nfs = modal.NetworkFileSystem.from_name("whiteboard", create_if_missing=True)

        @app.function(network_file_systems={"/board": nfs})
        def wait_for(name):
            while not os.path.exists(f"/board/{name}"):
                time.sleep(0.05)
            return open(f"/board/{name}").read(), sorted(os.listdir("/board"))

        @app.function(network_file_systems={"/deep/board": nfs})
        def write(name, text):
            with open("/deep/board/half", "w") as half:
                half.write(text)
            os.rename("/deep/board/half", f"/deep/board/{name}")
            os.symlink("/etc/passwd", "/deep/board/link")
            os.chmod(f"/deep/board/{name}", 0o600)
            return os.stat("/deep/board/sent").st_uid, open("/deep/board/sent").read()

        @app.local_entrypoint()
        def main():
            nfs.write_file("sent", io.BytesIO(b"from outside"))
            waiting = wait_for.spawn("note")
            print("wrote", write.remote("note", "from inside"))
            print("saw", waiting.get())
            print("read", b"".join(nfs.read_file("note")))
            try:
                list(nfs.read_file("link"))
            except FileNotFoundError:
                print("no way out")
    """)).stdout
    assert "wrote (0, 'from outside')" in out and "saw ('from inside', ['link', 'note', 'sent'])" in out
    assert "read b'from inside'" in out and "no way out" in out


def test_what_is_removed_leaves_the_disk(tmp_path):
    server = Server(tmp_path).start("--undelete-days", "1")
    client = Client(server, tmp_path)
    shared = server.folder / "data/shared"
    python(client, """
        import io, warnings; warnings.simplefilter("ignore")
        nfs = modal.NetworkFileSystem.from_name("short", create_if_missing=True)
        nfs.write_file("file", io.BytesIO(b"kept"))
        modal.NetworkFileSystem.delete("short")
        """)
    (row,) = server.admin("undelete", "--list")
    assert row["kind"] == "nfs" and (shared / row["id"] / "file").read_bytes() == b"kept"
    server.admin("undelete", row["id"])
    assert client.run("nfs", "get", "short", "file", "-").stdout.startswith("kept")
    client.run("nfs", "delete", "short", "--yes")
    # Of volumes, what nobody has any more, in no version; as if that were two hours ago.
    python(client, """
        import io, os
        shared, names = os.urandom(1 << 20), ("gone", "stays")
        for name in names:
            with modal.Volume.from_name(name, create_if_missing=True, version=2).batch_upload() as batch:
                for file in ("removed", "left"): batch.put_file(io.BytesIO(os.urandom(1 << 20)), file)
                batch.put_file(io.BytesIO(shared), "shared")
            modal.Volume.from_name(name).remove_file("removed")
        modal.Volume.objects.delete("gone")
        """)
    assert server.stop() == 0
    with contextlib.closing(sqlite3.connect(server.folder / "data/ionian.db")) as db, db:
        db.execute("UPDATE volume_contents SET used_at = used_at - 7200000")

    def megabytes():
        return sum(file.stat().st_size >> 20 for file in (server.folder / "data/volumes/contents").rglob("files/*/*") if file.is_file())

    assert megabytes() == 5
    server.again("--undelete-days", "0")
    wait_for(lambda: not (shared / row["id"]).exists(), 240)
    wait_for(lambda: megabytes() == 2, 240)
    python(client, """
        vol = modal.Volume.from_name("stays")
        assert {e.path: len(b"".join(vol.read_file(e.path))) for e in vol.listdir("/")} == {"left": 1 << 20, "shared": 1 << 20}
        """)
    assert server.owner("admin", "volumes", "check")["problems"] == []
    assert server.stop() == 0


def test_what_is_gone_cannot_be_mounted(client):
    program = client.write("""
        import modal
        app = modal.App("gone")
        nfs = modal.NetworkFileSystem.from_name("brief", create_if_missing=True)

        @app.function(network_file_systems={"/a": nfs})
        def f():
            return "ran"

        @app.local_entrypoint()
        def main():
            modal.NetworkFileSystem.delete("brief")
            print(f.remote())
    """)
    failed = client.run("run", program, check=False)
    assert failed.returncode == 1 and "was deleted" in failed.stdout + failed.stderr and "ran" not in failed.stdout
    twice = client.run("run", client.write("""
        import modal
        app = modal.App("twice")

        @app.function(network_file_systems={"/a": modal.NetworkFileSystem.from_name("one", create_if_missing=True)},
                      volumes={"/a": modal.Volume.from_name("two", create_if_missing=True)})
        def f():
            pass
    """), check=False)
    assert twice.returncode == 1
