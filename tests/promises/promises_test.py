#!/usr/bin/env python3
"""Each promise has a test that is there: a test that is renamed or taken away takes its promise along, and that fails here."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def tests_of(path):
    text = path.read_text()
    if path.suffix == ".py":
        return set(re.findall(r"def test_(\w+)\(", text))
    return set(re.findall(r"^TEST(?:_F|_P)?\(\w+,\s*(\w+)\)", text, re.M))


def problems(text):
    row, kept = None, True
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if not kept:
                yield f"line {number}: no test holds “{row}”"
            row, kept = line, False
            continue
        name, *wanted = line.split()
        path = ROOT / name
        there = tests_of(path) if path.exists() else set()
        kept = kept or bool(wanted)
        yield from (f"line {number}: {name} has no test {test}" for test in wanted if test not in there)
    if not kept:
        yield f"the last line: no test holds “{row}”"


def main():
    # The check itself: a row without a test and a test that is not there are found.
    found = list(problems("a\nb\n  tests/promises/promises_test.py nothing\nc\n"))
    assert len(found) == 3, found
    bad = [f"{file.name}: {problem}" for file in sorted(HERE.glob("*.txt")) if file.name != "CMakeLists.txt" for problem in problems(file.read_text())]
    print("\n".join(bad) or "each promise has its tests")
    sys.exit(bool(bad))


main()
