"""User code that does what one should not: each has an answer, and the container beside it goes on."""
import ast
import json
import os
import pathlib
import re
import signal
import subprocess
import textwrap
import time

import grpc_call
from conftest import Client, running_server
from test_languages import COMMANDS
from test_run import wait_for

HEAD = """
    import os, signal, subprocess, sys, threading, time
    import modal

    app = modal.App("faults")

    def outcome(name, f):
        try:
            print(name, "gave", f(), flush=True)
        except BaseException as error:
            print(name, "raised", type(error).__name__, str(error).splitlines()[:1], flush=True)

"""


def run(client, text, *words, **more):
    return client.run("run", *words, client.write(textwrap.dedent(HEAD) + textwrap.dedent(text)), **more).stdout


def test_what_forks_daemonises_and_eats_processes_ends_with_its_container(server, client):
    """What a function leaves behind runs for as long as its container, and no longer."""
    out = run(client, """
        @app.function()
        def fork():
            child = os.fork()
            if child == 0:
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        @app.function(max_containers=1)
        def return_twice(n):
            return "child" if os.fork() == 0 else n

        @app.function(max_containers=1)
        def close(n):
            if n == 0:
                os.closerange(0, 3)
            return n, os.environ["MODAL_TASK_ID"]

        def same_container():
            (first, here), (second, there) = close.remote(0), close.remote(1)
            return first, second, here == there

        @app.function()
        def daemon():
            subprocess.Popen(["sh", "-c", "exec sleep 86399"], start_new_session=True, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            return "left one behind"

        @app.function()
        def eat():
            children = []
            try:
                while True:
                    children.append(subprocess.Popen(["sleep", "86398"]))
            except OSError as error:
                return error.errno, 100 < len(children) < 5000

        @app.function()
        def neighbour():
            return subprocess.run(["echo", "fine"], capture_output=True, text=True).stdout.strip()

        @app.local_entrypoint()
        def main():
            outcome("fork", fork.remote)
            outcome("twice", lambda: [return_twice.remote(n) for n in range(2)] + list(return_twice.map(range(2, 5))))
            outcome("close", same_container)
            outcome("daemon", daemon.remote)
            outcome("eat", eat.remote)
            outcome("neighbour", neighbour.remote)
    """, timeout=400)
    assert "fork gave 7" in out and "close gave (0, 1, True)" in out, out
    # Of two processes that both return, whoever is heard first has answered; the other's answer is dropped, and no input has two.
    twice = ast.literal_eval(re.search(r"^twice gave (.*)$", out, re.M)[1])
    assert len(twice) == 5 and all(value in (n, "child") for n, value in enumerate(twice)), out
    assert "daemon gave left one behind" in out, out
    assert "eat gave (11, True)" in out and "neighbour gave fine" in out, out  # EAGAIN, at the container's own bound
    deadline = time.monotonic() + 120
    while True:
        left = [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if b"sleep\0008639" in contents(path)]
        if not left:
            break
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def contents(path):
    try:
        return pathlib.Path(path).read_bytes()
    except OSError:
        return b""


