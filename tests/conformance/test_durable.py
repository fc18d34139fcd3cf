"""Asynchronous calls outlive their spawner, the server and its containers."""
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from conftest import Client, Server
from grpc_call import raw
from processes import children
from test_languages import COMMANDS
from test_run import wait_for

PROGRAM = """
    import os, sys, time, modal

    app = modal.App("durable")

    @app.function(max_containers=2, retries=modal.Retries(max_retries=2, initial_delay=0.1))
    def square(x, gate=None):
        while gate and not os.path.exists(gate):
            time.sleep(0.05)
        print(f"square of {x}", flush=True)
        return x * x, os.getpid()

    if __name__ == "__main__":
        with app.run(detach=True):
            calls = [square.spawn(x, *sys.argv[2:]) for x in range(int(sys.argv[1]))]
            print(*[c.object_id for c in calls], flush=True)
            os._exit(0)  # without a word: the app is detached
"""

READER = """
    import json, sys, modal

    results = [modal.FunctionCall.from_id(i).get(timeout=90) for i in sys.argv[1:]]
    print(json.dumps([r[0] for r in results]))
    again = [modal.FunctionCall.from_id(i).get(timeout=0) for i in sys.argv[1:]]
    assert again == results, (again, results)
"""


@pytest.fixture
def own(tmp_path, built):
    (tmp_path / "server").mkdir()
    running = Server(tmp_path / "server").take_over(built).start()
    yield running
    assert running.stop() == 0, running.log_text()[-3000:]


@pytest.fixture
def own_client(own, tmp_path):
    return Client(own, tmp_path)


def spawn(client, count, *gate):
    out = client.python(client.write(PROGRAM), str(count), *gate)
    return out.stdout.split()[-count:]


def read(client, ids):
    out = client.python(client.write(READER, "reader.py"), *ids)
    return json.loads(out.stdout.splitlines()[0])


def test_spawned_calls_survive_kill_9_and_their_results_too(own, own_client):
    ids = spawn(own_client, 6)
    assert len(set(ids)) == 6, ids
    own.stop(signal.SIGKILL)
    own.again()
    assert read(own_client, ids) == [0, 1, 4, 9, 16, 25]
    own.stop(signal.SIGKILL)
    own.again()
    assert read(own_client, ids) == [0, 1, 4, 9, 16, 25]


