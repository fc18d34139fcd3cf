"""`modal run` and what a first program does, by the official client in real containers."""
import json
import pathlib
import signal
import time

from grpc_call import raw


def test_hello(any_client):
    program = any_client.write("""
        import modal
        app = modal.App("hello")

        @app.function()
        def square(x: int) -> int:
            print("squaring", x)
            return x * x

        @app.local_entrypoint()
        def main(n: int = 5, greeting: str = "hi"):
            print(greeting, square.remote(n), square.local(2))
            print("map", list(square.map(range(4))))
            print("starmap", list(square.starmap([(3,), (4,)])))
            square.for_each([7])
    """)
    out = any_client.run("run", program, "--n", "6", "--greeting", "hello").stdout
    assert "hello 36 4" in out
    assert "map [0, 1, 4, 9]" in out
    assert "starmap [9, 16]" in out
    assert "squaring 6" in out and "squaring 7" in out
    assert "App completed" in out


def test_generators_async_and_spawn(any_client):
    program = any_client.write("""
        import modal
        app = modal.App("kinds")

        @app.function()
        def count(n):
            for i in range(n):
                yield i * 10

        # More than the server sends in one go.
        @app.function()
        def large(n):
            for i in range(n):
                yield bytes([i]) * 1_000_000

        @app.function()
        async def later(x):
            return x + 1

        @app.local_entrypoint()
        def main():
            print("generator", list(count.remote_gen(5)))
            print("large", [chunk == bytes([i]) * 1_000_000 for i, chunk in enumerate(large.remote_gen(40))] == 40 * [True])
            print("async", later.remote(1))
            call = later.spawn(41)
            print("spawned", call.get(timeout=60), modal.FunctionCall.from_id(call.object_id).get())
    """)
    out = any_client.run("run", program).stdout
    assert "generator [0, 10, 20, 30, 40]" in out
    assert "large True" in out
    assert "async 2" in out
    assert "spawned 42 42" in out


def test_functions_call_functions(client):
    program = client.write("""
        import modal
        app = modal.App("nested")
        part = modal.App("part")

        @app.function()
        def double(x):
            return 2 * x

        @part.function()
        def half(x):
            return x // 2

        @app.function()
        def outer(x):
            return double.remote(x) + sum(double.map([1, 2, 3])) + half.remote(2)

        @app.function()
        def factorial(n):
            return 1 if n < 2 else n * factorial.remote(n - 1)

        app.include(part)

        @app.local_entrypoint()
        def main():
            print("nested", outer.remote(5), factorial.remote(4), half.remote(10))
    """)
    assert "nested 23 24 5" in client.run("run", program).stdout


def test_one_function_of_a_file(client):
    program = client.write("""
        import modal
        app = modal.App("one")

        @app.function()
        def greet(name: str, times: int = 1):
            print("hello " + name * times)

        @app.function()
        def other():
            pass
    """)
    assert "hello bobbob" in client.run("run", f"{program}::greet", "--name", "bob", "--times", "2").stdout
    refused = client.run("run", f"{program}::nothing", check=False)
    assert refused.returncode != 0


def test_as_a_script(client):
    program = client.write("""
        import modal
        app = modal.App("script")

        @app.function()
        def shout(text):
            print("inside")
            return text.upper()

        if __name__ == "__main__":
            with modal.enable_output(), app.run():
                print(shout.remote("quiet"))
    """)
    out = client.python(program).stdout
    assert "QUIET" in out and "inside" in out


def test_a_detached_run_goes_on_when_its_client_is_killed(any_client):
    client = any_client
    running = client.popen("run", "--detach", client.write("""
        import time, modal

        app = modal.App("detached")

        @app.function()
        def work():
            return modal.Queue.from_name("detached-gate", create_if_missing=True).get(timeout=120)

        @app.local_entrypoint()
        def main():
            print("call", *(work.spawn().object_id for _ in range(2)), app.app_id, flush=True)
            time.sleep(300)
    """))
    try:
        *calls, app = next(line for line in running.stdout if line.startswith("call ")).split()[1:]
    finally:
        running.kill()
        running.wait()
    yes = ["--yes"] if client.which == "new" else []
    assert client.python(client.write(f"""
        import subprocess, sys, modal
        modal.Queue.from_name("detached-gate", create_if_missing=True).put("it goes on")
        calls = [modal.FunctionCall.from_id(call) for call in {calls!r}]
        while not (done := [call for call in calls if call.get_call_graph()[0].status.name == "SUCCESS"]):
            pass
        print(done[0].get(timeout=90))
        # Until somebody stops it.
        subprocess.run([sys.executable, "-m", "modal", "app", "stop", {app!r}, *{yes!r}], check=True, stdout=subprocess.DEVNULL)
        for call in set(calls) - set(done):
            try:
                call.get(timeout=60)
            except modal.exception.RemoteError as error:
                print(error)
    """, "later.py")).stdout == "it goes on\nthe app was stopped\n"


def test_the_last_of_much_output_comes_before_the_run_ends(client):
    """Within the time that the client gives it without being told to."""
    out = client.run("run", client.write("""
        import modal
        app = modal.App("talks")

        @app.function()
        def talk():
            print("\\n".join(f"line {i:04d} " + "x" * 90 for i in range(10_000)))

        @app.local_entrypoint()
        def main():
            talk.remote()
    """))
    lines = [line[:9] for line in out.stdout.splitlines() if line.startswith("line ")]
    assert lines == [f"line {i:04d}" for i in range(10_000)]
    assert "timed out" not in (out.stdout + out.stderr).lower() and "timeout" not in (out.stdout + out.stderr).lower()


def test_an_unknown_command_of_the_client(server, client):
    """For a suggestion it asks the server, which serves none, whoever asks."""
    out = client.run("depoly", "program.py", check=False)
    assert out.returncode == 2 and "No such command 'depoly'" in out.stderr and "Traceback" not in out.stderr, out.stderr
    said = raw(server, {"token_id": "ak-nobody", "token_secret": "as-none"}, """
        async def body(call):
            print(await call("CliCommandSuggest"))
    """)
    assert said.startswith("UNIMPLEMENTED "), said


def test_interrupt_stops_the_app(client, any_client):
    program = any_client.write("""
        import subprocess, modal
        app = modal.App("interrupted")

        @app.function(timeout=600)
        def sleep():
            print("asleep", flush=True)
            subprocess.run(["sleep", "98765408"])

        @app.local_entrypoint()
        def main():
            sleep.remote()
    """)
    process = any_client.popen("run", program)
    for line in process.stdout:
        if "asleep" in line:
            break
    wait_for(lambda: processes("sleep 98765408"))
    interrupted = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.wait(240)  # with 0 or 1, as the official client sees it
    # Missing its client's heartbeats would take the server 45 seconds at the least.
    in_time = 40 - (time.monotonic() - interrupted)
    wait_for(lambda: not processes("sleep 98765408"), in_time)
    states = [app["state"] for app in json.loads(client.run("app", "list", "--json").stdout) if app["description"] == "interrupted"]
    assert states and set(states) == {"stopped"}


def wait_for(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def processes(marker):
    """Ids of processes of this machine, those in containers too, whose command line holds the marker."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in path.read_text(errors="replace").replace("\0", " "):
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found
