"""modal.Queue: every method, from a laptop and from containers, and what the server keeps through its own end."""
import contextlib
import json
import sqlite3
import time

from conftest import Client, Server, python
from grpc_call import raw


def test_every_method(client):
    out = python(client, """
        with modal.Queue.ephemeral() as q:
            assert q.get(block=False) is None and q.len() == 0 and q.get_many(5, block=False) == []
            q.put("some value"); q.put(123); q.put_many([4, 5, 6])
            assert q.len() == 5 and q.get() == "some value" and q.get_many(2) == [123, 4]
            assert list(q.iterate()) == [5, 6] and q.len() == 2
            q.put(1, partition="foo"); q.put_many([2, 3], partition="bar")
            assert q.len(partition="bar") == 2 and q.len(total=True) == 5
            assert q.get(partition="bar") == 2 and q.get_many(10, partition="bar") == [3]
            q.clear(partition="foo"); assert q.len(partition="foo") == 0 and q.len() == 2
            q.put(1, partition="foo"); q.clear(all=True); assert q.len(total=True) == 0
            began = time.monotonic()
            try:
                q.get(timeout=0.3)
                raise SystemExit("an empty queue gave something")
            except queue.Empty:
                assert time.monotonic() - began >= 0.3
            try:
                q.get_many(2, timeout=0.3)
                raise SystemExit("an empty queue gave something")
            except queue.Empty:
                pass
            later = threading.Timer(0.3, lambda: q.put_many([7, 8]))
            later.start(); assert q.get_many(3, timeout=20) == [7, 8]; later.join()
            info = q.info(); assert info.name is None and info.created_at is not None
            assert modal.Queue.from_id(q.object_id).len() == 0
            print("all well")
        """)
    assert "all well" in out


def test_limits(client):
    out = python(client, """
        with modal.Queue.ephemeral() as q:
            for n in range(50):
                q.put_many([n] * 100)
            assert q.len() == 5000
            try:
                q.put(1, block=False); raise SystemExit("more than 5,000")
            except queue.Full as full:
                assert "full" in str(full)
            began = time.monotonic()
            try:
                q.put(1, timeout=1); raise SystemExit("more than 5,000")
            except queue.Full:
                assert time.monotonic() - began < 20
            q.put(1, partition="another")
            later = threading.Timer(0.5, lambda: q.get())
            later.start(); q.put("found room", timeout=20); later.join()
            assert q.len() == 5000
            try:
                q.put(b"x" * (1 << 20) + b"y"); raise SystemExit("more than a mebibyte")
            except modal.exception.RequestSizeError:
                pass
            q.put(b"x" * ((1 << 20) - 100), partition="large"); assert len(q.get(partition="large")) == (1 << 20) - 100
            try:
                q.put(1, partition="k" * 65); raise SystemExit("a key of 65 bytes")
            except modal.exception.InvalidError:
                pass
            began = time.monotonic()
            try:
                q.put_many([1, 2], timeout=1); raise SystemExit("more than 5,000")
            except queue.Full:
                assert time.monotonic() - began < 20
            q.put_many([1, 2], partition="short", partition_ttl=1)
            end = time.monotonic() + 20
            while q.len(partition="short") and time.monotonic() < end: pass
            assert q.len(partition="short") == 0 and q.get(block=False, partition="short") is None
            print("all well")
        """)
    assert "all well" in out


def test_those_that_wait_are_served_in_turn(client):
    out = python(client, """
        async def main():
            async with modal.Queue.ephemeral() as q:
                order = []
                async def take(n):
                    order.append((n, await q.get.aio(timeout=50)))
                takers = []
                for n in range(20):
                    takers.append(asyncio.create_task(take(n)))
                    await asyncio.sleep(0.05)
                # The third one gives up, and its place is not in anybody's way.
                takers[2].cancel()
                await asyncio.sleep(0.3)
                await q.put_many.aio(list(range(19)))
                await asyncio.gather(*takers, return_exceptions=True)
                assert sorted(value for _, value in order) == list(range(19)), order
                assert [n for n, _ in sorted(order, key=lambda one: one[1])] == [n for n in range(20) if n != 2], order
                assert await q.len.aio() == 0
                print("all well")
        asyncio.run(main())
        """)
    assert "all well" in out


