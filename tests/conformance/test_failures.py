"""What goes wrong in a function reaches its caller, as itself."""
import os
import pathlib
import signal

from test_run import processes, wait_for


def run(client, body, **options):
    return client.run("run", client.write(body), **options)


def test_exceptions_travel(any_client):
    out = run(any_client, """
        import modal
        app = modal.App("raises")

        class Custom(Exception):
            pass

        @app.function()
        def fail(how):
            if how == "custom":
                raise Custom("mine")
            try:
                {}["missing"]
            except KeyError as e:
                raise ValueError("outer") from e

        @app.local_entrypoint()
        def main():
            try:
                fail.remote("custom")
            except Custom as e:
                print("caught", type(e).__name__, e)
            try:
                fail.remote("chain")
            except ValueError as e:
                print("chained", e, "cause", repr(e.__cause__))
            results = list(fail.map(["custom", "chain"], return_exceptions=True))
            print("map", [type(r).__name__ for r in results], [str(r) for r in results])
            try:
                list(fail.map(["custom", "custom"]))
            except Custom as e:
                print("map raised", e)
    """).stdout
    lines = [line.strip() for line in out.splitlines()]
    assert "caught Custom mine" in lines and "map raised mine" in lines, out
    # The client pickles an exception without its __cause__; the whole chain stands in the container's output.
    assert "chained outer cause None" in lines, out
    assert "KeyError: 'missing'" in out and "direct cause" in out
    # The older client wraps what it gives as a result.
    types = "['Custom', 'ValueError']" if any_client.which == "new" else "['UserCodeException', 'UserCodeException']"
    assert [line for line in lines if line.startswith("map [")][0].startswith(f"map {types}"), out


def test_uncaught_exception_shows_the_remote_traceback(client):
    failed = run(client, """
        import modal
        app = modal.App("uncaught")

        @app.function()
        def deep():
            inner_most()

        def inner_most():
            raise RuntimeError("from far away")

        @app.local_entrypoint()
        def main():
            deep.remote()
    """, check=False)
    assert failed.returncode == 1
    assert "from far away" in failed.stdout + failed.stderr
    assert "inner_most" in failed.stdout + failed.stderr


def test_exits_of_the_container(client):
    out = run(client, """
        import os, signal, sys, modal
        app = modal.App("exits")

        @app.function()
        def leave(how):
            if how == "kill":
                os.write(1, b"last words")
                os.kill(os.getpid(), signal.SIGKILL)
            (sys.exit if how == "sys" else os._exit)(3)

        @app.local_entrypoint()
        def main():
            for how in ["sys", "os", "kill"]:
                try:
                    leave.remote(how)
                except BaseException as e:
                    print("got", how, repr(e))
    """).stdout
    assert "got sys SystemExit(3)" in out
    assert "got os RemoteError('the container ended while this input ran, with exit code 3')" in out
    assert "got kill RemoteError('the container ended while this input ran, with signal 9')" in out
    assert "last words" in out


def test_a_container_that_is_killed_from_outside_fails_its_input_and_names_the_signal(client):
    running = client.popen("run", client.write("""
        import subprocess, modal
        app = modal.App("shot")

        @app.function()
        def sleep():
            subprocess.run(["sleep", "98765404"])

        @app.local_entrypoint()
        def main():
            try:
                sleep.remote()
            except Exception as e:
                print("got", repr(e))
    """))
    (inside,) = wait_for(lambda: processes("sleep 98765404"))
    while namespaced(inside)["NSpid"].split()[-1] != "1":
        inside = namespaced(inside)["PPid"]
    os.kill(int(inside), signal.SIGKILL)
    out = running.communicate(timeout=240)[0]
    assert "got RemoteError('the container ended while this input ran, with signal 9')" in out, out


def namespaced(pid):
    """A process as /proc/PID/status has it."""
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def test_out_of_memory_names_the_limit(client):
    out = run(client, """
        import modal
        app = modal.App("hungry")

        @app.function(memory=(128, 256))
        def eat():
            food = bytearray(1 << 30)
            return len(food)

        @app.local_entrypoint()
        def main():
            try:
                eat.remote()
            except Exception as e:
                print("got", e)
    """).stdout
    assert "ran out of memory" in out and "256 MiB" in out


