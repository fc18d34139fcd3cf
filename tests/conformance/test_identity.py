"""Tokens, profiles, environments and the workspace, by the official command line."""
import json
import stat


def fresh(client):
    """An environment without MODAL_TOKEN_*: credentials come from a file alone."""
    return {k: v for k, v in client.with_settings().env.items() if not k.startswith("MODAL_TOKEN")}


def test_token_set_writes_a_profile(server, client):
    pair = server.token("laptop")
    client.env = fresh(client)
    out = client.run("token", "set", "--token-id", pair["token_id"], "--token-secret", pair["token_secret"], "--verify")
    assert "verif" in (out.stdout + out.stderr).lower()
    text = (client.folder / "none.toml").read_text()
    assert "[local]" in text and pair["token_id"] in text and "server_url" in text
    listed = json.loads(client.run("profile", "list", "--json").stdout)
    assert listed[0]["name"] == "local" and listed[0]["workspace"] == "local"
    assert client.run("profile", "current").stdout.strip() == "local"
    info = client.run("token", "info").stdout
    assert pair["token_id"] in info and "laptop" in info and "owner" in info
    # The profile alone is enough to run, without any variable but the file's place.
    client.env.pop("MODAL_SERVER_URL")
    assert "local" in client.run("profile", "list").stdout


def test_wrong_secret_writes_nothing(server, client):
    pair = server.token()
    client.env = fresh(client)
    out = client.run("token", "set", "--token-id", pair["token_id"], "--token-secret", "as-wrong", check=False)
    assert out.returncode == 1 and "not known to this server" in out.stdout + out.stderr
    assert not (client.folder / "none.toml").exists()
    unknown = client.run("token", "set", "--token-id", "ak-nobody", "--token-secret", "as-wrong", check=False)
    assert (unknown.stdout + unknown.stderr) == (out.stdout + out.stderr)


def test_revoked_token_fails_on_its_next_call(server, client):
    pair = server.token("doomed")
    client.env |= {"MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}
    assert "doomed" in client.run("token", "info").stdout
    server.admin("token", "revoke", pair["token_id"])
    out = client.run("token", "info", check=False)
    assert out.returncode == 1 and "revoked" in out.stdout + out.stderr


def test_environments(client):

    def listed(**env):
        return {e["name"] for e in json.loads(client.run("environment", "list", "--json", **env).stdout)}

    others = listed()  # of tests that ran before on this server
    assert "main" in others
    client.run("environment", "create", "dev")
    again = client.run("environment", "create", "dev", check=False)
    assert again.returncode == 1 and "already exists" in again.stdout + again.stderr
    assert listed() == others | {"dev"}
    client.run("environment", "update", "dev", "--set-name", "dev2", "--set-web-suffix", "two")
    assert listed() == others | {"dev2"}
    client.with_settings().run("config", "set-environment", "dev2")
    assert 'environment = "dev2"' in (client.folder / "none.toml").read_text()
    refused = client.run("config", "set-environment", "nowhere", check=False)
    assert refused.returncode == 1 and "nowhere" in refused.stdout + refused.stderr
    client.run("environment", "delete", "dev2", "-y")
    assert listed(MODAL_ENVIRONMENT="main") == others
    bad = client.run("environment", "create", "en-bad", check=False)
    assert bad.returncode != 0


def test_a_program_runs_in_its_environment(client):
    client.run("environment", "create", "stage")
    program = client.write("""
        import os, modal
        app = modal.App("where")

        @app.function()
        def where():
            return os.environ["MODAL_ENVIRONMENT"]

        @app.local_entrypoint()
        def main():
            print("in", where.remote())
    """)
    assert "in stage" in client.run("run", "-e", "stage", program).stdout
    missing = client.run("run", "-e", "missing", program, check=False)
    assert missing.returncode == 1 and "missing" in missing.stdout + missing.stderr


def test_workspace(client):
    members = json.loads(client.run("workspace", "members", "list", "--json").stdout)
    assert [m["name"] for m in members] == ["owner"]
    created = json.loads(client.run("workspace", "service-users", "create", "robot", "--json").stdout)
    assert any(v.startswith("as-") for v in created.values() if isinstance(v, str))
    users = json.loads(client.run("workspace", "service-users", "list", "--json").stdout)
    assert [u["name"] for u in users] == ["robot"]
    client.run("workspace", "service-users", "delete", "robot", "-y")
    assert json.loads(client.run("workspace", "service-users", "list", "--json").stdout) == []
    proxy = json.loads(client.run("workspace", "proxy-tokens", "create", "--name", "edge", "--json").stdout)
    assert any(str(v).startswith("wk-") for v in proxy.values())
    assert "edge" in client.run("workspace", "proxy-tokens", "list", "--json").stdout
    settings = client.run("workspace", "settings", "list", "--json").stdout
    assert "main" in settings and "2025.06" in settings
    assert "test" in client.run("workspace", "member-tokens", "list", "--json").stdout


def test_member_tokens_can_be_disabled_and_enabled(server, client):
    pair = server.token("switch")
    other = client.env | {"MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}
    client.run("workspace", "member-tokens", "disable", pair["token_id"], "-y")
    mine, client.env = client.env, other
    out = client.run("token", "info", check=False)
    assert out.returncode == 1 and "disabled" in out.stdout + out.stderr
    client.env = mine
    client.run("workspace", "member-tokens", "enable", pair["token_id"], "-y")
    client.env = other
    assert "switch" in client.run("token", "info").stdout