def test_a_get_that_waits_costs_no_thread(server):
    out = raw(server, server.token(), """
        def threads():
            return next(int(line.split()[1]) for line in open("/proc/%d/status") if line.startswith("Threads:"))

        async def body(call):
            queue = (await call("QueueGetOrCreate", object_creation_type=5)).queue_id
            before = threads()
            takers = [asyncio.create_task(call("QueueGet", queue_id=queue, n_values=1, timeout=60, partition_key=b"%%d" %% (n %% 50))) for n in range(2000)]
            await asyncio.sleep(2)
            assert not any(taker.done() for taker in takers)
            print(threads() - before < 20, end=" ")
            for n in range(50):
                await call("QueuePut", queue_id=queue, partition_key=b"%%d" %% n, values=[b"x"] * 40)
            print(sum(len(reply.values) for reply in await asyncio.gather(*takers)))
        """ % server.process.pid)
    assert out == "True 2000\n"


def test_iterating_waits_for_more(client):
    out = python(client, """
        with modal.Queue.ephemeral() as q:
            q.put_many(["a", "b"], partition="p")
            later = threading.Timer(1, lambda: q.put("c", partition="p"))
            later.start()
            assert list(q.iterate(partition="p", item_poll_timeout=5)) == ["a", "b", "c"]
            assert q.len(partition="p") == 3
            print("all well")
        """)
    assert "all well" in out


def test_named_ones_and_the_command_line(client):
    assert client.run("queue", "create", "jobs").returncode == 0
    python(client, """
        q = modal.Queue.from_name("jobs")
        q.put_many(["one", "two", "three"]); q.put("elsewhere", partition="p")
        assert modal.Queue.from_name("made-here", create_if_missing=True).len() == 0
        for wrong in (lambda: modal.Queue.from_name("nowhere").len(), lambda: modal.Queue.from_id("qu-nothere").len()):
            try:
                wrong(); raise SystemExit("found what is not there")
            except modal.exception.NotFoundError:
                pass
        """)
    rows = {row["name"]: row for row in json.loads(client.run("queue", "list", "--json").stdout)}
    assert set(rows) >= {"jobs", "made-here"} and str(rows["jobs"]["total_size"]) == "4" and str(rows["jobs"]["partitions"]) == "2"
    assert client.run("queue", "len", "jobs").stdout.strip() == "3"
    assert client.run("queue", "len", "jobs", "--total").stdout.strip() == "4"
    assert client.run("queue", "peek", "jobs", "2").stdout.split() == ["one", "two"]
    client.run("queue", "clear", "jobs", "--yes")
    assert client.run("queue", "len", "jobs", "--total").stdout.strip() == "1"
    # Of a partition, and in another environment.
    client.run("environment", "create", "of-queues")
    client.run("queue", "create", "jobs", "--env", "of-queues")
    python(client, """
        modal.Queue.from_name("jobs", environment_name="of-queues").put_many(["a", "b"], partition="p")
        """)
    there = ("--env", "of-queues")
    assert client.run("queue", "len", "jobs", "--partition", "p", *there).stdout.strip() == "2"
    assert client.run("queue", "peek", "jobs", "-p", "p", *there).stdout.split() == ["a"]
    client.run("queue", "clear", "jobs", "-p", "p", "--yes", *there)
    assert client.run("queue", "len", "jobs", "--total", *there).stdout.strip() == "0"
    assert client.run("queue", "len", "jobs", "-p", "p").stdout.strip() == "1"
    client.run("queue", "delete", "jobs", "--yes", *there)
    client.run("queue", "delete", "jobs", "--yes")
    assert client.run("queue", "delete", "jobs", "--yes", check=False).returncode != 0
    client.run("queue", "delete", "jobs", "--yes", "--allow-missing")
    python(client, """
        for n in range(105):  # more than a page
            modal.Queue.objects.create(f"q{n}")
        assert [q.name for q in modal.Queue.objects.list(max_objects=3)] == ["q104", "q103", "q102"]
        names = [q.name for q in modal.Queue.objects.list()]
        assert {f"q{n}" for n in range(105)} | {"made-here"} <= set(names) and len(set(names)) == len(names)
        try:
            modal.Queue.objects.create("q3"); raise SystemExit("made twice")
        except modal.exception.AlreadyExistsError:
            pass
        modal.Queue.objects.create("q3", allow_existing=True)
        """)


