"""Deployed apps: by name, in versions, replaced without a failing call, listed and stopped."""
import contextlib
import datetime
import json
import signal
import sqlite3
import subprocess
import time

import pytest

from conftest import Client, Server

APP = """
    import os, time, modal

    app = modal.App("NAME")

    @app.function(max_containers=1)
    def version(wait=0.0):
        time.sleep(wait)
        return "VERSION"

    @app.function()
    def whoami():
        print("asked", flush=True)
        return os.environ["MODAL_TASK_ID"]

    @app.function(scaledown_window=2)
    def ask():
        return version.remote()

    @app.cls(scaledown_window=2)
    class Tool:
        @modal.method()
        def mark(self):
            return "VERSION"
"""
WARM = APP + """
    @app.function(min_containers=1)
    def warm():
        pass
"""

CALL = """
    import sys, modal
    f = modal.Function.from_name(sys.argv[1], sys.argv[2], **eval(sys.argv[3] if len(sys.argv) > 3 else "{}"))
    print(f.remote())
"""


STOPPED = 5  # modal.client.AppState


def deploy(client, name, version, *words, check=True):
    program = client.write(APP.replace("NAME", name).replace("VERSION", version), f"{name}.py")
    return client.run("deploy", program, *words, check=check)


def call(client, name, function="version", options="{}", check=True):
    out = client.python(client.write(CALL, "call.py"), name, function, options, check=check)
    return out.stdout.strip() if check else out


@contextlib.contextmanager
def database(server):
    with contextlib.closing(sqlite3.connect(server.folder / "data/ionian.db", timeout=60)) as db, db:
        yield db


def app_row(client, name):
    rows = json.loads(client.run("app", "list", "--json").stdout)
    return [row for row in rows if (row.get("description") or row["Description"]) == name]


def test_deploy_call_redeploy_history_rollback_stop(client):
    out = deploy(client, "shop", "one", "--tag", "first")
    assert "App deployed" in out.stdout, out.stdout
    assert call(client, "shop") == "one"
    (row,) = app_row(client, "shop")
    assert row["state"] == "deployed" and row["tasks"] == "1" and row["stopped_at"] is None, row
    made = datetime.datetime.fromisoformat(row["created_at"])
    assert abs(datetime.datetime.now(datetime.timezone.utc) - made) < datetime.timedelta(minutes=10), row

    tags = client.write("""
        import sys, modal
        app = modal.App.lookup("shop")
        if sys.argv[1:]:
            app.set_tags({"version": sys.argv[1]})
        print(app.get_tags())
    """, "tags.py")
    program = APP.replace("NAME", "shop").replace('("shop")', '("shop", tags={"version": "2"})').replace("VERSION", "two")
    client.run("deploy", client.write(program, "shop.py"))
    assert call(client, "shop") == "two" and client.python(tags).stdout.strip() == "{'version': '2'}"
    assert app_row(client, "shop")[0]["app_id"] == row["app_id"]
    assert call(client, "shop", options="{'version': 1}") == "one"
    # What is kept for those who ask for the old version is nothing to the functions of the new one.
    assert call(client, "shop", "ask") == "two"

    history = json.loads(client.run("app", "history", "shop", "--json").stdout)
    assert [h["version"] for h in history] == ["v2", "v1"], history
    assert [h["tag"] for h in history] == [None, "first"] and history[0]["time_deployed"] >= history[1]["time_deployed"] >= row["created_at"], history
    assert {(h["client"], h["deployed_by"], h["commit"]) for h in history} == {("1.6.4", "owner", None)}, history
    table = client.run("app", "history", row["app_id"], COLUMNS="200").stdout
    assert all(word in table for word in ("Version", "Time deployed", "Client", "Deployed by", "Commit", "Tag", "v2", "first")), table

    # What was said of the app later goes with the version that it was said of; a rollover brings nothing but containers.
    client.python(tags, "2b")
    client.run("app", "rollover", "shop")
    assert client.python(tags).stdout.strip() == "{'version': '2b'}"
    client.run("app", "rollback", "shop", "v1")
    assert call(client, "shop") == "one" and client.python(tags).stdout.strip() == "{}"
    history = json.loads(client.run("app", "history", "shop", "--json").stdout)
    assert [h["version"] for h in history] == ["v4", "v3", "v2", "v1"], history
    client.run("app", "rollback", "shop", "v2")
    assert client.python(tags).stdout.strip() == "{'version': '2'}"
    client.run("app", "rollback", "shop")
    assert call(client, "shop") == "one"
    assert "no version 77" in client.run("app", "rollback", "shop", "v77", check=False).stderr.replace("\n", " ")

    # That it has ended is written again where it could not be.
    with database(client.server) as db:
        db.execute(f"CREATE TRIGGER full BEFORE UPDATE ON apps WHEN NEW.id = '{row['app_id']}' AND NEW.state = {STOPPED}"
                   " BEGIN SELECT RAISE(FAIL, 'no room'); END")
    client.run("app", "stop", "shop", "--yes")
    gone = call(client, "shop", check=False)
    assert gone.returncode != 0 and "not deployed" in gone.stderr, gone.stderr
    deadline = time.monotonic() + 240  # its containers have a moment to end
    while f"the end of app {row['app_id']} could not be written" not in client.server.log_text():
        assert time.monotonic() < deadline, client.server.log_text()[-3000:]
        time.sleep(0.1)
    assert app_row(client, "shop")[0]["state"] == "stopping..."
    with database(client.server) as db:
        db.execute("DROP TRIGGER full")
    while (state := app_row(client, "shop")[0]["state"]) != "stopped":
        assert state == "stopping..." and time.monotonic() < deadline, state
        time.sleep(0.2)
    (stopped,) = app_row(client, "shop")
    assert stopped["tasks"] == "0" and stopped["created_at"] == row["created_at"] < stopped["stopped_at"], stopped
    table = client.run("app", "list", COLUMNS="200").stdout
    assert all(word in table for word in ("App ID", "Description", "State", "Tasks", "Created at", "Stopped at", row["app_id"])), table
    again = client.run("app", "stop", "shop", "--yes", check=False)
    assert again.returncode == 1 and "already stopped" in again.stderr + again.stdout


