"""`environment …` and `config set-environment|set`, against a real server."""
import os
import pty
import subprocess

from conftest import IONIAN


def names(home):
    return [e["name"] for e in home.json("environment", "list", "--json")]


def test_create_update_delete(home, server):
    home.sign_in(server)
    assert home.run("environment", "create", "tidal").stdout == "✓ Environment created: tidal\n"
    assert "tidal" in names(home)
    assert home.run("environment", "create", "tidal", code=1).stderr.startswith("Error: ")
    home.run("environment", "update", "tidal", "--set-name", "ebb", "--set-web-suffix", "ebb", "--set-image-builder-version", "2025.06")
    row = next(e for e in home.json("environment", "list", "--json") if e["name"] == "ebb")
    assert row == {"name": "ebb", "web_suffix": "ebb", "image_builder_version": "2025.06", "active": "False"}
    assert home.run("environment", "list").stdout.startswith("name")
    assert home.run("environment", "delete", "ebb", "--yes").stdout == "✓ Environment deleted: ebb\n"
    assert "ebb" not in names(home)


def test_wrong_use(home, server):
    home.sign_in(server)
    home.run("environment", "update", "main", code=2)
    home.run("environment", "create", code=2)
    home.run("environment", "roles", "update", "main", "ada", "--role", "boss", code=2)
    for name in ("-a", "en-a", "a.b", "a" * 65, ""):
        assert "cannot be an environment's name" in home.run("environment", "create", "--", name, code=1).stderr
    assert "nowhere" in home.run("environment", "delete", "nowhere", code=1).stderr


def answer_on_terminal(home, text, *words):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([IONIAN, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=home.env, start_new_session=True)
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(ours, 1000)
    os.write(ours, text)
    code = process.wait(20)
    os.close(ours)
    return code


def test_deletion_asks_first(home, server):
    home.sign_in(server)
    home.run("environment", "create", "asked")
    out = home.run("environment", "delete", "asked", code=1)
    assert "[y/N]" in out.stdout and "--yes" in out.stderr
    assert answer_on_terminal(home, b"n\n", "environment", "delete", "asked") == 1 and "asked" in names(home)
    assert answer_on_terminal(home, b"y\n", "environment", "delete", "asked") == 0 and "asked" not in names(home)


def test_roles(home, server):
    home.sign_in(server)
    home.run("environment", "create", "closed", "--restricted", "--default-role", "viewer")
    home.run("workspace", "service-users", "create", "rower")
    home.run("environment", "roles", "update", "closed", "rower", "--role", "contributor", "--service-user")
    roles = home.json("environment", "roles", "list", "closed", "--json")
    assert roles["service_users"]["rower"] == "contributor" and set(roles) == {"users", "service_users"}
    assert "rower (service user)  contributor" in home.run("environment", "roles", "list", "closed", "--exclude-default").stdout
    assert "no user named 'nobody'" in home.run("environment", "roles", "update", "closed", "nobody", "--role", "viewer", code=1).stderr
    home.run("workspace", "service-users", "delete", "rower", "-y")
    home.run("environment", "delete", "closed", "-y")


def test_config_set_environment(home, server):
    home.sign_in(server)
    before = home.file.read_text()
    err = home.run("config", "set-environment", "nowhere", code=1).stderr
    assert "nowhere" in err and home.file.read_text() == before
    out = home.run("config", "set-environment", "main", MODAL_ENVIRONMENT="other")
    assert out.stdout == "New default environment for profile home: main\n" and "MODAL_ENVIRONMENT environment variable" in out.stderr
    assert home.json("config", "show")["environment"] == "main"
    assert next(e for e in home.json("environment", "list", "--json") if e["name"] == "main")["active"] == "True"


def test_config_set_writes_any_key(home):
    home.run("config", "set", "loglevel", "debug")
    home.run("config", "set", "own", "x # y")
    assert home.file.read_text() == '[default]\nloglevel = "debug"\nown = "x # y"\n'
    assert "set-environment" in home.run("config", "--help").stdout and "Write any key" not in home.run("config", "--help").stdout
