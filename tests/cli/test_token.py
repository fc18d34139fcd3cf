"""`token set` and `token info`, on pipes and on a terminal."""
import os
import pty
import signal
import subprocess
import termios

from conftest import IONIAN

PAIR = ("--token-id", "ak-1", "--token-secret", "-")


def test_no_verify_asks_no_server(home):
    out = home.run("token", "set", *PAIR, "--no-verify", stdin="as-SECRET\n")
    assert out.stdout == f"Token written to {home.file} in profile default.\n" and out.stderr == ""
    assert home.file.read_text() == '[default]\nserver_url = "http://127.0.0.1:8713"\ntoken_id = "ak-1"\ntoken_secret = "as-SECRET"\nactive = true\n'
    assert home.file.stat().st_mode & 0o777 == 0o600


def test_both_from_a_pipe(home):
    home.run("token", "set", "--token-id", "-", "--token-secret", "-", "--no-verify", "--profile", "ci", stdin="ak-2\r\nas-2\r\n")
    assert 'token_id = "ak-2"\ntoken_secret = "as-2"\n' in home.file.read_text() and home.file.read_text().startswith("[ci]")


def test_the_rest_of_the_file_stays(home):
    before = '# mine\n[a] # first\nactive = true # home\nodd = [1, 2]\n\n[b]\n'
    home.write(before, 0o644)
    home.run("token", "set", *PAIR, "--no-verify", "--no-activate", "--profile", "b", stdin="as-1\n")
    assert home.file.read_text().startswith(before) and home.file.stat().st_mode & 0o777 == 0o600
    assert home.run("profile", "current").stdout == "a\n"
    home.run("token", "set", *PAIR, "--no-verify", "--profile", "b", stdin="as-1\n")
    assert "active = false # home" in home.file.read_text()
    assert home.run("profile", "current").stdout == "b\n"


def test_warnings(home):
    out = home.run("token", "set", "--token-id", "ak-1", "--token-secret", "as-SECRET", "--no-verify", MODAL_TOKEN_ID="ak-9", MODAL_TOKEN_SECRET="as-9")
    assert "process list" in out.stderr
    assert "The MODAL_TOKEN_ID / MODAL_TOKEN_SECRET environment variables are set; this will override your new credentials." in out.stderr
    assert "as-SECRET" not in out.stderr + out.stdout


def test_what_is_no_token_is_refused(home):
    for secret, says in (("", "is empty"), ("as- 1", "white space"), ("as-é", "white space")):
        err = home.run("token", "set", *PAIR, "--no-verify", stdin=secret + "\n", code=1).stderr
        assert err.startswith("Error: ") and says in err and "as-" not in err.replace("as-…", "")
    assert "the input has ended" in home.run("token", "set", *PAIR, "--no-verify", code=1).stderr
    assert not home.file.exists()


def test_a_failed_command_overwrites_nothing(home):
    home.write("[a\n")
    home.run("token", "set", *PAIR, "--no-verify", stdin="as-1\n", code=1)
    assert home.file.read_text() == "[a\n"
    home.file.unlink()
    err = home.run("token", "set", *PAIR, stdin="as-1\n", code=1, MODAL_SERVER_URL="http://127.0.0.1:1").stderr
    assert "Error: cannot reach http://127.0.0.1:1" in err and "server_url (from environment variable MODAL_SERVER_URL)" in err
    assert not home.file.exists()
    err = home.run("token", "set", *PAIR, "--no-verify", stdin="as-1\n", code=1, MODAL_IS_REMOTE="1").stderr
    assert "inside a container" in err


def read_until(fd, text):
    seen = b""
    while text not in seen:
        seen += os.read(fd, 1000)
    return seen


def echo_is_on(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)


def on_terminal(home, *words):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([IONIAN, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=home.env, start_new_session=True,
                               preexec_fn=lambda: os.close(os.open(os.ttyname(theirs), os.O_RDWR)))
    return process, ours, theirs


def test_prompts_without_echo(home):
    process, ours, theirs = on_terminal(home, "token", "set", "--no-verify")
    read_until(ours, b"Token ID: ")
    assert not echo_is_on(theirs)
    os.write(ours, b"ak-7\n")
    read_until(ours, b"Token secret: ")
    os.write(ours, b"as-HIDDEN\n")
    seen = read_until(ours, b"Token written to")
    assert process.wait(10) == 0 and b"HIDDEN" not in seen and echo_is_on(theirs)
    assert 'token_secret = "as-HIDDEN"' in home.file.read_text()


def test_echo_comes_back_after_ctrl_c(home):
    for words in (("--token-id", "ak-1", "--token-secret", "-"), ("--token-id", "ak-1")):
        process, ours, theirs = on_terminal(home, "token", "set", "--no-verify", *words)
        read_until(ours, b"Token secret: ")
        assert not echo_is_on(theirs)
        os.write(ours, b"\x03")
        assert process.wait(10) == -signal.SIGINT and echo_is_on(theirs)
        assert not home.file.exists()


def test_verified_and_named_by_the_server(home, server):
    pair = server.token("laptop")
    out = home.run("token", "set", "--token-id", pair["token_id"], "--token-secret", "-", stdin=pair["token_secret"] + "\n", MODAL_SERVER_URL=server.url)
    profile = pair["workspace"]
    assert out.stdout == (f"Verifying token against {server.url}\nToken verified successfully!\n"
                          f"Token written to {home.file} in profile {profile}.\n")
    assert home.run("profile", "current").stdout == profile + "\n"
    info = home.json("token", "info", "--json")
    assert info["token_id"] == pair["token_id"] and info["workspace"] == profile and info["environment_variables"] == []
    text = home.run("token", "info", MODAL_TOKEN_ID=pair["token_id"]).stdout
    assert text.startswith(f"(Using MODAL_TOKEN_ID environment variable)\nToken: {pair['token_id']}\n")


def test_a_wrong_secret_is_not_written(home, server):
    pair = server.token()
    err = home.run("token", "set", "--token-id", pair["token_id"], "--token-secret", "-", stdin="as-wrong\n", code=1, MODAL_SERVER_URL=server.url).stderr
    assert err.startswith("Error: ") and "as-wrong" not in err and not home.file.exists()


def test_info_without_credentials(home):
    err = home.run("token", "info", code=1).stderr
    assert err.startswith("Error: no credentials: neither MODAL_TOKEN_ID") and "ionian setup" in err
