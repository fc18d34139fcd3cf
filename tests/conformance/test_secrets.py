"""modal.Secret: every way to make one, what containers see of it, and that it is nowhere else."""
import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess

from conftest import Client, Server, python
from grpc_call import raw
from test_run import wait_for

# Where the package is that modal.Secret.from_dotenv wants.
DOTENV = os.environ["IONIAN_DOTENV"]

READER = """
    import os, modal
    app = modal.App("reader")

    @app.function(secrets=[%s])
    def read(names):
        return {name: os.environ.get(name) for name in names}

    @app.local_entrypoint()
    def main():
        print("seen", sorted(read.remote(%s).items()))
"""


def test_named_secrets_reach_functions_and_later_ones_win(client):
    client.run("secret", "create", "base", "USER_NAME=john", "PASSWORD=hunter two", "SHARED=base")
    client.run("secret", "create", "over", "SHARED=over")
    out = client.run("run", client.write(READER % ('modal.Secret.from_name("base"), modal.Secret.from_name("over", required_keys=["SHARED"])',
                                                   '["USER_NAME", "PASSWORD", "SHARED"]'))).stdout
    assert "seen [('PASSWORD', 'hunter two'), ('SHARED', 'over'), ('USER_NAME', 'john')]" in out
    rows = {row["name"]: row for row in json.loads(client.run("secret", "list", "--json").stdout)}
    assert set(rows) >= {"base", "over"} and rows["base"]["last_used_at"] != "-"


def test_the_old_client(old_client):
    """Secrets, and the network file systems that programs of its time have."""
    old_client.run("secret", "create", "aged", "KEY=from the list", "SHARED=list")
    out = old_client.run("run", old_client.write("""
        import io, os, modal
        app = modal.App("aged")
        board = modal.NetworkFileSystem.from_name("aged-board", create_if_missing=True)

        @app.function(secrets=[modal.Secret.from_name("aged", required_keys=["KEY"]), modal.Secret.from_dict({"SHARED": "dict"})],
                      network_file_systems={"/board": board})
        def work():
            open("/board/out", "w").write(open("/board/in").read() + " and out")
            return os.environ["KEY"], os.environ["SHARED"]

        @app.local_entrypoint()
        def main():
            board.write_file("in", io.BytesIO(b"in"))
            print("seen", work.remote(), b"".join(board.read_file("out")), sorted(e.path for e in board.listdir("/")))
    """)).stdout
    assert "seen ('from the list', 'dict') b'in and out' ['in', 'out']" in out
    assert "aged" in old_client.run("secret", "list").stdout
    assert old_client.run("nfs", "ls", "aged-board").stdout.split() == ["in", "out"]
    old_client.run("nfs", "rm", "aged-board", "in")
    assert old_client.run("nfs", "get", "aged-board", "out", "-").stdout.startswith("in and out")


def test_update_merge_replace_and_delete(client):
    out = python(client, """
        modal.Secret.objects.create("changing", {"A": "1", "B": "2"})
        s = modal.Secret.from_name("changing")
        s.update({"B": "3", "C": "4"})
        assert s.info(refresh=True).name == "changing"
        assert "already exists" in refused(modal.exception.AlreadyExistsError, lambda: modal.Secret.objects.create("changing", {"A": "9"}))
        modal.Secret.objects.create("changing", {"A": "9"}, allow_existing=True)
        missing = refused(Exception, lambda: modal.Secret.from_name("changing", required_keys=["A", "X", "Y"]).hydrate())
        assert missing == "Secret is missing key(s): X, Y", missing
        modal.Secret.from_name("changing", required_keys=["A", "B", "C"]).hydrate()
        assert refused(modal.exception.NotFoundError, lambda: modal.Secret.from_name("nowhere").hydrate()) == "Secret 'nowhere' not found"
        bad = refused(modal.exception.InvalidError, lambda: modal.Secret.objects.create("bad", {"1A": "the value"}))
        assert "1A" in bad and "the value" not in bad
        """)
    seen = client.run("run", client.write(READER % ('modal.Secret.from_name("changing")', '["A", "B", "C"]'))).stdout
    assert "seen [('A', '1'), ('B', '3'), ('C', '4')]" in seen, out
    client.run("secret", "create", "changing", "A=only", "--force")
    seen = client.run("run", client.write(READER % ('modal.Secret.from_name("changing")', '["A", "B"]'))).stdout
    assert "seen [('A', 'only'), ('B', None)]" in seen
    client.run("secret", "delete", "changing", "--yes")
    assert client.run("secret", "delete", "changing", "--yes", check=False).returncode != 0
    client.run("secret", "delete", "changing", "--yes", "--allow-missing")


