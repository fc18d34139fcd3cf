"""Every program of the guides to functions and to images, and those of the guide to data that have containers, run as the guide says, print what the guide shows; and so does
the first one of `make run`."""
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests/docs"))
from conftest import IONIAN, Client, Server  # noqa: E402
from blocks import pattern_of, sections_of  # noqa: E402
from test_languages import FLOWS  # noqa: E402

SECTIONS = [section for guide in ("functions", "images") for section in sections_of(REPOSITORY / f"docs/guide/{guide}.md")
            if any(block.kind != "none" for block in section.blocks)]
# test_cloud_buckets.py has the bucket that its program needs.
OF_DATA = [section for section in sections_of(REPOSITORY / "docs/guide/data.md")
           if any(block.kind == "program" for block in section.blocks) and section.title != "Cloud buckets"]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_section(client, section):
    run_blocks(client, section.blocks)


@pytest.mark.parametrize("section", OF_DATA, ids=lambda section: section.title)
def test_programs_of_the_guide_to_data(client, section):
    """What comes after the programs, tests/docs runs."""
    client.env["PYTHONPATH"] = os.environ["IONIAN_DOTENV"]  # as if python-dotenv were installed
    last = max(at for at, block in enumerate(section.blocks) if block.kind == "program")
    run_blocks(client, section.blocks[:last + 2])


def run_blocks(client, blocks):
    printed = None
    for block in blocks:
        if block.kind == "none":
            continue
        if block.kind in ("python", "program", "old"):
            runner = Client(client.server, client.folder, "old") if block.kind == "old" else client
            file = runner.write(block.text, f"{block.name}.py")
            # One without an app has nothing for `modal run`.
            out = runner.run("run", file, check=block.code == 0) if "modal.App(" in block.text else runner.python(file, check=block.code == 0)
            assert out.returncode == block.code, out.stdout + out.stderr
            # A refusal comes in a box, broken into lines.
            printed = out.stdout if block.code == 0 else " ".join(out.stderr.replace("│", " ").split()) + "\n"
        elif block.kind == "shell":
            printed = in_the_shell(client, block)
        elif block.kind in ("javascript", "go"):
            printed = in_another_language(client, block)
        else:
            assert block.kind == "output" and pattern_of(block.text).search(printed), f"{block.place}: {printed}"


def in_the_shell(client, block):
    """What it exports holds for the section's later blocks, but for its PATH."""
    text = block.text.replace("/var/lib/ionian", str(client.server.folder / "data"))
    path = f"{client.env['PATH']}:{pathlib.Path(IONIAN).parent}"
    with tempfile.NamedTemporaryFile("r") as exported:
        out = subprocess.run(["bash", "-euc", f"trap 'env -0 > {exported.name}' EXIT\n{text}"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                             timeout=400, env=client.env | {"PATH": path}, cwd=client.folder)
        entries = [entry.partition("=") for entry in exported.read().split("\0")]
    assert out.returncode == block.code, out.stdout + out.stderr
    client.env |= {name: value for name, equals, value in entries if equals and name not in ("_", "SHLVL", "PWD", "OLDPWD", "PATH")}
    return out.stdout


def in_another_language(client, block):
    if block.kind == "go":
        words = [FLOWS / "guide" / block.name]
    else:
        modules = client.folder / "node_modules"
        if not modules.exists():
            modules.symlink_to(FLOWS / "node_modules")
        words = ["node", client.write(block.text, f"{block.name}.mjs")]
    out = subprocess.run(words, capture_output=True, text=True, timeout=120, env=client.env | {"PATH": os.environ["PATH"]}, cwd=client.folder)
    assert out.returncode == block.code, out.stdout + out.stderr
    return out.stdout


def test_what_make_run_runs(tmp_path, built):
    Server(tmp_path).take_over(built)
    out = subprocess.run([REPOSITORY / "tools/run-hello", IONIAN, REPOSITORY / "examples/hello.py", tmp_path / "data"], capture_output=True, text=True,
                         timeout=400)
    assert out.returncode == 0, out.stdout + out.stderr
    for wanted in ("first call: 25 (", "second call: 36 (", "map: [0, 1, 4, 9, 16]", "== done in ", "What to try next:"):
        assert wanted in out.stdout, out.stdout
