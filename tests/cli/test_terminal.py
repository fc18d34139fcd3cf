"""What only a terminal gets: colour, a moving sign, and neither where they are not wanted."""
import os
import pty
import subprocess

from conftest import IONIAN
from test_token_flow import ANSWERS


def on_terminal(home, *words, **env):
    """All that a command writes to its terminal, and its exit code."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([IONIAN, *words], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                               env=home.env | {"TERM": "xterm"} | env)
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 4096):
            seen += data
    except OSError:  # the command has ended
        pass
    os.close(ours)
    return seen.decode(), process.wait(20)


def test_the_sign_moves_and_goes(home, fake):
    text, code = on_terminal(home, "setup", MODAL_SERVER_URL=fake(ANSWERS).url)
    assert code == 0 and "\r\x1b[K⠋ Waiting for the approval" in text and text.rindex("\r\x1b[K") < text.index("Approved.")


def test_no_sign_and_no_colour_unless_wanted(home, fake):
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        text, code = on_terminal(home, "setup", MODAL_SERVER_URL=fake(ANSWERS).url, **env)
        assert code == 0 and "\x1b" not in text and "Approved." in text
    assert "\x1b" not in home.run("setup", MODAL_SERVER_URL=fake(ANSWERS).url).stdout


def test_colour_of_tables_and_marks(home):
    text, code = on_terminal(home, "doctor", MODAL_SERVER_URL="http://127.0.0.1:1")
    assert code == 1 and "\x1b[32m✓\x1b[0m" in text and "\x1b[31m✗\x1b[0m" in text
    text, _ = on_terminal(home, "doctor", MODAL_SERVER_URL="http://127.0.0.1:1", NO_COLOR="1")
    assert "\x1b" not in text and "✗" in text