def test_from_dict_dotenv_and_local_environ(client):
    (client.folder / ".env").write_text("DOT_A=from the file\nDOT_B='quoted'\n")
    made = """modal.Secret.from_dict({"D": "from dict", "N": None}), modal.Secret.from_local_environ(["LOCAL_ONE"]),
              modal.Secret.from_dotenv()"""
    program = READER % (made, '["D", "N", "LOCAL_ONE", "DOT_A", "DOT_B"]')
    out = client.run("run", client.write(program), LOCAL_ONE="from here", PYTHONPATH=DOTENV).stdout
    assert "seen [('D', 'from dict'), ('DOT_A', 'from the file'), ('DOT_B', 'quoted'), ('LOCAL_ONE', 'from here'), ('N', None)]" in out


def test_the_command_line(client):
    """Every way to say a value, in an environment of its own."""
    client.run("environment", "create", "of-secrets")
    (client.folder / "some.env").write_text("FROM_DOTENV=one\n")
    (client.folder / "some.json").write_text('{"FROM_JSON": "two"}')
    editor = client.write("#!/bin/sh\nprintf three > \"$1\"\n", "editor")
    editor.chmod(0o755)
    client.run("secret", "create", "many", "PLAIN=a=b", "EDITED=-", "--from-dotenv", "some.env", "--from-json", "some.json", "--env", "of-secrets",
               say="\n", EDITOR=str(editor), PYTHONPATH=DOTENV)
    assert [row["name"] for row in json.loads(client.run("secret", "list", "--env", "of-secrets", "--json").stdout)] == ["many"]
    assert "many" not in client.run("secret", "list", "--json").stdout
    secret = 'modal.Secret.from_name("many", environment_name="of-secrets")'
    seen = client.run("run", client.write(READER % (secret, '["PLAIN", "EDITED", "FROM_DOTENV", "FROM_JSON"]'))).stdout
    assert "seen [('EDITED', 'three'), ('FROM_DOTENV', 'one'), ('FROM_JSON', 'two'), ('PLAIN', 'a=b')]" in seen
    client.run("secret", "delete", "many", "--yes", "--env", "of-secrets")
    assert json.loads(client.run("secret", "list", "--env", "of-secrets", "--json").stdout) == []


def test_lists_and_deletions(client, server):
    python(client, """
        for n in range(105):
            modal.Secret.objects.create(f"s{n}", {"A": "1"})
        names = [s.name for s in modal.Secret.objects.list()]
        assert names[:2] == ["s104", "s103"] and {f"s{n}" for n in range(105)} <= set(names) and len(set(names)) == len(names)
        assert [s.name for s in modal.Secret.objects.list(max_objects=2)] == ["s104", "s103"]
        for kind in (modal.Secret, modal.Dict, modal.Queue, modal.Volume):
            refused(modal.exception.NotFoundError, lambda: kind.objects.delete("was-never-there"))
            kind.objects.delete("was-never-there", allow_missing=True)
        modal.Secret.objects.delete("s1", allow_missing=True); refused(modal.exception.NotFoundError, lambda: modal.Secret.objects.delete("s1"))
        """)
    # A variable without a value goes; the client has no word for it.
    assert raw(server, server.token(), """
        async def body(call):
            secret = (await call("SecretGetOrCreate", deployment_name="fewer", object_creation_type=1, env_dict={"A": "1", "B": "2"})).secret_id
            await call("SecretUpdate", secret_id=secret, updates=[api_pb2.SecretUpdateRequest.Update(key="A")])
            print(list((await call("SecretGetInfo", secret_id=secret)).metadata.keys))
        """) == "['B']\n"


def processes_of(server):
    """The server, and what makes its containers."""
    pid = server.process.pid
    children = pathlib.Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *(int(child) for file in children for child in file.read_text().split())]


