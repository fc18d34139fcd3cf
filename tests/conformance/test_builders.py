"""What makes images beside lines of a Dockerfile: functions, users other than root; and builds that end before their time."""
import json
import re
import signal

import pytest

from conftest import Client, Server, python
from test_run import processes, wait_for

PREPARED = """
    import modal
    WORD = "%s"

    def prepare(times, end):
        import os, pathlib
        print("preparing", WORD, flush=True)
        pathlib.Path("/prepared").mkdir()
        pathlib.Path("/prepared/words").write_text(" ".join([WORD] * times) + end + os.environ["SAUCE"])

    image = modal.Image.debian_slim().run_function(
        prepare, args=(2,), kwargs={"end": "? "}, secrets=[modal.Secret.from_dict({"SAUCE": "mint"})])
    app = modal.App("prepared")

    @app.function(image=image)
    def look():
        import os
        return open("/prepared/words").read(), "SAUCE" in os.environ, sorted(os.listdir("/__modal"))

    @app.local_entrypoint()
    def main():
        words, secret, files = look.remote()
        print("saw", words, secret, files)
"""


def leftovers(server):
    """What failed or ended builds could have left: layers, and folders of their containers. Interpreters that wait come and go."""
    data = server.folder / "data"
    return sorted(p.name for folder in ["layers", "tasks", "build"] for p in (data / folder).iterdir() if not p.name.startswith(("standby", "zygote")))


@pytest.mark.parametrize("which", ["client", "old_client"])
def test_a_function_makes_a_layer_that_is_cached_by_its_source_and_globals(which, request):
    client = request.getfixturevalue(which)
    word = f"{which}-soup"
    first = client.run("run", client.write(PREPARED % word), timeout=400).stdout
    assert f"saw {word} {word}? mint False" in first and f"preparing {word}" in first
    second = client.run("run", client.write(PREPARED % word)).stdout
    assert f"saw {word} {word}? mint False" in second and "preparing" not in second
    # Another value of a global that the function uses is another image.
    other = client.run("run", client.write(PREPARED % f"{which}-stew")).stdout
    assert f"saw {which}-stew {which}-stew? mint" in other and "preparing" in other


def test_a_failing_builder_function_shows_its_traceback_and_leaves_nothing(server, client):
    program = client.write("""
        import modal

        def spoil():
            open("/half-done", "w").write("x" * 1000)
            pour_water()

        def pour_water():
            raise ValueError("there is no water")

        app = modal.App("spoiled", image=modal.Image.debian_slim().run_function(spoil))

        @app.function()
        def never():
            pass

        @app.local_entrypoint()
        def main():
            never.remote()
    """)
    client.run("run", client.write(PREPARED % "before", "before.py"), timeout=400)
    wait_for(lambda: server.admin("status")["containers"] == 0)
    before = leftovers(server)
    failed = client.run("run", program, check=False)
    text = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "ValueError: there is no water" in text and "pour_water" in text and "Traceback" in text
    wait_for(lambda: server.admin("status")["containers"] == 0)
    wait_for(lambda: leftovers(server) == before)


def test_a_builder_that_is_killed_or_takes_too_long(client):
    for body, options, message in [
        ("import os; os._exit(3)", "", "exit code 3"),
        ("import time; time.sleep(500)", ", timeout=1", "timeout of 1 s"),
    ]:
        failed = client.run("run", client.write(f"""
            import modal

            def end():
                {body}

            app = modal.App("ends", image=modal.Image.debian_slim().run_function(end{options}))

            @app.function()
            def never():
                pass
        """), check=False, timeout=400)
        assert failed.returncode == 1 and message in failed.stdout + failed.stderr


def test_what_ends_with_its_client_and_what_outlives_it(server, client):
    """One client is interrupted and says so, one dies without a word and is missed after a minute, the app of one is stopped: their builds end. One
    whose app is detached has died before them, and its work goes on."""
    program = """
        import modal

        def linger():
            import subprocess
            print("lingering", flush=True)
            subprocess.run(["sleep", "98765401"])

        image = {image}
        app = modal.App("{name}", image=image)

        @app.function()
        def never():
            pass

        @app.local_entrypoint()
        def main():
            never.remote()
    """
    detached = client.popen("run", "--detach", client.write("""
        import modal
        app = modal.App("detached")

        @app.function(timeout=600)
        def work():
            return modal.Queue.from_name("detached", create_if_missing=True).get()

        @app.local_entrypoint()
        def main():
            call = work.spawn()
            print("call", call.object_id, flush=True)
            call.get()
    """, "detached.py"))

    def state(name):
        (app,) = [app for app in json.loads(client.run("app", "list", "--json").stdout) if app["description"] == name]
        return app["state"]

    call = next(line for line in detached.stdout if line.startswith("call ")).split()[1]
    detached.kill()
    detached.wait()
    by_stop = client.popen("run", client.write(program.format(name="is stopped", image='modal.Image.debian_slim().run_commands("sleep 98765406")'), "c.py"))
    try:
        wait_for(lambda: processes("sleep 98765406"), 60)
        (stopped,) = [app["app_id"] for app in json.loads(client.run("app", "list", "--json").stdout) if app["description"] == "is stopped"]
        client.run("app", "stop", "--yes", stopped)
        wait_for(lambda: not processes("sleep 98765406"), 60)
        assert by_stop.wait(60) != 0
    finally:
        by_stop.kill()
        by_stop.wait()
    by_function = client.popen("run", client.write(program.format(name="lingers", image="modal.Image.debian_slim().run_function(linger)"), "a.py"))
    by_command = client.popen(
        "run", client.write(program.format(name="lingers too", image='modal.Image.debian_slim().run_commands("sleep 98765402")'), "b.py"))
    try:
        wait_for(lambda: processes("sleep 98765401") and processes("sleep 98765402"), 300)
        by_command.kill()
        by_function.send_signal(signal.SIGINT)
        by_function.wait(240)
        wait_for(lambda: not processes("sleep 98765401"), 60)
        wait_for(lambda: not processes("sleep 98765402"), 90)
        assert state("detached") == "ephemeral (detached)"
        out = python(client, f"""
            modal.Queue.from_name("detached", create_if_missing=True).put("it went on")
            call = modal.FunctionCall.from_id("{call}")
            print("detached", call.get(timeout=120))
        """)
        assert "detached it went on" in out
        wait_for(lambda: server.admin("status")["containers"] == 0)
    finally:
        for process in (by_function, by_command):
            process.kill()
            process.wait()


