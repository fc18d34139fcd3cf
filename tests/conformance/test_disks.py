"""What was acknowledged is on the disk, not on its way there: the disk loses its power again and again. And a full disk takes nothing and loses nothing."""
import os
import pathlib
import random
import subprocess
import textwrap
import time

import test_volume_histories
from conftest import PRELUDE, Client, python
from own_disk import OwnDisk, own_disk_server
from test_data_histories import SECONDS, check_dict, check_queue, check_secrets, record


def test_the_disk_itself(tmp_path):
    """A disk that forgot nothing would prove nothing."""
    disk = OwnDisk(tmp_path, 64)
    try:
        def write(name, sync):
            with open(disk.mount_point / name, "w") as file:
                file.write("text")
                file.flush()
                if sync:
                    os.fsync(file.fileno())
        write("synced", True)
        write("not synced", False)
        disk.lose_power()
        assert (disk.mount_point / "synced").read_text() == "text"
        assert not (disk.mount_point / "not synced").exists() or (disk.mount_point / "not synced").read_text() == ""
    finally:
        disk.remove()


def test_the_disk_may_lose_its_power_in_the_middle_of_a_sync(tmp_path):
    disk, size, chance, seen = OwnDisk(tmp_path, 256), 64 << 20, random.Random(3), []
    try:
        file = disk.mount_point / "file"
        while len(seen) < 50 and not any(0 < old < size for old in seen):
            with open(file, "wb") as out:
                out.write(b"a" * size)
                out.flush()
                os.fsync(out.fileno())
            # In the place of the bytes that are there. The moment of the cut is what is tried.
            over = subprocess.Popen(["dd", "if=/dev/zero", "bs=1M", "count=64", "conv=notrunc,fsync", f"of={file}"], stderr=subprocess.DEVNULL)
            time.sleep(chance.uniform(0, 0.05))
            disk.lose_power(end_all=over.kill)
            over.wait()
            seen.append(file.read_bytes().count(b"a"))
        assert 0 < seen[-1] < size, seen
    finally:
        disk.remove()


def test_power_cuts_lose_nothing(tmp_path):
    with own_disk_server(tmp_path, 1024) as server:
        calls, cuts = record(server, seed=2, seconds=SECONDS)
        assert cuts >= 3
        check_queue(calls)
        check_dict(calls)
        check_secrets(calls)


def test_power_cuts_leave_whole_trees(tmp_path, built):
    with own_disk_server(tmp_path, 1024, *test_volume_histories.OPTIONS, data=built) as server:
        client = Client(server, tmp_path)
        client.run("deploy", client.write(test_volume_histories.APP, "history_app.py"))
        history = test_volume_histories.write_and_check(server, client, SECONDS, [["upload-u1", "read"], ["upload-u2", "call-c1"]], longest=8)
        by = {use["by"] for use in history if use["what"] == "put" and use["outcome"] == "kept"}
        assert by == {"u1", "u2", "c1"}, by


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path):
    with own_disk_server(tmp_path, 256) as server:
        client = Client(server, tmp_path)
        python(client, """
            import io
            d = modal.Dict.from_name("d", create_if_missing=True); d["before"] = "x" * 10_000
            q = modal.Queue.from_name("q", create_if_missing=True); q.put_many(["one", "two"])
            v = modal.Volume.from_name("v", create_if_missing=True)
            with v.batch_upload() as batch:
                batch.put_file(io.BytesIO(b"before" * 1000), "/before")
            modal.Secret.objects.create("s", {"BEFORE": "x"})
            """)
        with server.full():
            # What is small may still find room; what is large finds none, and the error says why. A queue takes it for being full: a put waits.
            out = python(client, """
                import io, os
                d, q = modal.Dict.from_name("d"), modal.Queue.from_name("q")
                v = modal.Volume.from_name("v")
                def upload():
                    with v.batch_upload() as batch:
                        batch.put_file(io.BytesIO(os.urandom(8 << 20)), "/during")
                def keep_secret():
                    modal.Secret.from_name("s").update({f"DURING_{n}": os.urandom(50_000).hex() for n in range(10)})
                for write in (lambda: d.put("during", os.urandom(8 << 20)), lambda: q.put(os.urandom(900_000), timeout=1), upload, keep_secret):
                    try:
                        for _ in range(10):
                            write()
                        print("taken")
                    except Exception as error:
                        print("refused", type(error).__name__, error)
                assert d["before"] == "x" * 10_000 and b"".join(v.read_file("/before")) == b"before" * 1000 and q.len() >= 2
                print("reads go on")
                """)
            assert "taken" not in out and out.count("refused") == 4 and "reads go on" in out
            assert out.count("full") >= 2, out
        server.fall()
        server.again()
        out = python(client, """
            import io
            d, q, v = modal.Dict.from_name("d"), modal.Queue.from_name("q"), modal.Volume.from_name("v")
            assert d["before"] == "x" * 10_000 and q.get() == "one" and q.get() == "two"
            modal.Secret.from_name("s", required_keys=["BEFORE"]).hydrate(); modal.Secret.from_name("s").update({"AFTER": "y"})
            modal.Secret.from_name("s", required_keys=["BEFORE", "AFTER"]).hydrate()
            d["after"] = 1; q.put("three", partition="p"); assert q.get(partition="p") == "three"
            with v.batch_upload() as batch:
                batch.put_file(io.BytesIO(b"after" * 1000), "/after")
            names = [e.path for e in v.listdir("/")]
            assert "before" in names and "after" in names and "during" not in names, names
            print("all well")
            """)
        assert "all well" in out
        assert server.owner("admin", "volumes", "check")["problems"] == []
        assert server.stop() == 0 and not pathlib.Path(server.folder, "data/ballast").exists()