def test_a_handle_of_a_version_stays_with_it(client):
    """Also where that version was the live one when it was looked up; without a version it follows the app."""
    deploy(client, "held", "one")
    program = client.write("""
        import sys, modal
        pinned, follows = (modal.Function.from_name("held", "version", **more) for more in ({"version": 1}, {}))
        print(pinned.remote(), follows.remote(), flush=True)
        sys.stdin.readline()
        print(pinned.remote(), follows.remote(), flush=True)
    """, "holder.py")
    holder = subprocess.Popen([client.venv / "bin/python", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                              env=client.env, cwd=client.folder)
    assert holder.stdout.readline() == "one one\n"
    deploy(client, "held", "two")
    assert holder.communicate("go on\n", timeout=60)[0] == "one two\n"


def test_a_staged_version_waits_until_it_is_promoted(client):
    first = deploy(client, "stage", "zero", "--staged", check=False)
    assert first.returncode == 1 and "deploy it once without --staged" in " ".join((first.stdout + first.stderr).replace("│", " ").split())
    deploy(client, "stage", "one")
    deploy(client, "stage", "two", "--staged")
    assert call(client, "stage") == "one"
    assert call(client, "stage", options="{'version': 2}") == "two"
    marks = client.write("""
        import modal
        print([modal.Cls.from_name("stage", "Tool", **which)().mark.remote() for which in ({}, {"version": 2})])
    """, "marks.py")
    assert client.python(marks).stdout.strip() == "['one', 'two']"
    deploy(client, "stage", "three")
    assert call(client, "stage") == "three"
    not_staged = client.run("app", "promote", "stage", "v1", check=False)
    assert not_staged.returncode == 1 and "is not staged" in " ".join((not_staged.stdout + not_staged.stderr).replace("│", " ").split())
    client.run("app", "promote", "stage", "v2")
    assert call(client, "stage") == "two"
    history = json.loads(client.run("app", "history", "stage", "--json").stdout)
    assert [h["version"] for h in history] == ["v4", "v3", "v2", "v1"], history
    # Back to the one that was live before, and never to one that only was staged.
    client.run("app", "rollback", "stage")
    assert call(client, "stage") == "three"


STREAMING = APP + """
    @app.function()
    def count(n):
        for _ in range(n):
            yield "VERSION"
"""


def test_what_replaces_containers_fails_no_call(client):
    """While callers, a map and a generator go on: each call succeeds, and one that begins after the command has returned is the new version's."""
    one, two, three = (client.write(STREAMING.replace("NAME", "rolling").replace("VERSION", version), f"rolling_{version}.py")
                       for version in ("one", "two", "three"))
    client.run("deploy", one)
    out = client.python(client.write("""
        import modal, subprocess, sys, threading, time

        version, count = (modal.Function.from_name("rolling", name) for name in ("version", "count"))
        calls = {"call": lambda: [version.remote()], "map": lambda: list(version.map([0.0] * 5)), "generator": lambda: list(count.remote_gen(3))}
        seen, failed, over = [], [], threading.Event()

        def go_on(kind):
            while not over.is_set():
                begun = time.monotonic()
                try:
                    seen.append((kind, begun, calls[kind]()))
                except BaseException as error:
                    failed.append((kind, repr(error)))
                    return

        def replace(expected, *words):
            subprocess.run([sys.executable, "-m", "modal", *words], check=True, stdout=subprocess.DEVNULL)
            replaced = time.monotonic()
            while not failed:
                later = [(kind, got) for kind, begun, got in list(seen) if begun > replaced]
                if {kind for kind, _ in later} == set(calls):
                    break
            print({result for _, got in later for result in got} == {expected}, failed)

        assert version.remote() == "one"
        long = version.spawn(6.0)
        while not long.get_call_graph()[0].task_id:
            pass
        threads = [threading.Thread(target=go_on, args=[kind]) for kind in ["call", "call", "call", "map", "generator"]]
        for thread in threads:
            thread.start()
        try:
            replace("two", "deploy", sys.argv[1])
            print(long.get(timeout=60))
            replace("three", "deploy", sys.argv[2])
            replace("three", "app", "rollover", "rolling")
            replace("one", "app", "rollback", "rolling", "v1")
        finally:
            over.set()
            for thread in threads:
                thread.join()
    """, "during.py"), two, three).stdout
    assert out.splitlines() == ["True []", "one", *["True []"] * 3], out
    client.run("app", "stop", "rolling", "--yes")


def test_what_a_stopped_container_ran_ends_in_another_and_its_exit_hooks_run(client):
    """`container stop` and the strategy `recreate` interrupt what runs: it begins again, once, on the version that is there then."""
    program = """
        import asyncio, os, time, modal
        app = modal.App("NAME")
        left = modal.Dict.from_name("left", create_if_missing=True)

        class Leaving:
            @modal.exit()
            def leave(self):
                left[os.environ["MODAL_TASK_ID"]] = "by the exit hook"

        @app.cls()
        class Plain(Leaving):
            @modal.method()
            def wait(self, gate):
                while gate not in left:
                    time.sleep(0.05)
                return "VERSION", os.environ["MODAL_TASK_ID"]

        @app.cls()
        class Async(Leaving):
            @modal.method()
            async def wait(self, gate):
                while not await left.contains.aio(gate):
                    await asyncio.sleep(0.05)
                return "VERSION", os.environ["MODAL_TASK_ID"]
    """
    one, two = (client.write(program.replace("NAME", "moved").replace("VERSION", version), f"moved_{version}.py") for version in ("one", "two"))
    client.run("deploy", one)
    out = client.python(client.write("""
        import subprocess, sys, modal
        left = modal.Dict.from_name("left", create_if_missing=True)

        def during(kind, gate, *words):
            call = modal.Cls.from_name("moved", kind)().wait.spawn(gate)
            while not (first := call.get_call_graph()[0].task_id):
                pass
            words = [first if word == "IT" else word for word in words]
            subprocess.run([sys.executable, "-m", "modal", *words], check=True, stdout=subprocess.DEVNULL)
            left[gate] = "open"
            version, second = call.get(timeout=60)
            while first not in left:
                pass
            print(version, second != first, left[first])

        during("Plain", "gate 1", "container", "stop", "--yes", "IT")
        during("Async", "gate 2", "container", "stop", "--yes", "IT")
        during("Plain", "gate 3", "deploy", "--strategy", "recreate", sys.argv[1])
        during("Async", "gate 4", "app", "rollback", "--strategy", "recreate", "moved")

        # The hooks run also where the app is stopped.
        calls = [modal.Cls.from_name("moved", kind)().wait.spawn("never") for kind in ("Plain", "Async")]
        for call in calls:
            while not call.get_call_graph()[0].task_id:
                pass
        tasks = [call.get_call_graph()[0].task_id for call in calls]
        subprocess.run([sys.executable, "-m", "modal", "app", "stop", "--yes", "moved"], check=True, stdout=subprocess.DEVNULL)
        for call, task in zip(calls, tasks):
            try:
                call.get(timeout=60)
            except modal.exception.RemoteError as error:
                print(error)
            while task not in left:
                pass
    """, "moving.py"), two, timeout=150).stdout
    moved = [f"{version} True by the exit hook" for version in ("one", "one", "two", "one")]
    assert out.splitlines() == [*moved, "the app was stopped", "the app was stopped"], out


def test_recreate_and_rollover_bring_new_containers(client):
    deploy(client, "fresh", "one")
    first = call(client, "fresh", "whoami")
    assert call(client, "fresh", "whoami") == first
    client.run("app", "rollover", "fresh")
    second = call(client, "fresh", "whoami")
    assert second != first
    deploy(client, "fresh", "one", "--strategy", "recreate")
    third = call(client, "fresh", "whoami")
    assert third not in (first, second)
    client.run("app", "rollover", "fresh", "--strategy", "recreate")
    assert call(client, "fresh", "whoami") not in (first, second, third)
    client.run("app", "stop", "fresh", "--yes")


def test_history_knows_the_commit_of_what_was_deployed(client):
    def git(*words):
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
        return subprocess.run(["git", *who, *words], cwd=client.folder, env=client.env, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    (client.folder / ".gitignore").write_text("*.pyc\n__pycache__\n.cache\n")
    for version in "one", "two":
        program = client.write(APP.replace("NAME", "committed").replace("VERSION", version), "committed.py")
        if version == "one":
            git("add", ".")
            git("commit", "-q", "-m", "first")
        client.run("deploy", program)
    history = json.loads(client.run("app", "history", "committed", "--json").stdout)
    first = git("rev-parse", "HEAD")[:7]
    assert [h["commit"] for h in history] == [first + "*", first], history  # the star: with changes of its own
    client.run("app", "stop", "committed", "--yes")


def test_container_list_and_stop(client, old_client):
    deploy(client, "boxes", "one")
    task = call(client, "boxes", "whoami")
    rows = json.loads(client.run("container", "list", "--json").stdout)
    assert task in [row["container_id"] for row in rows], rows
    (app,) = {row["app_id"] for row in rows if row["container_id"] == task}
    assert json.loads(client.run("container", "list", "--app-id", app, "--json").stdout) == [row for row in rows if row["app_id"] == app]
    missing = client.run("container", "list", "--app-id", "ap-" + "0" * 22, check=False)
    assert missing.returncode != 0 and "ap-000" in missing.stderr, missing.stderr
    # Who follows a container's log has it to its end, and no further.
    followers = [client.popen("container", "logs", "-f", task), old_client.popen("container", "logs", task)]
    for follower in followers:
        while "asked" not in (line := follower.stdout.readline()):
            assert line
    client.run("container", "stop", task, "--yes")
    assert [follower.wait(60) for follower in followers] == [0, 0], [follower.stdout.read() for follower in followers]
    assert "asked" in old_client.run("container", "logs", task).stdout
    assert call(client, "boxes", "whoami") != task
    out = client.python(client.write("""
        import subprocess, sys, modal
        version = modal.Function.from_name("boxes", "version")

        def task_of(call):
            while not (task := call.get_call_graph()[0].task_id):
                pass
            return task

        call = version.spawn(3.0)
        first = task_of(call)
        subprocess.run([sys.executable, "-m", "modal", "container", "stop", "--graceful", "--yes", first], check=True, stdout=subprocess.DEVNULL)
        again = version.spawn()
        print(call.get(timeout=60), again.get(timeout=60), task_of(again) != first)
    """, "gracefully.py")).stdout
    assert out.strip() == "one one True"
    info = json.loads(client.run("app", "info", "boxes", "--json").stdout)
    assert "whoami" in json.dumps(info), info
    out = client.run("container", "stop", task, "--yes", check=False)
    assert out.returncode == 1 and "already stopped" in out.stderr + out.stdout, out.stderr
    client.run("app", "stop", "boxes", "--yes")


def test_names_environments_and_lookups(client):
    bad = deploy(client, "bad", "one", "--name", "no spaces please", check=False)
    assert bad.returncode != 0
    client.run("environment", "create", "elsewhere")
    program = APP.replace("NAME", "placed").replace("VERSION", "here") + """
    part = modal.App("part")

    @part.function()
    def half(x):
        return x // 2

    app.include(part)
"""
    client.run("deploy", client.write(program, "placed.py"), "--env", "elsewhere")
    assert call(client, "placed", options="{'environment_name': 'elsewhere'}") == "here"
    call(client, "placed", "whoami", "{'environment_name': 'elsewhere'}")
    task = json.loads(client.run("container", "list", "-e", "elsewhere", "--json").stdout)[0]
    assert task["app_name"] == "placed" and task["container_id"] not in client.run("container", "list", "--json").stdout, task
    browser = {"BROWSER": "/bin/true"}
    # Where that one leads is the client's own affair: to a site that is not this server. Without an app the command asks the server.
    for words, shows in [(("info",), "placed"), (("history",), "v1"), (("logs",), "asked"), (("dashboard",), f"/id/{task['app_id']}")]:
        assert shows in client.run("app", words[0], "placed", "-e", "elsewhere", *words[1:], **browser).stdout, words
        other = client.run("app", words[0], "placed", *words[1:], check=False, **browser)
        assert other.returncode != 0 and "placed" in other.stderr, other
    assert client.server.ready["http_url"] in client.run("dashboard", **browser).stdout
    missing = call(client, "placed", check=False)
    assert missing.returncode != 0 and "not deployed in environment" in missing.stderr, missing.stderr
    out = client.python(client.write("""
        import modal
        a = modal.App.lookup("only-sandboxes", create_if_missing=True)
        b = modal.App.lookup("only-sandboxes")
        assert a.app_id == b.app_id, (a.app_id, b.app_id)
        a.set_tags({"team": "data", "stage": "try"})
        print("tags", sorted(b.get_tags().items()))
        many = {f"n{n}": "many" for n in range(101)}
        for give in (a.set_tags, lambda tags: modal.App("tagged", tags=tags).deploy()):
            try:
                give(many)
            except modal.exception.InvalidError as e:
                print("no:", e)
        there = {"environment_name": "elsewhere"}
        half = modal.Function.from_name("placed", "half", **there)
        print("there", modal.App.lookup("placed", **there).app_id, modal.Cls.from_name("placed", "Tool", **there)().mark.remote(), half.remote(4))
        for look in (lambda: modal.App.lookup("nowhere"), lambda: modal.App.lookup("placed"), lambda: modal.App.lookup("part", **there),
                     lambda: modal.Cls.from_name("placed", "Tool").hydrate(), lambda: modal.Function.from_name("part", "half", **there).hydrate(),
                     lambda: modal.App.lookup("placed", environment_name="beyond")):
            try:
                look()
            except modal.exception.NotFoundError as e:
                print("missing:", e)
    """, "lookup.py"))
    missing = [line for line in out.stdout.splitlines() if line.startswith("missing:")]
    assert len(missing) == 6 and "nowhere" in missing[0], out.stdout
    assert f"there {task['app_id']} here 2" in out.stdout, out.stdout
    assert "tags [('stage', 'try'), ('team', 'data')]" in out.stdout
    assert [line for line in out.stdout.splitlines() if line.startswith("no:")] == ["no: 101 tags: an app may have 100"] * 2, out.stdout
    for words in (["rollback", "only-sandboxes"], ["rollover", "only-sandboxes"]):
        refused = client.run("app", *words, check=False)
        assert refused.returncode != 0 and "no version to go to" in " ".join(refused.stderr.split()), refused.stderr
    client.run("app", "stop", "placed", "-e", "elsewhere", "--yes")
    assert call(client, "placed", options="{'environment_name': 'elsewhere'}", check=False).returncode != 0


@pytest.mark.parametrize("function, what", [
    ("@app.function()\n@modal.asgi_app()", "web endpoints are not served"),
    ("@app.function(volumes={'/b': modal.CloudBucketMount('bucket', oidc_auth_role_arn='arn:aws:iam::1:role/r')})",
     "oidc_auth_role_arn needs an issuer of identities"),
])
def test_what_is_not_served_is_refused_and_not_deployed(client, function, what):
    out = client.run("deploy", client.write(f"import modal\napp = modal.App('refused')\n{function}\ndef f():\n    return 1\n", "refused.py"),
                     check=False)
    assert out.returncode != 0 and what in " ".join((out.stdout + out.stderr).split()), out.stdout + out.stderr
    assert app_row(client, "refused") == [] or app_row(client, "refused")[0]["state"] != "deployed"


def test_a_failed_deploy_leaves_what_is_deployed(client):
    deploy(client, "steady", "good")
    broken = client.write("""
        import modal
        app = modal.App("steady")

        @app.function(image=modal.Image.debian_slim().run_commands("exit 3"))
        def version():
            return "broken"
    """, "broken.py")
    assert client.run("deploy", broken, check=False).returncode != 0
    assert call(client, "steady") == "good"
    client.run("app", "stop", "steady", "--yes")


def test_deployed_apps_outlive_the_server(tmp_path, built):
    (tmp_path / "server").mkdir()
    own = Server(tmp_path / "server").take_over(built).start()
    client = Client(own, tmp_path)
    client.run("deploy", client.write(WARM.replace("NAME", "lasting").replace("VERSION", "zero"), "lasting.py"))
    deploy(client, "lasting", "one")
    assert call(client, "lasting") == "one"
    own.stop(signal.SIGKILL)
    own.again()
    assert call(client, "lasting") == "one"
    # What it leaves out is kept warm in no later life either.
    assert len(json.loads(client.run("container", "list", "--json").stdout)) == 1

    # One runs, one waits; both learn that their app was stopped, whatever becomes of the server.
    calls = client.python(client.write("""
        import modal
        version = modal.Function.from_name("lasting", "version")
        calls = [version.spawn(600.0) for _ in range(2)]
        while not calls[0].get_call_graph()[0].task_id:
            pass
        print(*[call.object_id for call in calls])
    """, "spawn.py")).stdout.split()
    client.run("app", "stop", "lasting", "--yes")
    own.stop(signal.SIGKILL)
    own.again()
    said = client.python(client.write("""
        import sys, modal
        for call in sys.argv[1:]:
            try:
                print(modal.FunctionCall.from_id(call).get(timeout=60))
            except modal.exception.RemoteError as error:
                print(error)
    """, "read.py"), *calls).stdout
    assert said == "the app was stopped\n" * 2
    assert own.stop() == 0, own.log_text()[-3000:]


AGED = APP.replace("MODAL_TASK_ID", "HOME") + """
    tried = 0

    @app.function(max_containers=1, retries=2)
    def third_time():
        global tried
        tried += 1
        if tried < 3:
            raise RuntimeError("not yet")
        return tried

    import threading
    barrier = threading.Barrier(3)

    @app.function(max_containers=1, allow_concurrent_inputs=3)
    def meet(n):
        return barrier.wait(60) in range(3)

    @app.function(max_containers=1)
    @modal.batched(max_batch_size=2, wait_ms=60_000)
    def pairs(words):
        return [f"{word} of {len(words)}" for word in words]
"""


def test_old_client_deploys_and_calls(old_client):
    for version in "one", "two":
        old_client.run("deploy", old_client.write(AGED.replace("NAME", "aged").replace("VERSION", version), f"aged_{version}.py"))
    call_it = old_client.write("""
        import modal
        print(modal.Function.from_name("aged", "version").remote())
    """, "call_aged.py")
    assert old_client.python(call_it).stdout.strip() == "two"
    assert app_row(old_client, "aged")[0]["State"] == "deployed"
    old_client.run("app", "rollback", "aged")
    history = json.loads(old_client.run("app", "history", "aged", "--json").stdout)
    assert [row["Version"] for row in history] == ["v3", "v2", "v1"], history
    out = old_client.python(old_client.write("""
        import modal
        version, third_time, meet, pairs, whoami = (modal.Function.from_name("aged", name) for name in ("version", "third_time", "meet", "pairs", "whoami"))
        print(version.remote(), third_time.remote(), list(meet.map(range(3))), list(pairs.map("ab")), whoami.remote())
        call = version.spawn(600.0)
        while not call.get_call_graph()[0].task_id:
            pass
        call.cancel()
        try:
            call.get(timeout=60)
        except Exception as error:
            print(type(error).__name__, error)
    """, "aged_calls.py")).stdout.splitlines()
    assert out[0] == "one 3 [True, True, True] ['a of 2', 'b of 2'] /root" and "cancelled" in out[1], out
    # Its logs go on until the app is stopped.
    following = old_client.popen("app", "logs", "aged")
    try:
        assert any("asked" in line for line in following.stdout)
        boxes = {row["Container ID"] for row in json.loads(old_client.run("container", "list", "--json").stdout) if row["App Name"] == "aged"}
        assert boxes
        gone = boxes.pop()
        old_client.run("container", "stop", gone)
        while gone in old_client.run("container", "list", "--json").stdout:
            pass
        old_client.run("app", "stop", "aged")
        following.communicate(timeout=60)
    finally:
        following.kill()
        following.wait()
