"""modal.Secret: every way to make one, what containers see of it, and that it is nowhere else."""
import json

from conftest import Client, Server, python


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


def test_from_dict_dotenv_and_local_environ(client, server):
    (client.folder / ".env").write_text("DOT_A=from the file\nDOT_B='quoted'\n")
    program = READER % ('modal.Secret.from_dict({"D": "from dict", "N": None}), modal.Secret.from_local_environ(["LOCAL_ONE"])', '["D", "N", "LOCAL_ONE"]')
    out = client.run("run", client.write(program), LOCAL_ONE="from here").stdout
    assert "seen [('D', 'from dict'), ('LOCAL_ONE', 'from here'), ('N', None)]" in out


def test_values_are_nowhere_else(tmp_path):
    server = Server(tmp_path).start()
    value = "correct-horse-battery"
    try:
        client = Client(server, tmp_path)
        client.run("secret", "create", "hidden", f"KEY={value}")
        python(client, f'modal.Secret.from_name("hidden").update({{"OTHER": "{value}2"}})')
        before = (tmp_path / "data" / "secret.key").read_bytes()
        assert server.admin("rotate-secret-key")["secrets"] == 1
        after = (tmp_path / "data" / "secret.key").read_bytes()
        assert len(after) == 64 and after != before and after[:32] == before[:32]
        server.stop()
        server.again()
        out = client.run("run", client.write(READER % ('modal.Secret.from_name("hidden")', '["KEY", "OTHER"]'))).stdout
        assert f"seen [('KEY', '{value}'), ('OTHER', '{value}2')]" in out
        assert server.admin("rotate-secret-key")["secrets"] == 1
    finally:
        server.stop()
    assert value not in server.log_text()
    for file in (tmp_path / "data").glob("ionian.db*"):
        assert value.encode() not in file.read_bytes(), file