def nowhere_while_it_runs(server, client, value):
    """Nor does a file have it while a container does."""
    program = client.write("""
        import os, modal
        app = modal.App("has-it")
        queue = modal.Queue.from_name("go-on", create_if_missing=True)

        @app.function(secrets=[modal.Secret.from_name("hidden")])
        def hold():
            queue.put(len(os.environ["KEY"]), partition="began"); queue.get(timeout=120)

        @app.local_entrypoint()
        def main():
            held = hold.spawn()
            print("began", queue.get(partition="began", timeout=120), flush=True)
            input(); queue.put("go on"); held.get()
    """, "hold.py")
    running = subprocess.Popen([client.venv / "bin/modal", "run", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=client.env,
                               cwd=client.folder)
    try:
        assert any(f"began {len(value)}" in line for line in running.stdout)
        # What is mounted there, the kernel's files too, is the container's.
        def files_with(text):
            return subprocess.run(["find", server.folder / "data", "-xdev", "-name", "layers", "-prune", "-o", "-type", "f", "-exec", "grep", "-lF", text,
                                   "{}", "+"], capture_output=True, text=True).stdout.split()
        found, named = files_with(value), files_with("hidden")
        running.communicate("\n", timeout=60)
        assert running.returncode == 0 and found == [] and named != [], (found, named)
    finally:
        running.kill()


def unnamed_ones_go(server, client):
    """A week after its app was stopped a secret without a name is gone; that of a deployed function stays."""
    program = READER % ('modal.Secret.from_dict({"KEY": "brief"})', '["KEY"]')
    assert "seen [('KEY', 'brief')]" in client.run("run", client.write(program)).stdout
    client.run("deploy", client.write(program.replace("reader", "stays")))
    assert server.stop() == 0
    database, week = server.folder / "data" / "ionian.db", 7 * 24 * 3600 * 1000

    def unnamed():
        with contextlib.closing(sqlite3.connect(database)) as db:
            return [app for app, in db.execute("SELECT coalesce(a.name, '') FROM secrets s LEFT JOIN apps a ON a.id = s.app WHERE s.name = ''")]

    assert sorted(unnamed()) == ["", "stays"]
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE apps SET stopped_at = stopped_at - ?", [week + 60_000])
        db.execute("UPDATE secrets SET created_at = created_at - ?, last_used_at = NULL", [5 * week])
    server.again()
    wait_for(lambda: unnamed() == ["stays"], 60)


def test_values_are_nowhere_else(tmp_path, built):
    server = Server(tmp_path).take_over(built).start()
    value = "correct-horse-battery"
    try:
        client = Client(server, tmp_path)
        client.run("secret", "create", "hidden", f"KEY={value}")
        python(client, f'modal.Secret.from_name("hidden").update({{"OTHER": "{value}2"}})')
        before = (tmp_path / "data" / "secret.key").read_bytes()
        assert server.admin("rotate-secret-key")["secrets"] == 1
        after = (tmp_path / "data" / "secret.key").read_bytes()
        assert len(after) == 64 and after != before and after[:32] == before[:32]
        # The server fell after it had written the next key, and before anything was sealed with it.
        server.fall()
        (tmp_path / "data" / "secret.key").write_bytes(after[:32] + os.urandom(32) + after[32:])
        server.again()
        out = client.run("run", client.write(READER % ('modal.Secret.from_name("hidden")', '["KEY", "OTHER"]'))).stdout
        assert f"seen [('KEY', '{value}'), ('OTHER', '{value}2')]" in out
        assert server.admin("rotate-secret-key")["secrets"] == 1
        rotated = (tmp_path / "data" / "secret.key").read_bytes()
        assert len(rotated) == 64 and rotated[32:] != after[32:]
        modal_info = 'print(modal.Secret.from_name("hidden", required_keys=["KEY", "OTHER"]).hydrate().name)'
        assert python(client, modal_info).strip() == "hidden"
        server.admin("backup", tmp_path / "backup.tar.zst")
        processes = processes_of(server)
        assert len(processes) > 1
        for pid in processes:
            core = next(line for line in pathlib.Path(f"/proc/{pid}/limits").read_text().splitlines() if "core file" in line)
            assert core.split()[4:6] == ["1", "1"], core  # neither a file nor through a pipe
        nowhere_while_it_runs(server, client, value)
        unnamed_ones_go(server, client)
    finally:
        server.stop()
    assert value not in server.log_text()
    # The layers of images are made of what there was before there was a secret.
    subprocess.run(["tar", "--zstd", "-xf", tmp_path / "backup.tar.zst", "-C", tmp_path / "data", "--one-top-level", "--exclude=layers/*"], check=True)
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file() and not file.is_symlink() and "layers" not in file.parts:
            assert value.encode() not in file.read_bytes(), file
