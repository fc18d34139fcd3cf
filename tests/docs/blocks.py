#!/usr/bin/env python3
"""usage: blocks.py GO_FOLDER [GUIDE]    Writes each Go program of the guides, or of this one, into a package of its own below the folder.

The fenced blocks of the guides, and what the comment before each one says about its test:

    <!-- test: shell -->              runs in bash; what it exports holds for the section's later blocks
    <!-- test: shell, exit 1 -->      and must end with this code
    <!-- test: output -->             what the block before printed; … stands for anything within a line, a line of … for any lines
    <!-- test: python -->             a program, run; also javascript, go, cpp
    <!-- test: program -->            one for `modal run`: tests/conformance runs it, where there are images for its containers
    <!-- test: old -->                one for `modal run` of an older client, there as well
    <!-- test: settings -->           the text of ~/.modal.toml
    <!-- test: unit -->               a file of systemd
    <!-- test: none, because … -->    not run
    <!-- test: given a server -->     before no block: what the section begins with (world.py)
"""
import hashlib
import pathlib
import re
import sys

GUIDES = [pathlib.Path(__file__).resolve().parents[2] / "docs/guide" / name for name in ("authentication.md", "self-hosting.md", "data.md")]
KINDS = ("shell", "output", "python", "program", "old", "javascript", "go", "cpp", "settings", "unit", "none")
COMMENT = re.compile(r"<!-- test: (given )?(.*?) -->")


class Block:
    def __init__(self, guide, line, kind, text, code=0):
        self.guide, self.line, self.kind, self.text, self.code = guide, line, kind, text, code
        self.place = f"{guide.name}:{line}"

    @property
    def name(self):
        return f"{self.kind}-{hashlib.sha256(self.text.encode()).hexdigest()[:12]}"


class Section:
    """A heading of the second level with its blocks, in their order, and what they begin with."""

    def __init__(self, guide, title):
        self.guide, self.title, self.givens, self.blocks = guide, title, [], []


def instruction(guide, line, text):
    """(kind, exit code) of a comment."""
    kind, _, rest = text.partition(", ")
    assert kind in KINDS, f"{guide.name}:{line}: no such test: {kind}"
    if kind == "none":
        assert rest.startswith("because "), f"{guide.name}:{line}: a block that is not run says why"
        return kind, 0
    code = re.fullmatch(r"(?:exit (\d+))?", rest)
    assert code, f"{guide.name}:{line}: not understood: {rest}"
    return kind, int(code[1] or 0)


def pattern_of(text):
    """What the text shows, as a pattern: … is anything within a line, a line of … any lines."""
    lines = [r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line).replace("…", ".*?") + r"[ ]*\n" for line in text.splitlines()]
    return re.compile("".join(lines))


def sections_of(guide):
    found, pending, fence, title = [Section(guide, "(begin)")], None, None, None
    for number, line in enumerate(guide.read_text().splitlines(), 1):
        if fence:
            if line.strip() == "```":
                found[-1].blocks.append(Block(guide, fence[0], fence[1], "\n".join(fence[3]) + "\n", fence[2]))
                fence = None
            else:
                fence[3].append(line)
            continue
        comment = COMMENT.fullmatch(line.strip())
        if line.startswith("```"):
            assert pending, f"{guide.name}:{number}: this block has no comment that says how it is tested"
            fence, pending = (number, *pending, []), None
        elif comment:
            assert not pending, f"{guide.name}:{number}: two comments, and no block between"
            if comment[1]:
                found[-1].givens.append(comment[2])
            else:
                pending = instruction(guide, number, comment[2])
        else:
            assert "<!-- test" not in line, f"{guide.name}:{number}: not understood: {line}"
            assert not pending, f"{guide.name}:{number}: the comment before has no block"
            if title := re.fullmatch(r"## (.*)", line):
                found.append(Section(guide, title[1]))
    assert not fence and not pending, f"{guide.name}: a block does not end"
    return found


def all_sections():
    return [section for guide in GUIDES for section in sections_of(guide)]


if __name__ == "__main__":
    chosen = sections_of(pathlib.Path(sys.argv[2])) if sys.argv[2:] else all_sections()
    for one in (block for section in chosen for block in section.blocks if block.kind == "go"):
        package = pathlib.Path(sys.argv[1]) / one.name
        package.mkdir(parents=True, exist_ok=True)
        (package / "main.go").write_text(one.text)