def test_a_call_of_an_instance_survives_a_restart_and_its_handle_too(own, own_client):
    """After a restart the core knows of instances only what it needs."""
    own_client.run("deploy", own_client.write("""
        import modal
        app = modal.App("instances")

        @app.cls(max_containers=1)
        class Named:
            name: str = modal.parameter()

            @modal.method()
            def greet(self):
                return f"hello {self.name}"
    """))
    program = own_client.write("""
        import sys, modal
        method = modal.Cls.from_name("instances", "Named")(name="ada").greet
        print(method.spawn().object_id, flush=True)
        sys.stdin.readline()
        print(method.remote())
    """, "caller.py")
    caller = subprocess.Popen([own_client.venv / "bin/python", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=own_client.env, cwd=own_client.folder)
    call = caller.stdout.readline().strip()
    own.stop(signal.SIGKILL)
    own.again()
    assert caller.communicate("go on\n", timeout=60)[0] == "hello ada\n"
    assert own_client.python(own_client.write(f"""
        import modal
        print(modal.FunctionCall.from_id({call!r}).get(timeout=60))
    """)).stdout == "hello ada\n"


def test_the_retries_of_an_input_are_counted_across_the_servers_lives(own, own_client):
    """The same holds of when the next one is due."""
    call = own_client.python(own_client.write("""
        import os, time, modal

        app = modal.App("retried")

        @app.function(max_containers=1, retries=modal.Retries(max_retries=2, initial_delay=6.0, backoff_coefficient=1.0))
        def fail(tries):
            tries.put(time.time())
            raise ValueError("as ever")

        if __name__ == "__main__":
            tries = modal.Queue.from_name("tries", create_if_missing=True).hydrate()
            with app.run(detach=True):
                print(fail.spawn(tries).object_id, flush=True)
                os._exit(0)
    """)).stdout.split()[-1]
    # Nothing that runs can tell when the second failure is on disk.
    database = sqlite3.connect(f"file:{own.folder / 'data/ionian.db'}?mode=ro", uri=True)
    wait_for(lambda: database.execute("SELECT 1 FROM inputs WHERE call = ? AND retries = 2", [call]).fetchone())
    database.close()
    own.stop(signal.SIGKILL)
    own.again()
    out = own_client.python(own_client.write("""
        import sys, modal
        try:
            modal.FunctionCall.from_id(sys.argv[1]).get(timeout=90)
        except ValueError as error:
            print(error)
        tries = modal.Queue.from_name("tries").get_many(100, block=False)
        print(len(tries), tries[2] - tries[1] > 5)
    """, "read.py"), call).stdout
    assert out == "as ever\n3 True\n"


def test_results_are_kept_for_a_week(own, own_client, tmp_path):
    (call,) = spawn(own_client, 1)
    assert read(own_client, [call]) == [0]
    assert own.stop() == 0
    with sqlite3.connect(own.folder / "data/ionian.db") as records:
        for name in ("created_at", "done_at"):
            records.execute(f"UPDATE calls SET {name} = {name} - 8 * 86400 * 1000")
    records.close()
    own.again()
    late = own_client.write("""
        import sys, time, modal
        call, deadline = modal.FunctionCall.from_id(sys.argv[1]), time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                call.get(timeout=0)
            except modal.exception.OutputExpiredError:
                print("expired")
                break
        try:
            call.get()
        except modal.exception.OutputExpiredError as error:
            print(error)
    """, "late.py")
    for reader in own_client, Client(own, tmp_path, "old"):
        out = reader.python(late, call, timeout=90).stdout
        assert out == "expired\nthe results of this function call were kept for 7 days and have been removed\n"
    for command in COMMANDS.values():
        out = subprocess.run([*command, json.dumps([{"do": "result", "name": call}])], capture_output=True, text=True, timeout=60,
                             env=own_client.env | {"PATH": os.environ["PATH"]})
        assert "the results of this function call were kept for 7 days and have been removed" in json.loads(out.stdout)["error"], out


def test_single_results_of_a_long_finished_call_are_read_where_they_lie(own, own_client):
    """The core, whose memory `ionian admin status` tells of, stays as empty as it began."""
    out = own_client.run("run", "--detach", own_client.write("""
        import modal
        app = modal.App("many")

        @app.function(max_containers=1)
        def square(n):
            return n * n

        @app.local_entrypoint()
        def main():
            many = square.experimental_spawn_map(range(200))
            assert [many.get(index=n) for n in range(200)] == [n * n for n in range(200)]
            print("call", many.object_id, flush=True)
    """)).stdout
    call = out.split("call ", 1)[1].split()[0]
    assert own.stop() == 0
    own.again()
    read_some = own_client.write("""
        import sys, modal
        call = modal.FunctionCall.from_id(sys.argv[1])
        print(call.num_inputs(), call.get(index=7), call.get(index=199, timeout=0), *call.iter(start=20, end=23))
    """, "some.py")
    assert own_client.python(read_some, call).stdout == "200 49 39601 400 441 484\n"
    # Whole, too, a page at a time; and what is not among them is not waited for.
    assert raw(own, own.token(), f"""
        async def body(call):
            cursor, numbers, pages = "0-0", [], 0
            while len(numbers) < 200:
                page = await call("FunctionGetOutputs", function_call_id={call!r}, timeout=55, last_entry_id=cursor, max_values=30)
                cursor, pages = page.last_entry_id, pages + 1
                numbers += page.idxs
            print(numbers == list(range(200)), pages)
            print(len((await call("FunctionGetOutputs", function_call_id={call!r}, last_entry_id=cursor)).outputs))
            print(await call("FunctionGetOutputs", function_call_id={call!r}, timeout=55, start_idx=200, end_idx=200))
    """).splitlines() == ["True 7", "0", f"OUT_OF_RANGE function call '{call}' has no input of number 200: the last one is 199"]
    assert own.admin("status")["inputs"] == 0


def test_a_spawner_that_is_killed_has_a_successor_and_no_call_is_lost(own, own_client):
    program = own_client.write("""
        import os, time, modal
        app = modal.App("unspawned")

        @app.function()
        def work(n):
            print(f"run of {n}", flush=True)
            time.sleep(3)
            return n

        @app.local_entrypoint()
        def main():
            print("result", work.remote(5), work.remote(6))
    """)
    running = own_client.popen("run", program)
    for line in running.stdout:
        if "run of 5" in line:
            break
    (spawner,) = children(own.process.pid)
    os.kill(spawner, signal.SIGKILL)
    out = running.stdout.read()
    assert running.wait(120) == 0 and "result 5 6" in out, out
    assert "run of 5" in out, out  # once more, in another container
    (successor,) = children(own.process.pid)
    assert successor != spawner


def test_sigterm_leaves_spawned_calls_for_the_next_life(own, own_client):
    ids = spawn(own_client, 3)
    assert own.stop() == 0
    own.again()
    assert read(own_client, ids) == [0, 1, 4]


RAW = """
    import asyncio, sys
    from grpclib.client import Channel
    from grpclib.exceptions import GRPCError
    from modal_proto import api_pb2
    from modal_proto.api_grpc import ModalClientStub

    async def main(address, token, secret, call, kind):
        host, port = address.removeprefix("http://").split(":")
        channel = Channel(host, int(port))
        stub = ModalClientStub(channel)
        headers = {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": token, "x-modal-token-secret": secret}
        of = await stub.FunctionCallFromId(api_pb2.FunctionCallFromIdRequest(function_call_id=call), metadata=headers)
        item = api_pb2.FunctionPutInputsItem(idx=0, input=api_pb2.FunctionInput(args=b"no pickle"))
        request = api_pb2.FunctionMapRequest(
            function_id=of.metadata.function_id, function_call_type=int(kind), pipelined_inputs=[item],
            function_call_invocation_type=api_pb2.FUNCTION_CALL_INVOCATION_TYPE_ASYNC)
        try:
            print((await stub.FunctionMap(request, metadata=headers | {"x-idempotency-key": "spawn-1"})).function_call_id)
        except GRPCError as error:
            print(error.message)
        channel.close()

    asyncio.run(main(*sys.argv[1:]))
"""


def raw_spawn(client, call, kind=1):
    env = client.env
    out = client.python(client.write(RAW, "raw.py"), env["MODAL_SERVER_URL"], env["MODAL_TOKEN_ID"], env["MODAL_TOKEN_SECRET"], call, str(kind))
    return out.stdout.strip()


def test_the_key_of_a_spawn_holds_across_a_restart(own, own_client):
    # It waits for what never comes, and so keeps its app alive.
    (waiting,) = spawn(own_client, 1, "/never")
    first = raw_spawn(own_client, waiting)
    assert first.startswith("fc-") and raw_spawn(own_client, waiting) == first
    own.stop(signal.SIGKILL)
    own.again()
    assert raw_spawn(own_client, waiting) == first
    assert "came before with another request" in raw_spawn(own_client, waiting, kind=2)


KEYS = """
    import asyncio, json, sys
    from grpclib.client import Channel
    from modal_proto import api_pb2
    from modal_proto.api_grpc import ModalClientStub

    async def main(address, call, tokens):
        host, port = address.removeprefix("http://").split(":")
        channel = Channel(host, int(port))
        stub = ModalClientStub(channel)

        def headers(token):
            return {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": token["token_id"],
                    "x-modal-token-secret": token["token_secret"], "x-idempotency-key": "one key"}

        one, other = map(headers, json.loads(tokens))
        app = api_pb2.AppCreateRequest(description="keys", app_state=api_pb2.APP_STATE_DETACHED)
        blob = api_pb2.BlobCreateRequest(content_md5="1B2M2Y8AsgTpgAmY7PhCfg==", content_length=0,
                                         content_sha256_base64="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
        inputs = api_pb2.FunctionPutInputsRequest(
            function_call_id=call, inputs=[api_pb2.FunctionPutInputsItem(idx=1, input=api_pb2.FunctionInput(args=b"no pickle"))])
        made = {}
        for name, do, request, id_of in [("apps", stub.AppCreate, app, lambda r: r.app_id), ("blobs", stub.BlobCreate, blob, lambda r: r.blob_id),
                                         ("inputs", stub.FunctionPutInputs, inputs, lambda r: r.inputs[0].input_id)]:
            made[name] = [id_of(await do(request, metadata=who)) for who in (one, one, other)]
        print(json.dumps(made))
        channel.close()

    asyncio.run(main(*sys.argv[1:]))
"""


def test_a_key_stands_for_one_call_of_one_method_by_one_token(own, own_client):
    (waiting,) = spawn(own_client, 1, "/never")
    call = raw_spawn(own_client, waiting, kind=2)
    tokens = json.dumps([own.token("one"), own.token("other")])

    def made():
        return json.loads(own_client.python(own_client.write(KEYS, "keys.py"), own.ready["grpc_url"], call, tokens).stdout)

    first = made()
    for name, (once, again, by_another) in first.items():
        assert once == again != by_another, (name, first)
    own.stop(signal.SIGKILL)
    own.again()
    # What was asynchronous is on disk, its key with it.
    assert made()["inputs"] == first["inputs"]


def test_what_was_cancelled_does_not_run_again_in_the_next_life(own, own_client):
    program = own_client.write("""
        import os, time, modal
        app = modal.App("deaf")

        @app.function(max_containers=1, timeout=600)
        def deaf():
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    print("not yet", flush=True)

        if __name__ == "__main__":
            with app.run(detach=True):
                call = deaf.spawn()
                while not call.get_call_graph()[0].task_id:
                    time.sleep(0.05)
                call.cancel()
                print(call.object_id, flush=True)
                os._exit(0)
    """, "deaf.py")
    call = own_client.python(program).stdout.split()[-1]
    own.stop(signal.SIGKILL)
    own.again()
    out = own_client.python(own_client.write("""
        import sys, modal
        try:
            modal.FunctionCall.from_id(sys.argv[1]).get(timeout=30)
        except modal.exception.RemoteError as error:
            print(error)
    """, "read.py"), call).stdout
    assert out == "the function call was cancelled\n"


def test_cancel_reaches_what_waits_and_what_runs(client):
    program = client.write("""
        import modal, threading, time

        app = modal.App("cancelled")

        @app.function(max_containers=1)
        def hang(seen, x):
            print(f"begins {x}", flush=True)
            # From another thread, and late: what the cancellation meets is the program's own code.
            threading.Timer(1, lambda: seen.put(x, True)).start()
            try:
                time.sleep(300)
            except BaseException as e:
                print(f"{x} ended by {type(e).__name__}", flush=True)
                raise

        @app.function()
        def quick():
            return 1

        @app.function(max_containers=1)
        @modal.concurrent(max_inputs=2)
        def beside(lives, x):
            lives[x] = lives.get(x, 0) + 1
            if lives[x] == 1:
                time.sleep(300)
            return lives[x]

        @app.local_entrypoint()
        def main():
            with modal.Dict.ephemeral() as seen:
                calls = [hang.spawn(seen, x) for x in range(2)]
                while not seen.contains(0):
                    time.sleep(0.05)
                for call in reversed(calls):  # the one that waits first, or it could run when the other has ended
                    call.cancel()
                for call in calls:
                    try:
                        call.get(timeout=60)
                    except Exception as e:
                        print(type(e).__module__, type(e).__name__, e)
                again = hang.spawn(seen, 7)
                while not seen.contains(7):
                    time.sleep(0.05)
                again.cancel(terminate_containers=True)
                try:
                    again.get(timeout=60)
                except Exception as e:
                    print("killed:", type(e).__name__)
            print("others go on:", quick.remote())
            # The runtime ends the whole container where a thread is to be cancelled; what runs beside it has another life.
            with modal.Dict.ephemeral() as lives:
                ended, goes_on = [beside.spawn(lives, x) for x in "ab"]
                while lives.len() < 2:
                    time.sleep(0.05)
                ended.cancel()
                print("beside it:", goes_on.get(timeout=60))
                try:
                    ended.get(timeout=60)
                except Exception as e:
                    print("ended:", type(e).__name__, e)
            with modal.Dict.ephemeral() as seen:
                still = hang.spawn(seen, 8)
                begin = time.monotonic()
                try:
                    still.get(timeout=1)
                except TimeoutError:
                    print("not yet:", 1 <= time.monotonic() - begin < 10)
                still.cancel(terminate_containers=True)
    """)
    out = client.run("run", program)
    assert "0 ended by InputCancellation" in out.stdout, out.stdout
    assert "begins 1" not in out.stdout
    assert out.stdout.count("modal.exception RemoteError the function call was cancelled\n") == 2, out.stdout
    assert "killed: RemoteError" in out.stdout, out.stdout
    assert "others go on: 1" in out.stdout
    assert "beside it: 2" in out.stdout and "ended: " in out.stdout, out.stdout
    assert "not yet: True" in out.stdout, out.stdout


def test_call_graph_and_info(client):
    program = client.write("""
        import modal

        app = modal.App("graph")

        @app.function()
        def leaf(x):
            return x

        @app.function()
        def root(n):
            other = modal.Function.from_name("graph-of-another", "twice").remote(n)
            return sum(leaf.map(range(n))) + other

        @app.local_entrypoint()
        def main():
            call = root.spawn(3)
            print("sum", call.get())
            (top,) = call.get_call_graph()
            print(top.function_name, top.status.name, sorted((c.function_name, c.status.name) for c in top.children))
            try:
                call.get(index=1)
            except modal.exception.InvalidError as error:
                print(error)
    """)
    client.run("deploy", client.write("""
        import modal
        app = modal.App("graph-of-another")

        @app.function()
        def twice(x):
            return 2 * x
    """, "another.py"))
    out = client.run("run", program)
    client.run("app", "stop", "--yes", "graph-of-another")
    assert "sum 9" in out.stdout
    leaves = ", ".join(3 * ["('leaf', 'SUCCESS')"] + ["('twice', 'SUCCESS')"])
    assert f"root SUCCESS [{leaves}]" in out.stdout, out.stdout
    assert "has no input of number 1: the last one is 0" in out.stdout, out.stdout


def test_cancel_reaches_one_of_many_async_inputs_and_methods(client):
    out = client.run("run", client.write("""
        import asyncio, os, threading, time, modal
        app = modal.App("async-cancelled")

        @app.function(max_containers=1)
        @modal.concurrent(max_inputs=3)
        async def beside(seen, x):
            try:
                await seen.put.aio(x, True)
                while not await seen.contains.aio("go on"):
                    await asyncio.sleep(0.05)
                return x, os.environ["MODAL_TASK_ID"]
            except asyncio.CancelledError:
                await seen.put.aio(f"{x} cancelled", os.environ["MODAL_TASK_ID"])
                raise

        @app.cls(max_containers=1)
        class Worker:
            @modal.method()
            async def hang(self, seen):
                try:
                    await seen.put.aio("method", True)
                    await asyncio.sleep(300)
                except asyncio.CancelledError:
                    await seen.put.aio("method cancelled", True)
                    raise

        @app.function(max_containers=1)
        def slow(seen, x):
            if x == 0:
                # From another thread, and late: what the cancellation meets is the program's own code.
                threading.Timer(1, lambda: seen.put("map", True)).start()
                time.sleep(300)

        def wait_for(condition):
            end = time.monotonic() + 60
            while not condition():
                assert time.monotonic() < end
                time.sleep(0.05)

        def how(call):
            try:
                return call.get(timeout=60)
            except Exception as error:
                return type(error).__name__

        @app.local_entrypoint()
        def main():
            with modal.Dict.ephemeral() as seen:
                ended, *others = [beside.spawn(seen, x) for x in "abc"]
                wait_for(lambda: all(seen.contains(x) for x in "abc"))
                ended.cancel()
                wait_for(lambda: seen.contains("a cancelled"))
                seen["go on"] = True
                results = [how(call) for call in others]
                print("beside it", [x for x, _ in results], {task for _, task in results} == {seen["a cancelled"]}, how(ended))
                method = Worker().hang.spawn(seen)
                wait_for(lambda: seen.contains("method"))
                method.cancel()
                wait_for(lambda: seen.contains("method cancelled"))
                print("method", how(method))
                # One runs, the others wait.
                many = slow.experimental_spawn_map([seen] * 20, range(20))
                wait_for(lambda: seen.contains("map"))
                many.cancel()
                print("map", how(many))
                print("next", slow.remote(seen, 1))
    """)).stdout
    assert "beside it ['b', 'c'] True " in out and "beside it ['b', 'c'] True (" not in out, out
    for wanted in ("method RemoteError", "map RemoteError", "next None"):
        assert wanted in out, out
