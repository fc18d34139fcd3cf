"""modal.Dict: every method, from a laptop and from containers, and what the server keeps through its own end."""
import contextlib
import json
import sqlite3
import subprocess

from conftest import Client, Server, python
from grpc_call import raw


def test_every_method(client):
    out = python(client, """
        with modal.Dict.ephemeral() as d:
            assert d.len() == 0 and d.get("a") is None and d.get("a", 7) == 7 and not d.contains("a")
            refused(KeyError, lambda: d["a"])
            d["a"] = 1; d[123] = {"deep": [1, 2]}; assert d["a"] == 1 and d[123] == {"deep": [1, 2]} and 123 in d
            assert d.put("a", 2) is True and d["a"] == 2
            assert d.put("a", 3, skip_if_exists=True) is False and d["a"] == 2
            assert d.put("b", 3, skip_if_exists=True) is True and d["b"] == 3
            d.update({"c": 4, "d": 5}, e=6); assert d.len() == 6
            assert sorted(map(str, d.keys())) == ["123", "a", "b", "c", "d", "e"]
            assert sorted(v for v in d.values() if isinstance(v, int)) == [2, 3, 4, 5, 6]
            assert dict(d.items())["e"] == 6
            assert d.pop("a") == 2 and d.pop("a", "none") == "none"; refused(KeyError, lambda: d.pop("a"))
            del d["b"]; refused(KeyError, lambda: d["b"])
            assert d.get(None) is None; d[None] = None; assert None in d
            assert modal.Dict.from_id(d.object_id)["c"] == 4
            info = d.info(); assert info.name is None and info.created_at is not None
            d.clear(); assert d.len() == 0 and list(d.keys()) == []
            print("all well")
        """)
    assert "all well" in out


def test_large_values_and_many_entries(client):
    out = python(client, """
        with modal.Dict.ephemeral() as d:
            # The largest value of all, as pickles go, and one byte more.
            around = len(modal._serialization.serialize(bytes(1 << 20))) - (1 << 20)
            large = bytes((100 << 20) - around)
            d["large"] = large; assert d["large"] == large; assert list(d.values()) == [large] and d.pop("large") == large
            refused(modal.exception.RequestSizeError, lambda: d.put("large", large + b"x")); assert d.len() == 0
            d.update({n: str(n) for n in range(10_000)}); assert d.len() == 10_000
            assert sorted(d.keys()) == list(range(10_000)) and dict(d.items())[9_999] == "9999"
            assert "10000" in refused(modal.exception.InvalidError, lambda: d.update({n: 1 for n in range(10_001)}))
            assert d.len() == 10_000
            print("all well")
        """)
    assert "all well" in out


MANY_LARGE = """
    import asyncio, os, sys
    from urllib.parse import urlparse
    from grpclib.client import Channel
    from grpclib.const import Status
    from grpclib.exceptions import GRPCError, StreamTerminatedError
    from modal_proto import api_pb2
    from modal_proto.api_grpc import ModalClientStub

    at, large = urlparse(os.environ["MODAL_SERVER_URL"]), os.urandom(60 << 20)
    headers = {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": os.environ["MODAL_TOKEN_ID"],
               "x-modal-token-secret": os.environ["MODAL_TOKEN_SECRET"]}
    refused = 0

    async def put(dict_id, n):
        global refused
        entry = api_pb2.DictEntry(key=b"%d" % n, value=large)
        while True:
            channel = Channel(at.hostname, at.port)
            try:
                return await ModalClientStub(channel).DictUpdate(api_pb2.DictUpdateRequest(dict_id=dict_id, updates=[entry]), metadata=headers, timeout=60)
            except (GRPCError, StreamTerminatedError) as error:
                assert getattr(error, "status", None) in (None, Status.RESOURCE_EXHAUSTED, Status.UNAVAILABLE), error
                refused += 1
            finally:
                channel.close()
            await asyncio.sleep(0.3)  # clients pause as well: what is refused was sent in vain

    async def main():
        stub = ModalClientStub(Channel(at.hostname, at.port))
        dict_id = (await stub.DictGetOrCreate(api_pb2.DictGetOrCreateRequest(deployment_name="large", object_creation_type=1), metadata=headers)).dict_id
        await asyncio.gather(*(put(dict_id, n) for n in range(7)))
        print("refused", refused > 0, flush=True)
        sys.stdin.readline()
        stream, whole = stub.DictContents.open(metadata=headers), 0
        async with stream:
            await stream.send_message(api_pb2.DictContentsRequest(dict_id=dict_id, keys=True, values=True), end=True)
            async for entry in stream:
                whole += entry.value == large
        print("whole", whole, flush=True)

    asyncio.run(main())
"""


