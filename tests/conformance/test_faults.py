"""User code that does what one should not: each has an answer, and the container beside it goes on."""
import json
import os
import pathlib
import signal
import subprocess
import textwrap
import time

from conftest import Client

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
            outcome("daemon", daemon.remote)
            outcome("eat", eat.remote)
            outcome("neighbour", neighbour.remote)
    """, timeout=400)
    assert "fork gave 7" in out and "daemon gave left one behind" in out, out
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
    text = """
        @app.function(scaledown_window=2)
        def deaf():
            os.kill(os.getpid(), 0)
            subprocess.Popen([sys.executable, "-c", "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 15)]; time.sleep(86397)"])
            return "deaf"

        @app.local_entrypoint()
        def main():
            outcome("deaf", deaf.remote)
    """
    assert "deaf gave deaf" in run(client, text)
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


def test_out_of_memory_in_the_middle_of_a_batch(client):
    out = run(client, """
        @app.function(memory=(128, 256))
        @modal.batched(max_batch_size=4, wait_ms=2000)
        def batch(words):
            if "hungry" in words:
                bytearray(1 << 30)
            return [word.upper() for word in words]

        @app.local_entrypoint()
        def main():
            results = list(batch.map(["a", "hungry", "b", "c"], return_exceptions=True, wrap_returned_exceptions=False))
            print("batch", [str(result) for result in results])
            outcome("later", lambda: list(batch.map(["d", "e"])))
    """)
    assert "ran out of memory" in out and "256 MiB" in out, out
    assert "later gave ['D', 'E']" in out, out


def test_a_result_that_cannot_be_pickled_or_read(client):
    out = run(client, """
        class Local:
            def __reduce__(self):
                return (getattr, (sys, "no_such_thing"))

        @app.function()
        def lock():
            return threading.Lock()

        @app.function()
        def riddle():
            return Local()

        @app.function()
        def error():
            class Mine(Exception):
                def __reduce__(self):
                    raise TypeError("I do not travel")
            raise Mine("inside")

        @app.function(max_containers=1)
        def huge(limit):
            # As if it had so many bytes: nobody has the time to make them.
            from modal._utils import blob_utils
            blob_utils.get_content_length = lambda data: limit + 1
            return b"x" * (3 << 20)

        @app.local_entrypoint()
        def main():
            outcome("lock", lock.remote)
            outcome("riddle", riddle.remote)
            outcome("error", error.remote)
            outcome("huge", lambda: huge.remote(1 << 40))
    """)
    assert "lock raised" in out and "riddle raised" in out and "error raised" in out, out
    assert "huge raised" in out and f"a blob has 0 to {1 << 40} bytes, not {(1 << 40) + 1}" in out, out


def test_callers_of_other_languages_who_call_wrongly(client, server):
    """The function fails, as it would for Python; its container goes on."""
    client.run("deploy", client.write("""
        import modal
        app = modal.App("typed")

        @app.function()
        def add(a: int, b: int):
            return a + b
    """, "typed.py"))
    program = pathlib.Path(os.environ["IONIAN_FLOWS"]) / "wrong.mjs"
    text = """
        import { ModalClient } from "modal";
        const modal = new ModalClient();
        const add = await modal.functions.fromName("typed", "add");
        const answers = [];
        for (const args of [[1, 2], [1], [1, 2, 3], ["a", 2], [null, {}]]) {
          try { answers.push(await add.remote(args)); } catch (error) { answers.push(error.constructor.name); }
        }
        answers.push(await add.remote([20, 22]));
        console.log(JSON.stringify(answers));
        modal.close();
    """
    out = subprocess.run(["node", "--input-type=module", "-e", text], capture_output=True, text=True, timeout=170, env=client.env, cwd=program.parent)
    assert out.returncode == 0, out.stdout + out.stderr
    answers = json.loads(out.stdout.splitlines()[-1])
    assert answers[0] == 3 and answers[-1] == 42 and all(isinstance(each, str) for each in answers[1:-1]), answers


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
    spawner = next(int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/status")
                   if f"PPid:\t{own.process.pid}\n".encode() in contents(path) and b"spawner" in contents(path.parent / "cmdline"))
    os.kill(spawner, signal.SIGSTOP)
    try:
        waiting = subprocess.Popen([client.venv / "bin/python", call, "200"], stdout=subprocess.PIPE, text=True, env=client.env, cwd=client.folder)
        assert json.loads(client.run("container", "list", "--json").stdout)  # the server answers
    finally:
        os.kill(spawner, signal.SIGCONT)
    assert waiting.communicate(timeout=170)[0].strip() == "39800"


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
