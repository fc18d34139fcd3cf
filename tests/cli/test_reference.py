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


GUIDE = (pathlib.Path(__file__).resolve().parents[2] / "docs/guide/self-hosting.md").read_text()


def test_bounds_of_the_server_are_those_of_the_guide(home):
    table = GUIDE.split("\n## Bounds\n")[1].split("\n## ")[0]
    told = {m[1]: int(m[2].replace(",", "")) for m in re.finditer(r"^\| `(--[\w-]+)` \|[^|]*\| ([\d,]+)[^|]*\|$", table, re.M)}
    assert len(told) >= 12, told
    text = home.run("serve", "--help").stdout
    for option, value in told.items():
        about = re.search(rf"^ +{option} .*?(?=^ +--|^\S)", text, re.M | re.S)[0]
        assert f"={value} " in about.replace("\n", " ") or f"{value:,} if not said" in about, (option, value, about)


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
