"""What was acknowledged is on the disk, not on its way there: the disk loses its power again and again. And a full disk takes nothing and loses nothing."""
import os
import pathlib

import test_volume_histories
from conftest import Client, python
from own_disk import OwnDisk, own_disk_server
from test_data_histories import SECONDS, check_dict, check_queue, check_secrets, record

# Half of what kills get, but for the long runs.
CUT_SECONDS = SECONDS if SECONDS > 60 else min(SECONDS, 30)


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
        disk.lose_power(lambda: None)
        assert (disk.mount_point / "synced").read_text() == "text"
        assert not (disk.mount_point / "not synced").exists() or (disk.mount_point / "not synced").read_text() == ""
    finally:
        disk.remove()


def test_power_cuts_lose_nothing(tmp_path):
    with own_disk_server(tmp_path, 1024) as server:
        calls, cuts = record(server, seed=2, seconds=CUT_SECONDS)
        assert cuts >= 3
        check_queue(calls)
        check_dict(calls)
        check_secrets(calls)


def test_power_cuts_leave_whole_trees(tmp_path):
    with own_disk_server(tmp_path, 1024, *test_volume_histories.OPTIONS) as server:
        test_volume_histories.write_and_check(server, Client(server, tmp_path), CUT_SECONDS, [["upload-u1", "read"], ["upload-u2"]])


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
                for write in (lambda: d.put("during", os.urandom(8 << 20)), lambda: q.put(os.urandom(900_000), timeout=1), upload):
                    try:
                        for _ in range(10):
                            write()
                        print("taken")
                    except Exception as error:
                        print("refused", type(error).__name__, error)
                assert d["before"] == "x" * 10_000 and b"".join(v.read_file("/before")) == b"before" * 1000 and q.len() >= 2
                print("reads go on")
                """)
            assert "taken" not in out and out.count("refused") == 3 and "reads go on" in out
            assert out.count("full") >= 2, out
        server.fall()
        server.again()
        out = python(client, """
            import io
            d, q, v = modal.Dict.from_name("d"), modal.Queue.from_name("q"), modal.Volume.from_name("v")
            assert d["before"] == "x" * 10_000 and q.get() == "one" and q.get() == "two"
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