def test_import_error_reaches_the_client(client):
    failed = run(client, """
        import modal
        app = modal.App("broken")

        if not modal.is_local():
            import a_module_that_is_not_there

        @app.function()
        def never():
            pass

        @app.local_entrypoint()
        def main():
            try:
                never.remote()
            except BaseException as e:
                print("got", repr(e))
                raise
    """, check=False, timeout=60)
    assert failed.returncode == 1
    assert """got ModuleNotFoundError("No module named 'a_module_that_is_not_there'")""" in failed.stdout


def test_timeout_kills(server, client):
    out = run(client, """
        import os, subprocess, time, modal
        app = modal.App("slow")

        @app.function(timeout=2)
        def hang():
            subprocess.Popen(["sleep", "98765405"])
            while True:
                try:
                    time.sleep(100)
                except BaseException:
                    pass

        def left():
            return [pid for pid in os.listdir("/proc") if pid.isdigit() and b"sleep\\x0098765405" in contents(pid)]

        def contents(pid):
            try:
                return open(f"/proc/{pid}/cmdline", "rb").read()
            except OSError:
                return b""

        @app.local_entrypoint()
        def main():
            began = time.monotonic()
            try:
                hang.remote()
            except modal.exception.FunctionTimeoutError as e:
                print("timed out", time.monotonic() - began < 20)
            while left() and time.monotonic() - began < 60:  # while the app goes on, which could end them too
                time.sleep(0.05)
            print("left", left())
    """).stdout
    assert "timed out True" in out
    assert "left []" in out


def test_retries_until_success(client):
    out = run(client, """
        import os, time, modal
        app = modal.App("retries")
        calls = 0

        @app.function(retries=modal.Retries(max_retries=3, initial_delay=1.0, backoff_coefficient=1.0))
        def third_time():
            global calls
            calls += 1
            if calls < 3:
                raise RuntimeError("not yet")
            return calls

        @app.function(retries=2, timeout=2)
        def crash_and_hang(lives):
            lives["count"] = lives.get("count", 0) + 1
            if lives["count"] == 1:
                os._exit(1)
            if lives["count"] == 2:
                time.sleep(600)
            return lives["count"]

        @app.function(max_containers=2, retries=modal.Retries(max_retries=2, initial_delay=0.0, backoff_coefficient=1.0))
        def odd_ones_later(lives, x):
            lives[x] = lives.get(x, 0) + 1
            if x % 2 and lives[x] < 3:
                raise RuntimeError(f"{x} not yet")
            return x * lives[x]

        # A second, two, and no more than the two.
        @app.function(max_containers=1, retries=modal.Retries(max_retries=3, initial_delay=1.0, backoff_coefficient=2.0, max_delay=2.0))
        def never(times):
            times.put(time.time())
            raise ValueError(f"attempt {times.len()}")

        @app.function(max_containers=1, retries=1)
        @modal.batched(max_batch_size=3, wait_ms=60_000)
        def batch(lives, xs):
            life = lives[0].get("batch", 0) + 1
            lives[0]["batch"] = life
            if life == 1:
                raise RuntimeError("the batch fails whole")
            return [f"{x}:{len(xs)}" for x in xs]

        @app.cls(max_containers=1, retries=1)
        class Twice:
            @modal.method()
            def count(self, lives):
                lives["method"] = lives.get("method", 0) + 1
                if lives["method"] == 1:
                    raise RuntimeError("once")
                return lives["method"]

        @app.local_entrypoint()
        def main():
            with modal.Dict.ephemeral() as lives, modal.Queue.ephemeral() as times:
                other, no = crash_and_hang.spawn(lives), never.spawn(times)
                print("tries", third_time.remote())
                print("map", list(odd_ones_later.starmap((lives, x) for x in range(10, 16))))
                print("batch", list(batch.starmap((lives, x) for x in "abc")))
                print("method", Twice().count.remote(lives))
                print("lives", other.get(timeout=120))
                try:
                    no.get(timeout=60)
                except ValueError as error:
                    at = times.get_many(10, block=False)
                    print(error, [later - sooner >= least for sooner, later, least in zip(at, at[1:], (1, 2, 2))])
    """).stdout
    assert "tries 3" in out and "lives 3" in out
    assert "map [10, 33, 12, 39, 14, 45]" in out and "method 2" in out
    assert "batch ['a:3', 'b:3', 'c:3']" in out
    assert "attempt 4 [True, True, True]" in out