def test_user_is_honoured_by_steps_and_by_the_function(client):
    program = client.write("""
        import modal
        image = (modal.Image.debian_slim().run_commands("useradd --uid 4321 --create-home web", "usermod --append --groups audio web")
                 .dockerfile_commands("USER web", "RUN id > /tmp/who && echo home $HOME >> /tmp/who && cd && touch mine",
                                      "USER 4321:users", "RUN id --group --name >> /tmp/who", "USER web"))
        app = modal.App("users", image=image)

        @app.function()
        def look():
            import os
            try:
                open("/etc/passwd", "a")
                writes = "may write to /etc"
            except PermissionError:
                writes = "may not write to /etc"
            os.write(os.open("/dev/stdout", os.O_WRONLY), b"opened by name\\n")
            return open("/tmp/who").read().split(), os.getuid(), os.getgroups(), os.environ["HOME"], os.listdir("/home/web"), writes

        @app.local_entrypoint()
        def main():
            print("saw", look.remote())
    """)
    out = client.run("run", program, timeout=400).stdout
    assert "uid=4321(web)" in out and "29(audio)" in out and "'home', '/home/web', 'users'" in out, out
    assert "4321, [29], '/home/web'" in out and "'mine'" in out and "may not write to /etc" in out, out
    assert "opened by name" in out


def test_a_user_that_the_image_does_not_have(client):
    for last_line in ["RUN true", "WORKDIR /"]:
        failed = client.run("run", client.write(f"""
            import modal
            app = modal.App("ghost", image=modal.Image.debian_slim().dockerfile_commands("USER ghost", "{last_line}"))

            @app.function()
            def never():
                pass

            @app.local_entrypoint()
            def main():
                never.remote()
        """), check=False, timeout=400)
        assert failed.returncode == 1 and "no user 'ghost'" in failed.stdout + failed.stderr


def test_an_app_that_is_deployed_again_builds_its_image_again(client):
    for word in ["lentils", "beans"]:
        out = client.run("deploy", "--name", "soups", client.write(PREPARED % word, "soups.py"), timeout=400).stdout
        assert f"preparing {word}" in out
        said = client.python(client.write("""
            import modal
            print(modal.Function.from_name("soups", "look").remote()[0])
        """, "ask.py")).stdout
        assert f"{word} {word}? mint" in said


# Threads until there is no more room for one, then memory.
GREEDY = """import threading
end = threading.Event()
try:
    for made in range(5000):
        threading.Thread(target=end.wait, daemon=True).start()
except RuntimeError as e:
    print(made, "threads:", e, flush=True)
b"x" * (1 << 30)"""


def test_a_build_that_takes_too_much_is_ended_and_leaves_nothing(tmp_path, built):
    # debian_slim() itself writes more
    server = Server(tmp_path).take_over(built).start("--build-disk", "32", "--build-memory", "512")
    client = Client(server, tmp_path)
    fill = "dd if=/dev/zero of=/filled bs=1M count=64 2>/dev/null"
    program = """
        import modal

        def write():
            import os, time
            os.system("%s")
            time.sleep(900)

        app = modal.App("full", image=modal.Image.debian_slim().%s)

        @app.function()
        def never():
            pass
    """
    wanted = "it has written more than the 32 MiB that a step of a build may (the server's --build-disk)"
    for step in f'run_commands("{fill}; sleep 900")', "run_function(write)":
        failed = client.run("run", client.write(program % (fill, step)), check=False)
        assert failed.returncode == 1 and wanted in " ".join((failed.stdout + failed.stderr).split())
        wait_for(lambda: server.admin("status")["containers"] == 0)
        wait_for(lambda: not [p for depth in ("*/*", "*/*/*") for p in (server.folder / "data").glob(depth + "/filled")])
    greedy = f"python -c \"exec(bytes.fromhex('{GREEDY.encode().hex()}'))\""  # on one line
    failed = client.run("run", client.write(program % ("", f"run_commands({greedy!r})")), check=False)
    said = " ".join((failed.stdout + failed.stderr).split())
    assert "it needs more than the 512 MiB that a step of a build may (the server's --build-memory)" in said
    assert 4000 < int(re.search(r"(\d+) threads: can't start new thread", said)[1]) < 4096
    assert server.stop() == 0
