"""Each section of the guides: its snippets run in order, and print what the text says they print."""
import os
import re
import shutil

import pytest
from blocks import all_sections, pattern_of
from world import World, compile_cpp

SECTIONS = [section for section in all_sections() if section.blocks]
# Where systemd is not installed: what a line of a unit may look like.
UNIT_LINE = r"\[(Unit|Service|Install)\]|(Description|Wants|After|ExecStart|StateDirectory|StateDirectoryMode|CacheDirectory|Environment|Restart|KillMode|" \
            r"TimeoutStopSec|WantedBy)=.+"


def run_python(world, block):
    return world.run(["python", "-c", block.text])


def run_javascript(world, block):
    program = world.home / f"{block.name}.mjs"
    program.write_text(block.text)
    return world.run(["node", str(program)])


def run_go(world, block):
    return world.run([f"{os.environ['IONIAN_GO_PROGRAMS']}/{block.name}"])


def run_cpp(world, block):
    program = world.home / block.name
    compile_cpp(block.text, program)
    return world.run([str(program)])


def run_settings(world, block):
    file = world.home / ".modal.toml"
    file.write_text(world.at_home(block.text))
    file.chmod(0o600)
    return world.run(["ionian", "config", "show"])


def run_unit(world, block):
    world.unit.write_text(world.at_home(block.text))
    if shutil.which("systemd-analyze"):
        return world.run(["systemd-analyze", "verify", "--man=no", str(world.unit)])
    unknown = [line for line in block.text.splitlines() if line and not re.fullmatch(UNIT_LINE, line)]
    return len(unknown), "\n".join(unknown)


RUNNERS = {"shell": lambda world, block: world.shell(block.text), "python": run_python, "javascript": run_javascript, "go": run_go, "cpp": run_cpp,
           "settings": run_settings, "unit": run_unit}


@pytest.fixture
def world():
    here = World()
    yield here
    here.end()


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: f"{section.guide.stem}: {section.title}")
def test_section(world, section):
    for given in section.givens:
        getattr(world, "given_" + given.replace(" ", "_"))()
    printed = None
    for before, block in zip([None, *section.blocks], section.blocks):
        if block.kind in ("none", "program"):
            printed = None
        elif block.kind == "output" and before.kind == "program":
            continue
        elif block.kind == "output":
            assert printed is not None, f"{block.place}: no block before printed anything"
            wanted = world.folders_in(block.text)
            assert pattern_of(wanted).fullmatch(printed), f"{block.place}: the text shows\n{wanted}\nand it printed\n{printed}"
        else:
            code, printed = RUNNERS[block.kind](world, block)
            assert code == block.code, f"{block.place}: exit code {code}\n{printed}"
            if block.kind == "unit":
                assert printed == "", f"{block.place}: {printed}"


def test_the_four_languages_stand_side_by_side():
    """Wherever one language is shown in a section of authentication.md, so are the others, except where the text says why not."""
    for section in (one for one in SECTIONS if one.guide.stem == "authentication"):
        kinds = {block.kind for block in section.blocks} & {"python", "javascript", "go", "cpp"}
        assert len(kinds) in (0, 2, 4), f"{section.guide.name}, {section.title}: only {kinds}"
