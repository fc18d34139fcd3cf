"""`workspace …`, against a real server."""


def test_members(home, server):
    home.sign_in(server)
    members = home.json("workspace", "members", "list", "--json")
    assert set(members[0]) == {"name", "email", "role", "user_id", "joined", "last_active"} and members[0]["role"] == "owner"
    assert home.run("workspace", "members", "list").stdout.startswith("Name")


def test_member_tokens(home, server):
    home.sign_in(server)
    other = server.token("spare")

    def row():
        return next((t for t in home.json("workspace", "member-tokens", "list", "--json") if t["token_id"] == other["token_id"]), None)
    assert row()["name"] == "spare" and row()["disabled"] is False and row()["expires_at"] is None
    home.run("workspace", "member-tokens", "disable", code=2)
    home.run("workspace", "member-tokens", "disable", other["token_id"], code=1)  # nobody answers
    assert home.run("workspace", "member-tokens", "disable", other["token_id"], "-y").stdout == "✓ Disabled 1 token.\n"
    assert row()["disabled"] is True
    env = {"MODAL_TOKEN_ID": other["token_id"], "MODAL_TOKEN_SECRET": other["token_secret"]}
    assert "disabled" in home.run("token", "info", code=1, **env).stderr
    home.run("workspace", "member-tokens", "enable", other["token_id"], other["token_id"], "--yes")
    assert home.json("token", "info", "--json", **env)["name"] == "spare"
    home.run("workspace", "member-tokens", "delete", other["token_id"], "-y")
    assert "revoked" in home.run("token", "info", code=1, **env).stderr
    assert home.run("workspace", "member-tokens", "delete", "ak-none", "-y", code=1).stderr.startswith("Error: ")
    home.run("workspace", "member-tokens", "delete", "ak-none", "-y", "--allow-missing")


def test_service_users(home, server):
    home.sign_in(server)
    made = home.json("workspace", "service-users", "create", "nightly", "--expires-in", "1h", "--json")
    assert made["token_secret"].startswith("as-") and made["expires_at"]
    home.run("workspace", "service-users", "create", "nightly2", "--expires-in", "soon", code=2)
    info = home.json("workspace", "service-users", "info", "nightly", "--json")
    assert info in home.json("workspace", "service-users", "list", "--json") and info["environment_roles"].get("main") != "contributor"
    assert "before: no-access" in home.run("workspace", "service-users", "set-role", "nightly", "main", "contributor").stdout
    assert "already" in home.run("workspace", "service-users", "set-role", "nightly", "main", "contributor").stdout
    assert home.json("workspace", "service-users", "info", "nightly", "--json")["environment_roles"]["main"] == "contributor"
    text = home.run("token", "info", MODAL_TOKEN_ID=made["token_id"], MODAL_TOKEN_SECRET=made["token_secret"]).stdout
    assert "Service User: nightly" in text and "Expires at: " in text
    home.run("workspace", "service-users", "delete", "nightly", code=1)
    home.run("workspace", "service-users", "delete", "nightly", "-y")
    home.run("workspace", "service-users", "info", "nightly", code=1)
    home.run("workspace", "service-users", "delete", "nightly", "-y", code=1)
    home.run("workspace", "service-users", "delete", "nightly", "-y", "--allow-missing")


def test_proxy_tokens(home, server):
    home.sign_in(server)
    made = home.json("workspace", "proxy-tokens", "create", "--name", "shop", "--json")
    key = made["Modal-Key"]
    assert key.startswith("wk-") and made["Authorization"] == f"Bearer {key}.{made['Modal-Secret']}"
    home.run("workspace", "proxy-tokens", "update", key, "name", "kiosk")
    home.run("workspace", "proxy-tokens", "update", key, "colour", "red", code=2)
    row = next(t for t in home.json("workspace", "proxy-tokens", "list", "--json") if t["token_id"] == key)
    assert row["name"] == "kiosk" and isinstance(row["scoped"], bool)
    home.run("workspace", "proxy-tokens", "allow", key, "main")
    assert key in home.run("workspace", "proxy-tokens", "list", "-e", "main").stdout
    home.run("workspace", "proxy-tokens", "revoke", key, "main")
    home.run("workspace", "proxy-tokens", "delete", key, "-y")
    assert key not in home.run("workspace", "proxy-tokens", "list").stdout


def test_settings(home, server):
    home.sign_in(server)
    rows = home.json("workspace", "settings", "list", "--json")
    assert rows[0] == {"setting": "default-environment", "value": "main"}
    home.run("environment", "create", "second")
    out = home.run("workspace", "settings", "set", "default-environment", "second").stdout
    assert out == "✓ default-environment: updated from main to second\n"
    home.run("workspace", "settings", "set", "default-environment", "main")
    home.run("environment", "delete", "second", "-y")
    assert "there is no setting 'colour'" in home.run("workspace", "settings", "set", "colour", "red", code=1).stderr
