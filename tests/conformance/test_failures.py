"""What goes wrong in a function reaches its caller, as itself."""


def run(client, body, **options):
    return client.run("run", client.write(body), **options)


def test_exceptions_travel(client):
    out = run(client, """
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
                print("chained", e)
            print("map", [type(r).__name__ for r in fail.map(["custom", "chain"], return_exceptions=True)])
    """).stdout
    assert "caught Custom mine" in out
    assert "chained outer" in out
    # The client pickles an exception without its __cause__; the whole chain stands in the container's output.
    assert "KeyError: 'missing'" in out and "direct cause" in out
    assert "map ['Custom', 'ValueError']" in out or "UserCodeException" in out


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
        import os, sys, modal
        app = modal.App("exits")

        @app.function()
        def leave(how):
            (sys.exit if how == "sys" else os._exit)(3)

        @app.local_entrypoint()
        def main():
            for how in ["sys", "os"]:
                try:
                    leave.remote(how)
                except BaseException as e:
                    print("got", how, type(e).__name__, e)
    """).stdout
    assert "got sys" in out
    assert "got os" in out and "exit code 3" in out


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
            never.remote()
    """, check=False, timeout=60)
    assert failed.returncode != 0
    assert "a_module_that_is_not_there" in failed.stdout + failed.stderr


def test_timeout_kills(server, client):
    out = run(client, """
        import time, modal
        app = modal.App("slow")

        @app.function(timeout=2)
        def hang():
            while True:
                try:
                    time.sleep(100)
                except BaseException:
                    pass

        @app.local_entrypoint()
        def main():
            began = time.monotonic()
            try:
                hang.remote()
            except modal.exception.FunctionTimeoutError as e:
                print("timed out", time.monotonic() - began < 20)
    """).stdout
    assert "timed out True" in out


def test_retries_until_success(client):
    out = run(client, """
        import os, modal
        app = modal.App("retries")
        calls = 0

        @app.function(retries=modal.Retries(max_retries=3, initial_delay=1.0, backoff_coefficient=1.0))
        def third_time():
            global calls
            calls += 1
            if calls < 3:
                raise RuntimeError("not yet")
            return calls

        @app.local_entrypoint()
        def main():
            print("tries", third_time.remote())
    """).stdout
    assert "tries 3" in out
