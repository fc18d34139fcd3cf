"""Every program of the guide to functions, run as the guide says, prints what the guide shows."""
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests/docs"))
from blocks import pattern_of, sections_of  # noqa: E402

SECTIONS = [section for section in sections_of(REPOSITORY / "docs/guide/functions.md") if section.blocks]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.title)
def test_section(client, section):
    printed = None
    for block in section.blocks:
        if block.kind == "python":
            out = client.run("run", client.write(block.text, f"{block.name}.py"), check=block.code == 0, timeout=400)
            assert out.returncode == block.code, out.stdout + out.stderr
            # A refusal comes in a box, broken into lines.
            printed = out.stdout if block.code == 0 else " ".join(out.stderr.replace("│", " ").split()) + "\n"
        elif block.kind == "shell":
            out = subprocess.run(["bash", "-euc", block.text], capture_output=True, text=True, timeout=400, env=client.env, cwd=client.folder)
            assert out.returncode == block.code, out.stdout + out.stderr
            printed = out.stdout
        else:
            assert block.kind == "output" and pattern_of(block.text).search(printed), f"{block.place}: {printed}"