def test_from_containers_and_the_old_client(client, old_client):
    program = """
        import modal
        app = modal.App("producers")

        @app.function()
        def work(q):
            n = q.get(timeout=30)
            q.put(n * n, partition="results")
            return True

        @app.local_entrypoint()
        def main():
            with modal.Queue.ephemeral() as q:
                q.put_many(list(range(4)))
                assert all(work.map([q] * 4))
                print("squares", sorted(q.get_many(10, partition="results")))
    """
    for one in (client, old_client):
        assert "squares [0, 1, 4, 9]" in one.run("run", one.write(program)).stdout


def test_a_deleted_queue_ends_the_waiting(client):
    out = python(client, """
        with modal.Queue.ephemeral() as q:
            other = modal.Queue.from_name("short-lived", create_if_missing=True); other.hydrate()
            threading.Timer(1, lambda: modal.Queue.objects.delete("short-lived")).start()
            try:
                other.get(timeout=40); raise SystemExit("got something")
            except modal.exception.NotFoundError:
                print("all well")
        """)
    assert "all well" in out


TAKES = """
    async def body(call):
        by_name = {"deployment_name": "kept", "object_creation_type": 1}
        queue = (await call("QueueGetOrCreate", **by_name)).queue_id
        made = (await call("DictGetOrCreate", **by_name)).dict_id
        if %(first)s:
            await call("QueuePut", queue_id=queue, values=[b"a", b"b", b"c"])
            entries = [api_pb2.DictEntry(key=b"small", value=b"v"), api_pb2.DictEntry(key=b"large", value=b"0123456789abcdef" * (70 << 16))]
            await call("DictUpdate", dict_id=made, updates=entries)
        cleared = (await call("DictGetOrCreate", deployment_name="cleared", object_creation_type=1)).dict_id
        await call("DictClear", key="fourth", dict_id=cleared)
        await call("QueueClear", key="fifth", queue_id=queue, partition_key=b"cleared")
        if %(first)s:
            await call("DictUpdate", dict_id=cleared, updates=[api_pb2.DictEntry(key=b"came", value=b"later")])
            await call("QueuePut", queue_id=queue, values=[b"later"], partition_key=b"cleared")
        for attempt in range(2):
            taken = await call("QueueGet", key="first", queue_id=queue, n_values=1)
            small = await call("DictPop", key="second", dict_id=made, key_=b"small")
            large = await call("DictPop", key="third", dict_id=made, key_=b"large")
            print(list(taken.values), small.value, len(large.value), hashlib.sha256(large.value).hexdigest()[:8])
        print((await call("QueueLen", queue_id=queue)).len, (await call("DictLen", dict_id=made)).len,
              (await call("DictPop", key="another", dict_id=made, key_=b"large")).found,
              (await call("QueueLen", queue_id=queue, partition_key=b"cleared")).len, (await call("DictLen", dict_id=cleared)).len)
    """


ONCE = """
    async def body(call):
        async def once(method, **fields):
            reply = await call(method, key=method, **fields)
            print(method, reply if isinstance(reply, str) else "did it")
            return reply
        new = {"deployment_name": "once", "object_creation_type": api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS}
        made = {}
        for kind in "dict", "queue", "volume", "shared_volume", "secret":
            name = kind.title().replace("_", "")
            made[kind] = {kind + "_id": getattr(await once(name + "GetOrCreate", **new), kind + "_id", None)}
        print(made, "did it")
        await once("SecretUpdate", **made["secret"], updates=[api_pb2.SecretUpdateRequest.Update(key="V", value="v")])
        one, new = hashlib.sha256(b"1").hexdigest(), {"disallow_overwrite_existing_files": True}
        await call("MountPutFile", sha256_hex=one, data=b"1")
        await once("VolumePutFiles", files=[api_pb2.MountFile(filename="one", sha256_hex=one, size=1, mode=0o644)], **made["volume"], **new)
        await once("VolumePutFiles2", files=[api_pb2.VolumePutFiles2Request.File(path="two")], **made["volume"], **new)
        await once("VolumeCopyFiles", src_paths=["two"], dst_path="three", **made["volume"])
        await once("VolumeRemoveFile", path="one", **made["volume"])
        await once("VolumeRemoveFile2", path="two", **made["volume"])
        await once("VolumeRename", name="once-more", **made["volume"])
        await once("SharedVolumePutFile", path="one", data=b"1", **made["shared_volume"])
        await once("SharedVolumeRemoveFile", path="one", **made["shared_volume"])
        for kind, by_id in made.items():
            await once(kind.title().replace("_", "") + "Delete", **by_id)
    """


