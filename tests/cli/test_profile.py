"""`profile list`, `activate`, `current`."""
import json
import socket
import subprocess
import time

from conftest import IONIAN


def test_activate_and_current(home):
    home.write("[a] # one\nactive = true\n[b]\nenvironment = \"dev\"\n")
    assert home.run("profile", "activate", "b").stdout == "Active profile: b\nActive environment: dev\n"
    assert home.file.read_text() == "[a] # one\n[b]\nenvironment = \"dev\"\nactive = true\n"
    assert home.run("profile", "current").stdout == "b\n"
    err = home.run("profile", "activate", "c", code=1).stderr
    assert err == f"Error: no profile named 'c' in {home.file}\n"


def test_activate_mends_a_file_with_two_active_profiles(home):
    home.write("[a]\nactive = true\nenvironment = \"x\"\n[b]\nactive = true\nenvironment = \"y\"\n")
    assert "more than one profile is active" in home.run("token", "info", code=1).stderr
    home.run("profile", "activate", "b")
    assert home.run("profile", "current").stdout == "b\n"


def test_list_without_a_file(home):
    assert home.json("profile", "list", "--json") == []


def profile(name, url, pair, more=""):
    return f"[{name}]\nserver_url = \"{url}\"\ntoken_id = \"{pair['token_id']}\"\ntoken_secret = \"{pair['token_secret']}\"\n{more}"


def test_list_tells_failures_apart(home, server):
    pair = server.token()
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    quiet = f"http://127.0.0.1:{silent.getsockname()[1]}"
    home.write(profile("good", server.url, pair, "active = true\n") + profile("bad", server.url, pair | {"token_secret": "as-wrong"}) +
               profile("quiet", quiet, pair) + profile("gone", "http://127.0.0.1:1", pair) + profile("odd", "ftp://x", pair) + "[half]\ntoken_id = \"ak-1\"\n")
    started = time.monotonic()
    rows = home.json("profile", "list", "--json")
    assert time.monotonic() - started < 60  # the silent one is given up
    assert rows == [
        {"name": "good", "workspace": pair["workspace"], "active": True},
        {"name": "bad", "workspace": "Unknown (authentication failure)", "active": False},
        {"name": "quiet", "workspace": "Unknown (timed out)", "active": False},
        {"name": "gone", "workspace": "Unknown (profile misconfigured)", "active": False},
        {"name": "odd", "workspace": "Unknown (profile misconfigured)", "active": False},
        {"name": "half", "workspace": "Unknown (authentication failure)", "active": False},
    ]
    silent.close()


def test_list_as_a_table(home, server):
    pair = server.token()
    home.write(profile("good", server.url, pair, "active = true\n") + profile("other", server.url, pair))
    table = home.run("profile", "list").stdout
    assert table == f"  Profile   Workspace\n• good      {pair['workspace']}\n  other     {pair['workspace']}\n"
    overridden = home.run("profile", "list", MODAL_TOKEN_ID=pair["token_id"], MODAL_TOKEN_SECRET="as-wrong").stdout
    assert overridden.endswith("Using Unknown (authentication failure) workspace based on environment variables\n")


def test_profiles_are_asked_side_by_side(home):
    """Nobody is answered, so one after the other the first would be given up before the second is asked."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(10)]
    home.write("".join(profile(f"p{i}", f"http://127.0.0.1:{listener.getsockname()[1]}", {"token_id": "ak-1", "token_secret": "as-1"})
                       for i, listener in enumerate(listeners)))
    asking = subprocess.Popen([IONIAN, "profile", "list", "--json"], env=home.env, stdout=subprocess.PIPE, text=True)
    callers = []
    for listener in listeners:
        listener.settimeout(60)
        callers.append(listener.accept()[0])
    for caller in callers:
        caller.settimeout(60)
        assert caller.recv(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "one was given up before the last was asked"
    for opened in callers + listeners:
        opened.close()
    assert len(json.loads(asking.communicate(timeout=60)[0])) == 10
