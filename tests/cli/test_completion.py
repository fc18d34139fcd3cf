"""Completion in a real bash (zsh and fish where the machine has them), and the man pages."""
import re
import shutil
import subprocess

import pytest
from conftest import IONIAN


def complete(home, line):
    """What bash offers at the end of `line`."""
    home.run("completion", "bash")
    script = f"""
source <({IONIAN} completion bash)
words=({line.replace('ionian', IONIAN, 1)}); [[ '{line}' == *' ' ]] && words+=('')
COMP_WORDS=("${{words[@]}}"); COMP_CWORD=$((${{#words[@]}} - 1))
_ionian
printf '%s\\n' "${{COMPREPLY[@]}}"
complete -p ionian"""
    out = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=home.env)
    assert out.returncode == 0 and out.stderr == "", out.stderr
    assert "-F _ionian ionian" in out.stdout
    return out.stdout.split("complete -")[0].split()


def test_bash(home):
    assert {"setup", "token", "workspace", "doctor", "--profile"} <= set(complete(home, "ionian "))
    assert complete(home, "ionian tok") == ["token"]
    assert {"set", "new", "rotate", "info"} <= set(complete(home, "ionian token "))
    assert complete(home, "ionian --profile x token set --verif") == ["--verify"]
    assert "manual" not in complete(home, "ionian ") and "--set-name" in complete(home, "ionian environment update --s")
    home.write("[alpha]\nactive = true\n[beta]\n")
    assert complete(home, "ionian profile activate ") == ["alpha", "beta"]
    assert complete(home, "ionian token info --profile b") == ["beta"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_the_script(home, shell):
    script = home.run("completion", shell).stdout
    assert "service-users" in script and "rotate" in script
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    out = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, env=home.env)
    assert out.returncode == 0 and out.stderr == ""


def test_wrong_shell(home):
    home.run("completion", "tcsh", code=2)
    home.run("completion", code=2)


def commands(home, *words):
    """Every command, found by what --help shows."""
    text = home.run(*words, "--help").stdout
    found = re.findall(r"^  (\w[\w-]*)  ", text.split("Subcommands:")[1], re.M) if "Subcommands:" in text else []
    yield words
    for name in found:
        yield from commands(home, *words, name)


def test_every_command_has_a_man_page(home, tmp_path):
    home.run("manual", str(tmp_path / "man"))
    pages = {p.name for p in (tmp_path / "man").iterdir()}
    wanted = {"-".join(("ionian", *words)) + ".1" for words in commands(home)}
    assert pages == wanted and "ionian-workspace-service-users-set-role.1" in pages
    for page in sorted((tmp_path / "man").iterdir()):
        out = subprocess.run(["groff", "-man", "-ww", "-z", "-Tutf8", "-k", str(page)], capture_output=True, text=True)
        assert (out.returncode, out.stderr) == (0, ""), page.name
    shown = subprocess.run(["groff", "-man", "-Tascii", "-P-cbou", str(tmp_path / "man" / "ionian-token-set.1")], capture_output=True, text=True).stdout
    assert "--token-secret TEXT" in shown and "asked for, without echo" in " ".join(shown.split())


def test_help_ends_with_the_page(home):
    for words in list(commands(home))[1:]:
        text = home.run(*words, "--help").stdout
        if "Subcommands:" not in text and words != ("version",):
            _, _, page = text.split("Options:")[1].partition("\n\n")
            assert page.strip(), words
