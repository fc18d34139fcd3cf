"""`setup`, `token new`, `token rotate`: against a server that answers as told, and against a real one as a browser would see it."""
import os
import re
import subprocess

import pytest
from browser import Browser
from conftest import IONIAN

FLOW = {"token_flow_id": "tf-1", "web_url": "https://pages.example/token-flow/tf-1", "code": "ABCD-2345", "wait_secret": "ws-1"}
PAIR = {"token_id": "ak-new", "token_secret": "as-new", "workspace_username": "halcyon"}
ANSWERS = {"TokenFlowCreate": FLOW, "TokenFlowWait": [{"timeout": True}, {**PAIR, "visit": True}], "ClientHello": {},
           "WorkspaceNameLookup": {"username": "halcyon"}, "TokenDelete": {}}
OLD = '[work]\nactive = true\ntoken_id = "ak-old"\ntoken_secret = "as-old"\n'


def calls(told, method):
    return [c for c in told if c.get("method") == method]


def test_setup(home, fake):
    server = fake(ANSWERS)
    out = home.run("setup", MODAL_SERVER_URL=server.url)
    assert out.stderr == "" and FLOW["web_url"] in out.stdout and "ABCD-2345" in out.stdout
    assert f"Token written to {home.file} in profile halcyon.\n" in out.stdout
    assert home.file.read_text() == (f'[halcyon]\nserver_url = "{server.url}"\ntoken_id = "ak-new"\ntoken_secret = "as-new"\n'
                                     "active = true\n")
    told = server.stop()
    flow = calls(told, "TokenFlowCreate")[0]
    assert flow["request"]["next_url"] == "/home" and "x-modal-token-id" not in flow["headers"]
    assert [c["request"]["wait_secret"] for c in calls(told, "TokenFlowWait")] == ["ws-1", "ws-1"]
    # The approving page's script reads the flow's id from this machine.
    assert {"visited": "tf-1", "cors": "*"} in told
    assert calls(told, "ClientHello")[0]["headers"]["x-modal-token-secret"] == "as-new"


def test_new_passes_its_options_on(home, fake):
    server = fake(ANSWERS)
    home.write(OLD)
    out = home.run("token", "new", "--expires-in", "12h", "--no-activate", "--no-verify", "--delete-existing", "--profile", "work",
                   MODAL_SERVER_URL=server.url, MODAL_TOKEN_ID="ak-env")
    assert "The MODAL_TOKEN_ID environment variable is set; this will override your new credentials." in out.stderr
    assert "Previous token in profile work has been deleted." in out.stdout
    told = server.stop()
    assert calls(told, "TokenFlowCreate")[0]["request"]["expires_in_seconds"] == 43200
    assert not calls(told, "ClientHello")
    deletion = calls(told, "TokenDelete")[0]
    assert deletion["request"] == {"token_id": "ak-old"} and deletion["headers"]["x-modal-token-secret"] == "as-old"


def test_lengths_of_time_that_are_none(home):
    for text in ("12", "h", "0d", "-1h", "1y", "99999999d"):
        err = home.run("token", "new", f"--expires-in={text}", code=2).stderr
        assert "length of time" in err


def test_rotate_keeps_the_profile(home, fake):
    server = fake(ANSWERS | {"TokenDelete": {"error": ["UNAUTHENTICATED", "gone already"]}})
    home.write(OLD)
    home.run("token", "rotate", MODAL_SERVER_URL=server.url)
    assert home.run("profile", "current").stdout == "work\n"
    assert 'token_id = "ak-new"' in home.file.read_text() and "halcyon" not in home.file.read_text()
    assert calls(server.stop(), "TokenDelete")


def test_rotate_without_a_token(home):
    err = home.run("token", "rotate", code=1, MODAL_SERVER_URL="http://127.0.0.1:1").stderr
    assert "profile default" in err and "`ionian token new`" in err