FULL = """
    import io, os, sys
    d = modal.Dict.from_name("d", create_if_missing=True); q = modal.Queue.from_name("q", create_if_missing=True)
    v = modal.Volume.from_name("v", create_if_missing=True, version=2)
    def upload(name, size):
        with v.batch_upload(force=True) as batch:
            batch.put_file(io.BytesIO(name.encode() + os.urandom(size)), f"/{name}")
    writes = {"dict": lambda name, size: d.put(name, name.encode() + os.urandom(size)),
              "queue": lambda name, size: q.put(name.encode() + os.urandom(min(size, 900_000)), timeout=1),
              "volume": upload,
          "secret": lambda name, size: modal.Secret.objects.create(name.strip("."), {"V": os.urandom(min(size, 1_000_000) // 2).hex()})}
    size = int(sys.argv[2])
    for n in range(int(sys.argv[3])):
        for kind, write in list(writes.items()):
            name = f"{sys.argv[1]}-{n}-{kind}."
            try:
                write(name, size)
                print("taken", kind, name, flush=True)
            except Exception as error:
                del writes[kind]  # clients repeat what is refused for a while, so that one time is enough
                print("refused", kind, type(error).__name__, str(error).replace(chr(10), " ")[:200], flush=True)
"""

THERE = """
    d, q, v = modal.Dict.from_name("d"), modal.Queue.from_name("q"), modal.Volume.from_name("v")
    def name_of(value): return value.split(b".")[0].decode() + "."
    for key in d.keys(): assert name_of(d[key]) == key; print("has dict", key)
    for value in q.iterate(): print("has queue", name_of(value))
    for entry in v.listdir("/"): assert name_of(b"".join(v.read_file(entry.path))) == entry.path; print("has volume", entry.path)
    for secret in modal.Secret.objects.list(): print("has secret", secret.name + ".")
"""


def test_what_fits_before_the_disk_is_full_stays_and_what_comes_after_it_is_taken(tmp_path):
    """The disk fills while all of them write, as it does in life: each write is either there in the end or was refused."""
    def lines(out, word):
        return [line.split()[1:] for line in out.splitlines() if line.startswith(word + " ")]

    with own_disk_server(tmp_path, 256) as server:
        client = Client(server, tmp_path)
        fill, look = client.write(textwrap.dedent(PRELUDE + FULL), "fill.py"), client.write(textwrap.dedent(PRELUDE + THERE), "look.py")
        out = client.python(fill, "early", "1000", "2").stdout
        with server.full(but_mib=24):
            out += client.python(fill, "during", "3000000", "30").stdout
            refused = lines(out, "refused")
            # A queue that cannot take an item is full to its clients, which wait as long as they want to.
            assert {kind for kind, *_ in refused} == {"dict", "queue", "volume", "secret"}, out
            assert all("full" in " ".join(said).lower() for _, *said in refused), refused
            # Nobody has to wait for a refusal, and the server lives.
            kept = lines(client.python(look).stdout, "has")
        taken = lines(out, "taken")
        assert sorted(kept) == sorted(taken), "acknowledged and lost, or refused and there"
        server.fall()
        server.again()
        assert sorted(lines(client.python(look).stdout, "has")) == sorted(taken)
        later = client.python(fill, "later", "1000", "2").stdout
        more = lines(later, "taken")
        assert len(more) == 8, later
        assert sorted(lines(client.python(look).stdout, "has")) == sorted(taken + more)
        assert server.owner("admin", "volumes", "check")["problems"] == []
        assert server.stop() == 0


LATE = """
    import modal

    app = modal.App("late")
    vol = modal.Volume.from_name("late", create_if_missing=True, version=2)

    @app.function(volumes={"/data": vol}, max_containers=1, scaledown_window=600)
    def late(what):
        if what == "write":
            with open("/data/file", "wb") as file:
                file.write(b"late" * 500_000)
            return "written"
        try:
            vol.commit()
        except Exception as error:
            return f"refused {error}"
        return "kept"
"""


def test_a_container_whose_commit_found_no_room_commits_later(tmp_path, built):
    with own_disk_server(tmp_path, 512, *test_volume_histories.OPTIONS[2:], data=built) as server:
        client = Client(server, tmp_path)
        client.run("deploy", client.write(LATE, "late.py"))
        call = client.write('import sys, modal; print(modal.Function.from_name("late", "late").remote(sys.argv[1]))', "call.py")
        look = client.write('import modal; print(b"".join(modal.Volume.from_name("late").read_file("/file")) == b"late" * 500_000)', "look.py")
        assert client.python(call, "write").stdout == "written\n"
        with server.full():
            refused = client.python(call, "commit").stdout
            assert refused.startswith("refused") and ("full" in refused or "No space left" in refused), refused
            assert "FileNotFoundError" in client.python(look, check=False).stderr
        assert client.python(call, "commit").stdout == "kept\n"
        server.fall()
        server.again(*test_volume_histories.OPTIONS[2:])
        assert client.python(look).stdout == "True\n"