BOUNDS = """
    async def body(call):
        queue = (await call("QueueGetOrCreate", deployment_name="bounds", object_creation_type=1)).queue_id
        print(await call("QueuePut", queue_id=queue, values=[b"x"], partition_key=b"k" * 65))
        # Two that wait: one is too many. Whichever it is, it is answered at once, and the other is handed what is put then.
        waiting = [asyncio.ensure_future(call("QueueGet", queue_id=queue, timeout=60, n_values=1)) for _ in range(2)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await call("QueuePut", queue_id=queue, values=[b"x"])
        answers = await asyncio.gather(*waiting)
        print(*(answer for answer in answers if isinstance(answer, str)))
        print(*(list(answer.values) for answer in answers if not isinstance(answer, str)))
    """


def test_items_and_takes_outlive_the_server(tmp_path):
    """A take whose answer was lost is the same take, also of the next server and of a large value; and what was cleared once is not cleared again."""
    server = Server(tmp_path).start()
    try:
        client, pair = Client(server, tmp_path), server.token()
        python(client, """
            q = modal.Queue.from_name("jobs", create_if_missing=True)
            q.put_many(["a", "b", "c"]); assert q.get() == "a"
            """)
        first = raw(server, pair, TAKES % {"first": True}).splitlines()
        assert first[0].startswith("[b'a'] b'v' 73400320 ") and first[1] == first[0] and first[2] == "2 0 False 1 1"
        done = raw(server, pair, ONCE).splitlines()
        assert len(done) == 20 and all(line.endswith(" did it") for line in done), done
        server.fall()
        server.again("--queue-items-max", "2", "--queue-item-max", "2", "--queue-partition-max", "1", "--queue-partitions-max", "2",
                     "--queue-partition-hours", "2", "--queue-waiters-max", "1")
        assert raw(server, pair, ONCE).splitlines() == done, "what was done once is not done, or refused, the second time"
        assert raw(server, pair, TAKES % {"first": False}).splitlines() == first
        assert "all well" in python(client, """
            q = modal.Queue.from_name("jobs"); assert q.get_many(5) == ["b", "c"]
            q.put_many([1, 2]); refused(queue.Full, lambda: q.put(3, block=False))
            refused(modal.exception.RequestSizeError, lambda: q.put(b"x" * 2048, partition="p"))
            q.put(b"x" * 2000, partition="p", partition_ttl=1); refused(queue.Full, lambda: q.put(1, partition="a third one", block=False))
            end = time.monotonic() + 20
            while q.len(partition="p") and time.monotonic() < end: pass
            q.put(1, partition="a third one", block=False)  # one that is over takes no place
            print("all well")
            """)
        raw(server, pair, """
            async def body(call):
                queue = (await call("QueueGetOrCreate", deployment_name="two-hours", object_creation_type=1)).queue_id
                await call("QueuePut", queue_id=queue, values=[b"x"])
            """)
        key, refused, taken = raw(server, pair, BOUNDS).splitlines()
        assert key == "INVALID_ARGUMENT a partition's key has at most 64 bytes, not 65" and taken == "[b'x']", (key, taken)
        assert refused.startswith("RESOURCE_EXHAUSTED") and "--queue-waiters-max" in refused, refused
        with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ionian.db")) as db:
            ends, = db.execute("SELECT p.expires_at FROM queue_partitions p JOIN objects o ON o.id = p.queue WHERE o.name = 'two-hours'").fetchone()
        assert 7100 < ends / 1000 - time.time() < 7300
    finally:
        server.stop()
