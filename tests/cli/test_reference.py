"""docs/reference/config.md against the program: each setting, its default, and what is said of a wrong value."""
import json
import pathlib
import re

import pytest

PAGE = (pathlib.Path(__file__).resolve().parents[2] / "docs/reference/config.md").read_text()


def rows(section):
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return {m[1]: (m[2].strip(), m[3].strip()) for m in re.finditer(r"^\| `(\w+)` \|([^|]*)\|[^|]*\|([^|]*)\|$", text, re.M)}


PUBLIC, INTERNAL = rows("Public settings"), rows("Internal settings")


def as_written(value):
    return "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value).removesuffix(".0")


def test_names_and_defaults(home):
    public = home.json("config", "show")
    every = home.json("config", "show", "--include-internal")
    assert list(PUBLIC) == list(public) and set(PUBLIC) | set(INTERNAL) == set(every) and list(INTERNAL) == sorted(INTERNAL)
    assert {k: default for k, (default, _) in (PUBLIC | INTERNAL).items()} == {k: as_written(v) for k, v in every.items()}


@pytest.mark.parametrize("name", PUBLIC | INTERNAL)
def test_what_is_said_of_a_wrong_value(home, name):
    says = (PUBLIC | INTERNAL)[name][1]
    variable = f"MODAL_{name.upper()}"
    out = home.run("config", "show", "--include-internal", code=0 if says == "-" else 1, **{variable: "no such value!"})
    if says != "-":
        assert f"Error: invalid value for {name}: 'no such value!' {says}" in out.stderr and f"(from environment variable {variable})" in out.stderr