def test_one_that_ignores_sigterm_is_ended_all_the_same(server, client):
    """It and what it has started, when it is scaled down, when its container is stopped, and when its app is, also while it runs."""
    text = """
        def be_deaf():
            for number in (1, 2, 15):
                signal.signal(number, signal.SIG_IGN)
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(86397)"])

        @app.function(scaledown_window=2)
        def deaf():
            be_deaf()
            return "deaf"

        @app.function(max_containers=2)
        def busy(here):
            be_deaf()
            here.put(os.environ["MODAL_TASK_ID"])
            while True:
                try:
                    time.sleep(1000)
                except BaseException:
                    pass

        @app.local_entrypoint()
        def main():
            outcome("deaf", deaf.remote)
            with modal.Queue.ephemeral() as here:
                busy.spawn(here), busy.spawn(here)
                first, second = here.get(), here.get()
                subprocess.run(["modal", "container", "stop", "--yes", first], check=True)
                outcome("again", lambda: here.get() not in (first, second))
    """
    out = run(client, text)
    assert "deaf gave deaf" in out and "again gave True" in out, out
    deadline = time.monotonic() + 120
    while any(b"time.sleep(86397)" in contents(path) for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    # Other tests of this server may have containers.
    assert "faults" not in [row["app_name"] for row in json.loads(client.run("container", "list", "--json").stdout)]


def test_a_container_without_its_connection_is_ended_and_its_input_runs_again(server, client):
    out = run(client, """
        lives = modal.Dict.from_name("cut-lives", create_if_missing=True)

        @app.function(timeout=1200)
        def cut(deaths):
            life = lives.get(deaths, 0) + 1
            lives[deaths] = life
            if life <= deaths:
                os.closerange(3, 4096)
                time.sleep(1000)
            return f"life {life}"

        @app.function()
        def neighbour():
            return "fine"

        @app.local_entrypoint()
        def main():
            once, always = cut.spawn(1), cut.spawn(9)
            outcome("once", once.get)
            outcome("always", always.get)
            outcome("neighbour", neighbour.remote)
    """, timeout=300)
    assert "once gave life 2" in out, out
    assert "always raised" in out and "lost its connection, and 2 more had been lost before" in out, out
    assert "neighbour gave fine" in out, out
    assert "has had no connection to the server for 10 s" in server.log_text()


def test_much_output_holds_nobody_up_and_is_bounded(server, client):
    growth = server.memory_growth()
    out = run(client, """
        @app.function()
        def chatter():
            line = "x" * 1023 + "\\n"
            for _ in range(1 << 10):
                sys.stdout.write(line * 1024)
            return "said a GiB"

        @app.function()
        def neighbour(n):
            return n

        @app.local_entrypoint()
        def main():
            call = chatter.spawn()
            outcome("neighbour", lambda: sum(neighbour.map(range(50))))
            outcome("chatter", lambda: call.get(timeout=400))
    """, "--quiet", timeout=580)
    assert "neighbour gave 1225" in out and "chatter gave said a GiB" in out, out[-3000:]
    logs = sum(path.stat().st_size for path in (server.folder / "data/logs").rglob("*") if path.is_file())
    assert logs <= 18 * (64 << 20), logs
    # 64 MiB on their way to the log, and whatever else goes on.
    assert growth() < 300, growth()


def test_out_of_memory_in_the_middle_of_a_batch(client):
    """Each of its inputs fails and names the limit, or runs again."""
    out = run(client, """
        @app.function(memory=(128, 256))
        @modal.batched(max_batch_size=4, wait_ms=2000)
        def batch(words):
            if "hungry" in words:
                bytearray(1 << 30)
            return [word.upper() for word in words]

        @app.function(memory=(128, 256), retries=1)
        @modal.batched(max_batch_size=4, wait_ms=2000)
        def once(words, lives):
            if "hungry" in words and lives[0].put("eaten", True, skip_if_exists=True):
                bytearray(1 << 30)
            return [word.upper() for word in words]

        words = ["a", "hungry", "b", "c"]

        @app.local_entrypoint()
        def main():
            with modal.Dict.ephemeral() as lives:
                again = [once.spawn(word, lives) for word in words]
                results = list(batch.map(words, return_exceptions=True, wrap_returned_exceptions=False))
                for result in results:
                    print("result:", type(result).__name__, result)
                outcome("later", lambda: list(batch.map(["d", "e"])))
                outcome("again", lambda: [call.get() for call in again])
    """)
    results = [line for line in out.splitlines() if line.startswith("result:")]
    assert len(results) == 4, out
    for line in results:
        assert line.startswith("result: RemoteError") and "ran out of memory" in line and "256 MiB" in line, line
    assert "later gave ['D', 'E']" in out and "again gave ['A', 'HUNGRY', 'B', 'C']" in out, out


def test_a_result_that_cannot_be_pickled_or_read(client):
    """The call raises, and the container goes on."""
    out = run(client, """
        class Local:
            def __reduce__(self):
                return (getattr, (sys, "no_such_thing"))

        class Mine(Exception):
            def __reduce__(self):
                raise TypeError("I do not travel")

        def claim_a_size(size):
            # For once: nobody has the time to make so many bytes.
            from modal._utils import blob_utils
            true = blob_utils.get_content_length

            def claimed(data):
                blob_utils.get_content_length = true
                return size
            blob_utils.get_content_length = claimed

        @app.function(max_containers=1)
        def odd(what):
            if what == "lock":
                return threading.Lock()
            if what == "riddle":
                return Local()
            if what == "error":
                raise Mine("inside")
            if what == "huge":
                claim_a_size((1 << 40) + 1)
                return b"x" * (3 << 20)
            return os.environ["MODAL_TASK_ID"]

        @app.local_entrypoint()
        def main():
            first = odd.remote("plain")
            for what in ["lock", "riddle", "error", "huge"]:
                outcome(what, lambda: odd.remote(what))
            outcome("the same", lambda: odd.remote("plain") == first)
    """)
    assert """lock raised TypeError ["cannot pickle '_thread.lock' object"]""" in out, out
    assert """riddle raised DeserializationError ["Deserialization failed with an AttributeError, module 'sys' has no attribute 'no_such_thing'.""" in out, out
    assert """error raised SerializationError ["Failed to serialize exception inside of type <class 'program.Mine'>: I do not travel"]""" in out, out
    assert f"huge raised InvalidError ['a blob has 0 to {1 << 40} bytes, not {(1 << 40) + 1}']" in out, out
    assert "the same gave True" in out, out


ADDS = """
    import modal
    app = modal.App("typed")

    @app.function(max_containers=1)
    def add(a: int, b: int):
        return a + b
"""
WRONG = [
    ((1,), "TypeError(\"add() missing 1 required positional argument: 'b'\")"),
    ((1, 2, 3), "TypeError('add() takes 2 positional arguments but 3 were given')"),
    (("a", "b", "c"), "TypeError('add() takes 2 positional arguments but 3 were given')"),
    ((None, True), "TypeError(\"unsupported operand type(s) for +: 'NoneType' and 'bool'\")"),
    (([], {}), "TypeError('can only concatenate list (not \"dict\") to list')"),
]


def test_callers_of_other_languages_who_call_wrongly(client, server):
    """The function fails, as it would for Python; its container goes on. Names and versions that are not there are said."""
    client.run("deploy", client.write(ADDS, "typed.py"))
    program = pathlib.Path(os.environ["IONIAN_FLOWS"]) / "wrong.mjs"
    text = """
        import { ModalClient } from "modal";
        const modal = new ModalClient();
        const tell = async (f) => { try { answers.push(await f()); } catch (error) { answers.push([error.constructor.name, error.message]); } };
        const answers = [], add = await modal.functions.fromName("typed", "add");
        for (const args of JSON.parse(process.argv[1])) await tell(() => add.remote(args));
        await tell(() => add.remote([1], { b: 2, c: 3 }));
        await tell(() => add.remote([20, 22]));
        await tell(() => modal.functions.fromName("typed", "subtract"));
        await tell(() => modal.functions.fromName("untyped", "add"));
        await tell(() => modal.functions.fromName("typed", "add", { version: 99 }));
        console.log(JSON.stringify(answers));
        modal.close();
    """
    out = subprocess.run(["node", "--input-type=module", "-e", text, json.dumps([args for args, _ in WRONG])], capture_output=True, text=True, timeout=170, env=client.env, cwd=program.parent)
    assert out.returncode == 0, out.stdout + out.stderr
    *answers, named, right, function, app, version = json.loads(out.stdout.splitlines()[-1])
    assert answers == [["RemoteError", f"Remote error: {why}"] for _, why in WRONG]
    assert named == ["RemoteError", "Remote error: TypeError(\"add() got an unexpected keyword argument 'c'\")"] and right == 42
    assert function == ["NotFoundError", "Function 'typed/subtract' not found"] and app == ["NotFoundError", "Function 'untyped/add' not found"]
    assert version == ["NotFoundError", "Function 'typed/add' not found"]

    steps = [{"do": "call", "app": "typed", "name": "add", "args": args} for args in [*(args for args, _ in WRONG), (20, 22)]]
    steps += [{"do": "call", "app": "typed", "name": "subtract"}, {"do": "call", "app": "untyped", "name": "add"}]
    out = subprocess.run([*COMMANDS["go"], json.dumps(steps)], capture_output=True, text=True, timeout=60, env=client.env | {"PATH": os.environ["PATH"]})
    assert [json.loads(line) for line in out.stdout.splitlines()] == [
        *({"error": f"RemoteError: {why}"} for _, why in WRONG), {"ok": 42},
        {"error": "NotFoundError: Function 'typed/subtract' not found"}, {"error": "NotFoundError: Function 'untyped/add' not found"}], out

    out = client.python(client.write("""
        import modal

        def tell(*words, **more):
            try:
                print(modal.Function.from_name(*words, **more).remote(1, 2))
            except modal.exception.NotFoundError as error:
                print(error)

        tell("typed", "add", version=1)
        tell("typed", "add", version=99)
        tell("typed", "subtract")
        tell("untyped", "add")
    """, "names.py")).stdout.splitlines()
    assert out == [
        "3", "Lookup failed for Function 'add' from the 'typed' app: app 'typed' has no version 99; `modal app history typed` lists them.",
        "Lookup failed for Function 'subtract' from the 'typed' app: app 'typed' has no function 'subtract'.",
        "Lookup failed for Function 'add' from the 'untyped' app: app 'untyped' is not deployed in environment 'main'. "
        "`modal deploy` makes it found by name."]


def test_arguments_that_are_no_cbor_or_another_one_than_a_call_has(client, server):
    client.run("deploy", client.write(ADDS, "typed.py"))
    out = grpc_call.raw(server, server.token(), """
        import cbor2

        async def body(call):
            found = await call("FunctionGet", app_name="typed", object_tag="add", environment_name="main")

            async def ask(args, format=api_pb2.DATA_FORMAT_CBOR):
                item = api_pb2.FunctionPutInputsItem(input=api_pb2.FunctionInput(args=args, data_format=format, final_input=True))
                made = await call("FunctionMap", function_id=found.function_id, function_call_type=api_pb2.FUNCTION_CALL_TYPE_UNARY, pipelined_inputs=[item])
                got = await call("FunctionGetOutputs", function_call_id=made.function_call_id, timeout=50, last_entry_id="0-0", max_values=1)
                result = got.outputs[0].result
                print(api_pb2.GenericResult.GenericStatus.Name(result.status), result.exception or cbor2.loads(result.data))

            right = cbor2.dumps([[1, 2], {}])
            await ask(right)
            for args in [b"\\xff\\x00", b"\\x9f\\x01", b""]:
                await ask(args)
            for value in [5, [[1, 2]], [[1, 2], {}, 3], [1, 2], {"a": 1}]:
                await ask(cbor2.dumps(value))
            await ask(right, 99)
            await ask(right)
    """).splitlines()
    failure = "GENERIC_STATUS_FAILURE "
    assert out == [
        "GENERIC_STATUS_SUCCESS 3",
        failure + "TypeError('cannot unpack non-iterable break_marker_type object')",
        failure + "CBORDecodeEOF('premature end of stream (expected to read 1 bytes, got 0 instead)')",
        failure + """TypeError("add() missing 2 required positional arguments: 'a' and 'b'")""",
        failure + "TypeError('cannot unpack non-iterable int object')",
        failure + "ValueError('not enough values to unpack (expected 2, got 1)')",
        failure + "ValueError('too many values to unpack (expected 2)')",
        failure + "TypeError('typed.add() argument after ** must be a mapping, not int')",
        failure + "ValueError('not enough values to unpack (expected 2, got 1)')",
        failure + "InvalidError('Unknown data format 99')",
        "GENERIC_STATUS_SUCCESS 3"]
    client.run("app", "stop", "--yes", "typed")


def spawner_of(server):
    return next(int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/status")
                if f"PPid:\t{server.process.pid}\n".encode() in contents(path) and b"spawner" in contents(path.parent / "cmdline"))


def test_a_spawner_that_hangs_for_good_has_a_successor_and_what_it_ran_runs_again(built, tmp_path):
    with running_server(built) as own:
        client = Client(own, tmp_path)
        client.run("deploy", client.write("""
            import time, modal
            app = modal.App("stuck")

            @app.function(max_containers=1)
            def work(starts):
                starts.put(True)
                if starts.len() == 1:
                    time.sleep(600)
                return "again"
        """, "stuck.py"))
        waiting = subprocess.Popen([client.venv / "bin/python", client.write("""
            import modal, time
            starts = modal.Queue.from_name("starts", create_if_missing=True).hydrate()
            call = modal.Function.from_name("stuck", "work").spawn(starts)
            while starts.len() == 0:
                time.sleep(0.05)
            print("runs", flush=True)
            print(call.get(timeout=160), starts.len())
        """, "call.py")], stdout=subprocess.PIPE, text=True, env=client.env, cwd=client.folder)
        assert waiting.stdout.readline() == "runs\n"
        stuck = spawner_of(own)
        os.kill(stuck, signal.SIGSTOP)
        assert waiting.communicate(timeout=170)[0] == "again 2\n"
        assert spawner_of(own) != stuck
        client.run("app", "stop", "--yes", "stuck")


def test_a_spawner_that_hangs_is_no_loss_once_it_goes_on(own, tmp_path):
    """What starts and ends containers stands still for a while: what runs goes on, what comes waits."""
    client = Client(own, tmp_path)
    client.run("deploy", client.write("""
        import modal
        app = modal.App("steady")

        @app.function(max_containers=4)
        def twice(n):
            return 2 * n
    """, "steady.py"))
    call = client.write("""
        import sys, modal
        twice = modal.Function.from_name("steady", "twice")
        print(sum(twice.map(range(int(sys.argv[1])))))
    """, "call.py")
    assert client.python(call, "10").stdout.strip() == "90"
    spawner = spawner_of(own)
    os.kill(spawner, signal.SIGSTOP)
    try:
        waiting = subprocess.Popen([client.venv / "bin/python", call, "200"], stdout=subprocess.PIPE, text=True, env=client.env, cwd=client.folder)
        assert json.loads(client.run("container", "list", "--json").stdout)  # the server answers
    finally:
        os.kill(spawner, signal.SIGCONT)
    assert waiting.communicate(timeout=170)[0].strip() == "39800"


def test_what_the_machine_lacks_for_a_while_fails_no_call(built, tmp_path):
    """A container that cannot be made is tried again: it was nothing that the function has done."""
    # Where interpreters are kept, those that wait may serve all of them: their folders are there.
    with running_server(built, "--standby-memory", "0") as own:
        make_nothing_for_a_while(own, Client(own, tmp_path))


def make_nothing_for_a_while(own, client):
    client.run("deploy", client.write("""
        import modal
        app = modal.App("patient")

        @app.function(max_containers=2, single_use_containers=True)
        def twice(n):
            return 2 * n
    """, "patient.py"))
    call = client.write("""
        import modal
        print(sum(modal.Function.from_name("patient", "twice").map(range(4))))
    """, "call.py")
    assert client.python(call).stdout.strip() == "12"
    tasks = own.folder / "data/tasks"
    tasks.rename(tasks.with_name("away"))
    tasks.write_text("in the place of the folder")
    said = len(own.log_text())
    try:
        waiting = subprocess.Popen([client.venv / "bin/python", call], stdout=subprocess.PIPE, text=True, env=client.env, cwd=client.folder)
        wait_for(lambda: "did not start" in own.log_text()[said:])
    finally:
        tasks.unlink()
        tasks.with_name("away").rename(tasks)
    assert waiting.communicate(timeout=170)[0].strip() == "12"
    client.run("app", "stop", "--yes", "patient")


def test_a_result_for_which_the_disk_has_no_room_fails_its_call_alone(own, tmp_path):
    client = Client(own, tmp_path)
    client.run("deploy", client.write("""
        import os, modal
        app = modal.App("roomy")

        @app.function(max_containers=1)
        def much(mib):
            return os.urandom(mib << 20)
    """, "roomy.py"))
    call = client.write("""
        import os, sys, modal
        much = modal.Function.from_name("roomy", "much")
        for mib in map(int, sys.argv[1:]):
            try:
                print(len(much.remote(mib)) >> 20)
            except Exception as error:
                print(type(error).__name__, error)
    """, "call.py")
    assert client.python(call, "3").stdout == "3\n"
    # Where uploads begin there is room for a part of it.
    incoming = own.folder / "data/blobs/tmp"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", incoming], check=True)
    try:
        out = client.python(call, "3", "1").stdout
        refused, small = out.rsplit("\n", 2)[:2]
        assert "507" in refused and small == "1", out
        assert list(incoming.iterdir()) == []
    finally:
        subprocess.run(["umount", incoming], check=True)
    assert client.python(call, "3").stdout == "3\n"
    client.run("app", "stop", "--yes", "roomy")
