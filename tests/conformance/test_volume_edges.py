"""modal.Volume at its edges: long lists, parts of files, mounts that refuse, what a setting bounds, files that are gone from the disk."""
import contextlib
import sqlite3
import subprocess

import pytest
from conftest import IONIAN, Client, Server, python
from grpc_call import raw


@pytest.mark.parametrize("version", [1, 2])
def test_long_lists_come_whole_and_in_order(client, version):
    """In pages of a thousand, which nobody sees."""
    python(client, """
        import io
        with modal.Volume.ephemeral(version=%d) as vol:
            with vol.batch_upload() as batch:
                for n in range(2300): batch.put_file(io.BytesIO(b"same"), f"d/{n:05}")
            paths = [e.path for e in vol.iterdir("/", recursive=True)]
            assert paths == ["d"] + [f"d/{n:05}" for n in range(2300)], len(paths)
            assert [e.path for e in vol.iterdir("/", recursive=False)] == ["d"] and len(vol.listdir("/d")) == 2300
        """ % version)


LIST_BESIDE_COMMITS = """
    async def body(call):
        volume = (await call("VolumeGetOrCreate", deployment_name="long", object_creation_type=1, version=2)).volume_id
        if %(first)s: return print(volume)
        async def paths(**more):
            channel = Channel(sys.argv[1], int(sys.argv[2]))
            try:
                async with ModalClientStub(channel).VolumeListFiles2.open(metadata=HEADERS) as stream:
                    request = api_pb2.VolumeListFiles2Request(volume_id=volume, path="d", recursive=True, **more)
                    await stream.send_message(request, end=True)
                    page = await stream.recv_message()
                    found = [entry.path for entry in page.entries]
                    # What is not on its way yet was not read from the tree when the first came.
                    await call("VolumeRemoveFile2", volume_id=volume, path=found[0])
                    await call("VolumeRemoveFile2", volume_id=volume, path=found[0][:-6] + "059000")
                    async for page in stream:
                        found += [entry.path for entry in page.entries]
                    return len(found)
            except GRPCError as error:
                return error.status.name
            finally:
                channel.close()
        print(await paths(max_entries=60_000), await paths())
    """


def test_a_long_list_is_of_one_version(client, server):
    """Links of names so long that they are more than a connection holds; they are put where the server keeps them."""
    pair = server.token()
    volume = raw(server, pair, LIST_BESIDE_COMMITS % {"first": True}).strip()
    rows = [(volume, "d", "", 2, 0o755, 1)] + [(volume, f"d/{'x' * 90}{n:06}", "d", 3, 0o777, 1) for n in range(130_000)]
    with contextlib.closing(sqlite3.connect(server.folder / "data" / "ionian.db", timeout=60)) as db, db:
        db.executemany("INSERT INTO volume_entries (volume, path, parent, kind, mode, mtime, size, content, version) "
                       "VALUES (?, ?, ?, ?, ?, 0, 0, CAST('x' AS BLOB), ?)", rows)
        db.execute("UPDATE volumes SET version = 1, entries = ? WHERE id = ?", [len(rows), volume])
    assert raw(server, pair, LIST_BESIDE_COMMITS % {"first": False}) == "60000 ABORTED\n"
    raw(server, pair, f'''
        async def body(call):
            await call("VolumeDelete", volume_id="{volume}")
        ''')


PARTS = """
    import io, os, urllib.request
    from modal_proto import api_pb2
    from modal._utils.async_utils import synchronizer
    data = os.urandom((8 << 20) + 5000)
    def stub(method, request):
        async def call():
            client = await modal.client._Client.from_env()
            return await getattr(client._stub, method)(request)
        return synchronizer.create_blocking(call)()
    with modal.Volume.ephemeral(version=%d) as vol:
        with vol.batch_upload() as batch: batch.put_file(io.BytesIO(data), "f")
        for start, length in [(0, 10), (5, 0), ((8 << 20) - 3, 6), ((8 << 20) + 4990, 1000), (len(data) + 7, 1)]:
            wanted = data[start:start + length] if length else data[start:]
            assert part(vol, start, length) == wanted, (start, length)
"""


def test_parts_of_a_file_of_version_1(client):
    python(client, """
    def part(vol, start, length):
        reply = stub("VolumeGetFile", api_pb2.VolumeGetFileRequest(volume_id=vol.object_id, path="f", start=start, len=length))
        if reply.WhichOneof("data_oneof") == "data": return reply.data
        blob = stub("BlobGet", api_pb2.BlobGetRequest(blob_id=reply.data_blob_id))
        return urllib.request.urlopen(blob.download_url).read()
    """ + PARTS % 1)