def test_an_old_token_that_stays_is_told(home, fake):
    server = fake(ANSWERS | {"TokenDelete": {"error": ["PERMISSION_DENIED", "not yours"]}})
    home.write(OLD)
    err = home.run("token", "rotate", code=1, MODAL_SERVER_URL=server.url).stderr
    assert err == "Error: the new token is stored, but the old one, ak-old, was not deleted: not yours\n"


@pytest.mark.parametrize("wrong", [{"TokenFlowWait": {"error": ["PERMISSION_DENIED", "refused on the page"]}},
                                   {"ClientHello": {"error": ["UNAUTHENTICATED", "not known"]}},
                                   {"TokenFlowCreate": {"error": ["RESOURCE_EXHAUSTED", "too many"]}}])
def test_a_failed_flow_writes_nothing(home, fake, wrong):
    home.write(OLD)
    server = fake(ANSWERS | wrong)
    text = next(iter(wrong.values()))["error"][1]
    assert home.run("token", "new", code=1, MODAL_SERVER_URL=server.url).stderr == f"Error: {text}\n"
    assert home.file.read_text() == OLD


def test_a_file_that_cannot_be_parsed_asks_nobody(home, fake):
    home.write("[a\n")
    server = fake(ANSWERS)
    assert "line 1" in home.run("setup", code=1, MODAL_SERVER_URL=server.url).stderr
    assert server.stop() == [] and home.file.read_text() == "[a\n"


def test_the_browser_is_opened(home, fake, tmp_path):
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    os.mkfifo(opened)
    browser.write_text(f"#!/bin/sh\necho \"$1\" >{opened}\n")
    browser.chmod(0o755)
    out = home.run("setup", MODAL_SERVER_URL=fake(ANSWERS).url, BROWSER=str(browser))
    assert "A page of your browser" in out.stdout and opened.read_text() == FLOW["web_url"] + "\n"


@pytest.fixture(scope="module")
def owner(server):
    browser = Browser(server.pages)
    page = browser.get(server.admin("owner-link")["url"])
    browser.submit(page, "/first-owner", name="Eleni", email="eleni@halcyon.example", password="four unrelated words", workspace="halcyon")
    return browser


def approve(home, owner, url, *words):
    process = subprocess.Popen([IONIAN, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=home.env | {"MODAL_SERVER_URL": url})
    text = ""
    while not re.search(r"code: \S+", text):
        line = process.stdout.readline()
        assert line, text
        text += line
    flow, code = re.search(r"/token-flow/(tc-\w+)", text)[1], re.search(r"code: (\S+)", text)[1]
    owner.submit(owner.get(f"/token-flow/{flow}"), f"/token-flow/{flow}", code=code, do="approve")
    out = process.communicate(timeout=30)[0]
    assert process.returncode == 0, text + out
    return text + out


def test_setup_and_rotate_with_a_real_server(home, server, owner):
    approve(home, owner, server.url, "setup")
    first = home.json("token", "info", "--json")
    assert home.run("profile", "current").stdout.strip() == first["workspace"] and first["user"]["name"] == "Eleni"
    old = home.file.read_text()
    approve(home, owner, server.url, "token", "rotate", "--expires-in", "7d")
    second = home.json("token", "info", "--json")
    assert second["token_id"] != first["token_id"] and second["expires_at"] is not None
    home.write(old)
    assert home.run("token", "info", code=1).stderr.startswith("Error: ")


def test_rotate_with_an_overlap_lets_the_old_pair_go_on(home, server, owner):
    approve(home, owner, server.url, "setup")
    old = home.file.read_text()
    first = home.json("token", "info", "--json")
    assert home.run("token", "rotate", "--overlap", "soon", code=2).stderr.count("--overlap takes a length of time") == 1
    assert "goes on until" in approve(home, owner, server.url, "token", "rotate", "--overlap", "24h")
    assert home.json("token", "info", "--json")["token_id"] != first["token_id"]
    home.write(old)
    still = home.json("token", "info", "--json")
    assert still["token_id"] == first["token_id"] and still["expires_at"] is not None
