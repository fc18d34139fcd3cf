"""Deployed apps: by name, in versions, replaced without a failing call, listed and stopped."""
import datetime
import json
import re
import signal
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


def deploy(client, name, version, *words, check=True):
    program = client.write(APP.replace("NAME", name).replace("VERSION", version), f"{name}.py")
    return client.run("deploy", program, *words, check=check)


def call(client, name, function="version", options="{}", check=True):
    out = client.python(client.write(CALL, "call.py"), name, function, options, check=check)
    return out.stdout.strip() if check else out


def app_row(client, name):
    rows = json.loads(client.run("app", "list", "--json").stdout)
    return [row for row in rows if row["description"] == name]


def test_deploy_call_redeploy_history_rollback_stop(client):
    out = deploy(client, "shop", "one", "--tag", "first")
    assert "App deployed" in out.stdout, out.stdout
    assert call(client, "shop") == "one"
    (row,) = app_row(client, "shop")
    assert row["state"] == "deployed"

    deploy(client, "shop", "two")
    assert call(client, "shop") == "two"
    assert app_row(client, "shop")[0]["app_id"] == row["app_id"]
    assert call(client, "shop", options="{'version': 1}") == "one"
    # What is kept for those who ask for the old version is nothing to the functions of the new one.
    assert call(client, "shop", "ask") == "two"

    history = json.loads(client.run("app", "history", "shop", "--json").stdout)
    assert [h["version"] for h in history] == ["v2", "v1"], history
    assert history[1]["tag"] == "first"

    client.run("app", "rollback", "shop")
    assert call(client, "shop") == "one"
    history = json.loads(client.run("app", "history", "shop", "--json").stdout)
    assert [h["version"] for h in history] == ["v3", "v2", "v1"], history
    assert "no version 77" in client.run("app", "rollback", "shop", "v77", check=False).stderr.replace("\n", " ")

    client.run("app", "stop", "shop", "--yes")
    gone = call(client, "shop", check=False)
    assert gone.returncode != 0 and "not deployed" in gone.stderr, gone.stderr
    deadline = time.monotonic() + 240  # its containers have a moment to end
    while (state := app_row(client, "shop")[0]["state"]) != "stopped":
        assert state == "stopping..." and time.monotonic() < deadline, state
        time.sleep(0.2)
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


def test_a_redeploy_fails_no_call(client):
    deploy(client, "rolling", "old")
    program = client.write("""
        import modal, subprocess, sys, threading

        f = modal.Function.from_name("rolling", "version")
        assert f.remote() == "old"
        long = f.spawn(6.0)
        while not long.get_call_graph()[0].task_id:
            pass
        subprocess.run([sys.executable, "-m", "modal", "deploy", sys.argv[1]], check=True, stdout=subprocess.DEVNULL)
        seen = [f.remote() for _ in range(3)]
        print(seen, long.get(timeout=60))
    """, "during.py")
    new = client.write(APP.replace("NAME", "rolling").replace("VERSION", "new"), "rolling_new.py")
    out = client.python(program, str(new))
    assert out.stdout.strip() == "['new', 'new', 'new'] old", out.stdout + out.stderr
    client.run("app", "stop", "rolling", "--yes")


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


def test_container_list_and_stop(client):
    deploy(client, "boxes", "one")
    task = call(client, "boxes", "whoami")
    rows = json.loads(client.run("container", "list", "--json").stdout)
    assert task in [row["container_id"] for row in rows], rows
    client.run("container", "stop", task, "--yes")
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