def test_parts_of_a_file_of_version_2(client):
    python(client, """
    def part(vol, start, length):
        reply = stub("VolumeGetFile2", api_pb2.VolumeGetFile2Request(volume_id=vol.object_id, path="f", start=start, len=length))
        assert reply.size == len(data)
        return b"".join(urllib.request.urlopen(url).read() for url in reply.get_urls)
    """ + PARTS % 2)


def test_commands_on_folders_and_on_what_is_missing(client):
    client.run("volume", "create", "edges", "--version", "2")
    (client.folder / "tree/deep").mkdir(parents=True)
    (client.folder / "tree/deep/one").write_text("one")
    client.run("volume", "put", "edges", "tree", "/tree")
    assert client.run("volume", "cp", "edges", "tree", "copy", check=False).returncode != 0, "a folder, and nobody said so"
    client.run("volume", "cp", "-r", "edges", "tree", "copy")
    client.run("volume", "get", "edges", "copy/deep/one", "here")
    (client.folder / "here").write_text("mine")
    assert client.run("volume", "get", "edges", "copy/deep/one", "here", check=False).returncode != 0
    assert (client.folder / "here").read_text() == "mine"
    client.run("volume", "get", "edges", "copy/deep/one", "here", "--force")
    assert (client.folder / "here").read_text() == "one"
    client.run("volume", "delete", "edges", "--yes")
    assert client.run("volume", "delete", "edges", "--yes", check=False).returncode != 0
    client.run("volume", "delete", "edges", "--yes", "--allow-missing")


def test_a_volume_of_version_1_and_one_that_is_only_read(client):
    out = client.run("run", client.write("""
        import io, modal
        first = modal.Volume.from_name("edges-first", create_if_missing=True, version=1)
        second = modal.Volume.from_name("edges-second", create_if_missing=True, version=2)
        app = modal.App("edges")

        @app.function(volumes={"/first": first, "/second": second.read_only()})
        def work():
            with open("/first/new", "w") as file:
                file.write(open("/first/old").read() + open("/second/old").read())
            first.commit()
            try:
                open("/second/new", "w")
            except OSError as error:
                return error.strerror

        @app.local_entrypoint()
        def main():
            for volume in first, second:
                with volume.batch_upload(force=True) as batch: batch.put_file(io.BytesIO(b"old"), "/old")
            print(work.remote(), b"".join(first.read_file("new")))
    """)).stdout
    assert "Read-only file system b'oldold'" in out


def test_bounds_and_files_that_are_gone(tmp_path):
    server = Server(tmp_path).start("--volume-entries-max", "4", "--volume-file-max", "1", "--volume-v1-entries-max", "2", "--volume-folder-max", "3")
    try:
        client = Client(server, tmp_path)
        python(client, """
            import io
            vol = modal.Volume.from_name("bound", create_if_missing=True, version=2)
            def put(**files):
                with vol.batch_upload(force=True) as batch:
                    for name, data in files.items(): batch.put_file(io.BytesIO(data), name)
            put(a=b"a", b=b"b", c=b"c" * (1 << 20))
            assert "--volume-folder-max" in refused(Exception, lambda: put(d=b"d"))
            assert "--volume-entries-max" in refused(Exception, lambda: put(**{"f/d": b"d"}))
            assert "--volume-file-max" in refused(Exception, lambda: put(a=b"d" * ((1 << 20) + 1)))
            assert sorted(e.path for e in vol.listdir("/")) == ["a", "b", "c"] and b"".join(vol.read_file("a")) == b"a"
            vol = modal.Volume.from_name("bound-1", create_if_missing=True, version=1)
            put(a=b"a", b=b"b")
            assert "--volume-v1-entries-max" in refused(Exception, lambda: put(c=b"c"))
            """)
        gone, = [file for file in (tmp_path / "data/volumes/contents").rglob("files/*/*") if file.is_file() and file.stat().st_size == 1 << 20]
        gone.unlink()
        check = subprocess.run([IONIAN, "admin", "volumes", "check", "--data", str(tmp_path / "data")], capture_output=True, text=True)
        assert check.returncode != 0 and "is missing" in check.stdout and "bound:/c" in check.stdout, check.stdout + check.stderr
    finally:
        server.stop()