def test_memory_is_bounded_by_its_option_and_not_by_what_comes(tmp_path):
    """Seven clients put 60 MiB each at once, where calls may take 128; all come in after a while, and leave one after the other."""
    server = Server(tmp_path).start("--call-memory", "128")
    client = Client(server, tmp_path)
    growth = server.memory_growth()
    process = subprocess.Popen([client.venv / "bin/python", client.write(MANY_LARGE)], env=client.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "refused True\n", process.communicate()
    # What is being read may take twice the option; each of these is parsed, and bound for the database's writer, which has one at a time.
    assert growth() < 6 * 128, growth()
    growth = server.memory_growth()
    out, error = process.communicate("go on\n", timeout=100)
    assert out == "whole 7\n", error
    assert growth() < 4 * 60, growth()
    assert server.stop() == 0, server.log_text()[-3000:]


def test_one_may_be_made_with_entries(server):
    assert raw(server, server.token(), """
        async def body(call):
            for value in (b"first", b"second"):
                entry = api_pb2.DictEntry(key=b"k", value=value)
                made = await call("DictGetOrCreate", deployment_name="filled", object_creation_type=1, data=[entry])
                print((await call("DictGet", dict_id=made.dict_id, key_=b"k")).value)
        """) == "b'first'\nb'first'\n"


def test_ephemeral_objects_live_as_long_as_their_client_says(client, server):
    out = python(client, f"""
        import contextlib, sqlite3
        db = sqlite3.connect("file:{server.folder}/data/ionian.db?mode=ro", uri=True)
        kinds = (modal.Dict, modal.Queue, modal.Volume, modal.NetworkFileSystem)
        with contextlib.ExitStack() as stack:
            ids = [stack.enter_context(kind.ephemeral(_heartbeat_sleep=0.3)).object_id for kind in kinds]
            def beats():
                return dict(db.execute("SELECT id, beat_at FROM objects WHERE id IN (?, ?, ?, ?)", ids).fetchall())
            first, end = beats(), time.monotonic() + 30
            assert sorted(first) == sorted(ids) and all(first.values()), first
            while not all(beats()[id] > first[id] for id in ids):
                assert time.monotonic() < end, (first, beats())
                time.sleep(0.1)
            print("all live")
        """)
    assert "all live" in out


def test_only_one_of_many_puts_it(client):
    out = python(client, """
        async def main():
            async with modal.Dict.ephemeral() as d:
                won = await asyncio.gather(*(d.put.aio("lock", n, skip_if_exists=True) for n in range(40)))
                assert won.count(True) == 1 and await d.get.aio("lock") == won.index(True)
                taken = await asyncio.gather(*(d.pop.aio("lock", None) for _ in range(40)))
                assert sorted(t is None for t in taken) == [False] + [True] * 39
                print("all well")
        asyncio.run(main())
        """)
    assert "all well" in out


def test_named_ones_and_the_command_line(client):
    client.run("dict", "create", "settings")
    python(client, """
        d = modal.Dict.from_name("settings")
        d["color"] = "blue"; d["size"] = 3
        assert "not found" in refused(modal.exception.NotFoundError, lambda: modal.Dict.from_name("nowhere").len())
        refused(modal.exception.NotFoundError, lambda: modal.Dict.from_id("di-nothere").len())
        assert modal.Dict.from_name("made-here", create_if_missing=True).info().name == "made-here"
        """)
    assert {row["name"] for row in json.loads(client.run("dict", "list", "--json").stdout)} >= {"settings", "made-here"}
    assert client.run("dict", "get", "settings", "color").stdout.strip() == "blue"
    items = json.loads(client.run("dict", "items", "settings", "--json").stdout)
    assert {(str(row["key"]), str(row["value"])) for row in items} == {("color", "blue"), ("size", "3")}
    one = client.run("dict", "items", "settings", "1").stdout
    assert "blue" in one and "..." in one and "size" not in one
    full = client.run("dict", "items", "settings", "1", "--all", "--repr").stdout
    assert "'color'" in full and "'size'" in full and "..." not in full
    client.run("environment", "create", "of-dicts")
    client.run("dict", "create", "elsewhere", "--env", "of-dicts")
    assert [row["name"] for row in json.loads(client.run("dict", "list", "--env", "of-dicts", "--json").stdout)] == ["elsewhere"]
    assert "elsewhere" not in client.run("dict", "list", "--json").stdout
    client.run("dict", "delete", "elsewhere", "--yes", "--env", "of-dicts")
    client.run("dict", "clear", "settings", "--yes")
    assert json.loads(client.run("dict", "items", "settings", "--json").stdout) == []
    client.run("dict", "delete", "settings", "--yes")
    assert client.run("dict", "delete", "settings", "--yes", check=False).returncode != 0
    client.run("dict", "delete", "settings", "--yes", "--allow-missing")
    python(client, """
        for n in range(105):
            modal.Dict.objects.create(f"d{n}")
        names = [d.name for d in modal.Dict.objects.list()]
        assert names[:2] == ["d104", "d103"] and {f"d{n}" for n in range(105)} <= set(names) and len(set(names)) == len(names)
        assert [d.name for d in modal.Dict.objects.list(max_objects=2)] == ["d104", "d103"]
        refused(modal.exception.AlreadyExistsError, lambda: modal.Dict.objects.create("d3"))
        modal.Dict.objects.create("d3", allow_existing=True)
        """)


def test_from_containers_and_the_old_client(client, old_client):
    program = """
        import modal
        app = modal.App("counting")
        shared = modal.Dict.from_name("shared-by-containers", create_if_missing=True)

        @app.function()
        def note(n):
            shared[n] = n * n
            return shared[n]

        @app.local_entrypoint()
        def main():
            print("sum", sum(note.map(range(4))), sorted(shared.values()))
    """
    for one in (client, old_client):
        assert "sum 14 [0, 1, 4, 9]" in one.run("run", one.write(program)).stdout


def test_environments_and_workspaces_are_walls(client, server):
    """By name, and for another workspace by id too."""
    ids = python(client, """
        modal.Dict.from_name("walled", create_if_missing=True)["x"] = 1
        modal.Queue.from_name("walled", create_if_missing=True).put("x")
        modal.NetworkFileSystem.from_name("walled", create_if_missing=True).hydrate()
        modal.Secret.objects.create("walled", {"A": "1"})
        print(*(kind.from_name("walled").hydrate().object_id for kind in (modal.Dict, modal.Queue, modal.NetworkFileSystem, modal.Secret)))
        """).split()
    client.run("environment", "create", "beyond")
    by_name = """
        for kind in (modal.Dict, modal.Queue, modal.NetworkFileSystem, modal.Secret):
            refused(modal.exception.NotFoundError, lambda: kind.from_name("walled"%s).hydrate())
        """
    python(client, by_name % ', environment_name="beyond"')
    server.admin("workspace", "create", "beyond-the-wall")
    pair = server.admin("token", "create", "--name", "other", "--workspace", "beyond-the-wall")
    python(client, by_name % "" + """
        d, q = modal.Dict.from_id(%r), modal.Queue.from_id(%r)
        for f in (lambda: d["x"], lambda: d.put("x", 2), lambda: d.pop("x"), lambda: list(d.keys()), d.len, d.clear,
                  lambda: q.get(block=False), lambda: q.put("y"), lambda: list(q.iterate()), q.len, q.clear):
            refused(modal.exception.NotFoundError, f)
        """ % tuple(ids[:2]), MODAL_TOKEN_ID=pair["token_id"], MODAL_TOKEN_SECRET=pair["token_secret"])
    # These have no from_id().
    assert raw(server, pair, """
        async def body(call):
            nfs, secret = %r, %r
            calls = [call("SharedVolumeListFiles", shared_volume_id=nfs, path="/"), call("SharedVolumePutFile", shared_volume_id=nfs, path="f", data=b"f"),
                     call("SharedVolumeDelete", shared_volume_id=nfs), call("SecretGetInfo", secret_id=secret), call("SecretDelete", secret_id=secret),
                     call("SecretUpdate", secret_id=secret, updates=[api_pb2.SecretUpdateRequest.Update(key="A", value="2")])]
            print({str(await each).split()[0] for each in calls})
        """ % tuple(ids[2:])) == "{'NOT_FOUND'}\n"
    assert python(client, """
        print(modal.Dict.from_name("walled")["x"], modal.Queue.from_name("walled").len(), modal.Secret.from_name("walled", required_keys=["A"]).hydrate().name)
        """).split() == ["1", "1", "walled"]


def test_lists_go_on_before_a_time(client):
    python(client, """
        import datetime
        for kind in (modal.Dict, modal.Queue, modal.Secret):
            for name in "abc":
                kind.objects.create(f"by-time-{name}", *([{}] if kind is modal.Secret else []))
            def names(**more):
                return [each.name for each in kind.objects.list(**more) if each.name.startswith("by-time-")]
            assert names() == ["by-time-c", "by-time-b", "by-time-a"]
            made = kind.from_name("by-time-b").info().created_at
            assert names(created_before=made) == ["by-time-a"], kind
            assert names(created_before=made.isoformat(), max_objects=1) == ["by-time-a"], kind
            assert names(created_before=made + datetime.timedelta(milliseconds=1))[0] == "by-time-b", kind
            assert names(created_before=datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)) == []
        """)


def test_entries_outlive_the_server_until_nobody_uses_them(tmp_path):
    server = Server(tmp_path).start()
    try:
        client, day = Client(server, tmp_path), 24 * 3600 * 1000
        client.run("environment", "create", "beyond")
        python(client, """
            d = modal.Dict.from_name("kept", create_if_missing=True); d["a"] = 1; d["b"] = 2; d.pop("a")
            for name in ("listed", "read"):
                modal.Dict.from_name(name, create_if_missing=True)["x"] = 3
            modal.Dict.from_name("kept", environment_name="beyond", create_if_missing=True)["y"] = 4
            """)
        server.fall()
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ionian.db")) as db, db:
            assert db.execute("UPDATE dict_entries SET used_at = used_at - ?", [8 * day]).rowcount == 4
        server.again("--dict-expiry-days", "30", "--dict-update-max", "2", "--dict-value-max", "1", "--secret-max", "1")
        out = python(client, """
            assert modal.Dict.from_name("kept").len() == 1
            assert list(modal.Dict.from_name("listed").keys()) == ["x"] and modal.Dict.from_name("read")["x"] == 3
            d = modal.Dict.from_name("bounded", create_if_missing=True)
            d.update({1: 1, 2: 2}); refused(modal.exception.InvalidError, lambda: d.update({1: 1, 2: 2, 3: 3}))
            d.put("large", bytes(1_000_000)); refused(modal.exception.RequestSizeError, lambda: d.put("large", bytes(1 << 20)))
            refused(modal.exception.InvalidError, lambda: modal.Secret.objects.create("large", {"A": "x" * 1024}))
            print(dict(modal.Dict.from_name("bounded").items()).keys())
            """)
        assert out.strip() == "dict_keys([1, 2, 'large'])"
        assert server.stop() == 0
        # What was used stays, what was not goes after seven days, and in one environment nothing does.
        server.again("--dict-no-expiry-in", "beyond")
        assert python(client, """
            print(*(modal.Dict.from_name(name).len() for name in ("kept", "listed", "read")), modal.Dict.from_name("kept", environment_name="beyond").len())
            """).strip() == "0 1 1 1"
        assert server.stop() == 0
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ionian.db")) as db, db:
            db.execute("UPDATE dict_entries SET used_at = used_at - ?", [1000 * day])
        server.again("--dict-expiry-days", "0")
        assert python(client, 'print(modal.Dict.from_name("read")["x"])').strip() == "3"
    finally:
        server.stop()