def test_logs_of_the_past(client):
    program = client.write("""
        import sys, modal
        app = modal.App("talkative")

        @app.function()
        def say(n):
            for i in range(n):
                print(f"line {i} of {n}", flush=True)
            print("a complaint", file=sys.stderr, flush=True)

        @app.cls()
        class Choir:
            part: str = modal.parameter()

            @modal.method()
            def sing(self):
                print("la of the", self.part, flush=True)
    """, "talkative.py")
    client.run("deploy", program)
    alto, bass = client.python(client.write("""
        import modal
        modal.Function.from_name("talkative", "say").remote(300)
        for part in ("alto", "bass"):
            call = modal.Cls.from_name("talkative", "Choir")(part=part).sing.spawn()
            call.get(timeout=60)
            print(call.object_id, call.get_call_graph()[0].task_id)
    """, "talk.py")).stdout.splitlines()
    lines = client.run("app", "logs", "talkative").stdout
    assert "line 299 of 300" in lines and "a complaint" in lines, lines[-500:]
    all_lines = client.run("app", "logs", "talkative", "--since", "1h").stdout.splitlines()
    said = [line for line in all_lines if "of 300" in line]
    assert said == [f"line {i} of 300" for i in range(300)], said[:5]
    assert "line" not in client.run("app", "logs", "talkative", "--since", "1h", "--source", "stderr").stdout
    found = client.run("app", "logs", "talkative", "--since", "1h", "--search", "line 77").stdout.split()
    assert found == ["line", "77", "of", "300"], found

    # Of a bounded time, and the last so many.
    assert "of 300" not in client.run("app", "logs", "talkative", "--since", "2h", "--until", "1h").stdout
    last = client.run("app", "logs", "talkative", "--tail", "4", "--timestamps").stdout.splitlines()
    stamped = [re.fullmatch(r"(\S+ \S+) (.*)", line) for line in last]  # streams come one by one: which was first, nobody knows
    assert sorted(s[2] for s in stamped) == ["a complaint", "la of the alto", "la of the bass", "line 299 of 300"], last
    times = [datetime.datetime.fromisoformat(s[1]) for s in stamped]
    assert times == sorted(times) and times[0].utcoffset() is not None, last

    def of_choir(*words):
        return [line for line in client.run(*words).stdout.splitlines() if "la of the" in line]

    both = ["la of the alto", "la of the bass"]
    assert of_choir("app", "logs", "talkative", "--since", "1h") == both
    assert of_choir("app", "logs", "talkative", "--since", "1h", "--function-call", alto.split()[0]) == both[:1]
    assert of_choir("app", "logs", "talkative", "--since", "1h", "--container", bass.split()[1]) == both[1:]
    assert of_choir("container", "logs", alto.split()[1]) == both[:1]
    # Of a class itself, which has printed nothing, and of all its instances.
    assert of_choir("function", "logs", "talkative/Choir.*", "--since", "1h") == []
    assert of_choir("function", "logs", "talkative/Choir.*", "--since", "1h", "--all-variants") == both
    for words, count in [(("app", "logs", "talkative", "-f"), 2), (("function", "logs", "talkative/Choir.*", "--all-variants", "-f"), 2),
                         (("app", "logs", "talkative", "-f", "--function-call", alto.split()[0]), 1)]:
        following = client.popen(*words)
        try:
            lines = (line.strip() for line in following.stdout if "la of the" in line)
            assert [next(lines) for _ in range(count)] == both[:count]
        finally:
            following.kill()
            following.wait()
    client.run("app", "stop", "talkative", "--yes")


def test_names_environments_and_lookups(client):
    bad = deploy(client, "bad", "one", "--name", "no spaces please", check=False)
    assert bad.returncode != 0
    client.run("environment", "create", "elsewhere")
    deploy(client, "placed", "here", "--env", "elsewhere")
    assert call(client, "placed", options="{'environment_name': 'elsewhere'}") == "here"
    missing = call(client, "placed", check=False)
    assert missing.returncode != 0 and "not deployed in environment" in missing.stderr, missing.stderr
    out = client.python(client.write("""
        import modal
        a = modal.App.lookup("only-sandboxes", create_if_missing=True)
        b = modal.App.lookup("only-sandboxes")
        assert a.app_id == b.app_id, (a.app_id, b.app_id)
        a.set_tags({"team": "data", "stage": "try"})
        print("tags", sorted(b.get_tags().items()))
        try:
            modal.App.lookup("nowhere")
        except modal.exception.NotFoundError as e:
            print("missing:", e)
    """, "lookup.py"))
    assert "missing:" in out.stdout and "nowhere" in out.stdout
    assert "tags [('stage', 'try'), ('team', 'data')]" in out.stdout
    for words in (["rollback", "only-sandboxes"], ["rollover", "only-sandboxes"]):
        refused = client.run("app", *words, check=False)
        assert refused.returncode != 0 and "no version to go to" in " ".join(refused.stderr.split()), refused.stderr


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


def test_old_client_deploys_and_calls(old_client):
    program = old_client.write(APP.replace("NAME", "aged").replace("VERSION", "one").replace("MODAL_TASK_ID", "HOME"), "aged.py")
    old_client.run("deploy", program)
    out = old_client.python(old_client.write("""
        import modal
        print(modal.Function.from_name("aged", "version").remote())
    """, "call_aged.py"))
    assert out.stdout.strip() == "one"
    old_client.run("app", "stop", "aged")
