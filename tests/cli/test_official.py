"""What scripts read: the same command of the official client and ours, field by field, against the same live server."""
import json
import re

import pytest

TIMES = ("last_used_at", "last_active")  # each call moves them


def same(ours, theirs):
    """Equal but for times of use, which may differ by the calls of the test itself."""
    def still(value):
        if isinstance(value, list):
            return [still(v) for v in value]
        if isinstance(value, dict):
            return {k: "TIME" if k in TIMES and v else still(v) for k, v in value.items()}
        return value
    assert still(ours) == still(theirs)
    assert json.dumps(still(ours)) == json.dumps(still(theirs))  # the order of the keys too


@pytest.fixture
def signed_in(home, server):
    home.sign_in(server)
    return home


@pytest.mark.parametrize("words", ["profile list", "environment list", "workspace members list", "workspace member-tokens list",
                                   "workspace service-users list", "workspace service-users info crew", "workspace proxy-tokens list",
                                   "workspace proxy-tokens list -e main", "workspace settings list", "environment roles list main",
                                   "environment roles list main --exclude-default"])
def test_json(signed_in, words):
    home = signed_in
    home.run("workspace", "service-users", "create", "crew", "--expires-in", "1d")
    home.run("workspace", "service-users", "set-role", "crew", "main", "viewer")
    key = home.json("workspace", "proxy-tokens", "create", "--name", "stall", "--json")["Modal-Key"]
    home.run("workspace", "proxy-tokens", "allow", key, "main")
    try:
        words = (*words.split(), "--json")
        theirs = json.loads(home.official(*words).stdout)
        assert theirs
        same(home.json(*words), theirs)
    finally:
        home.run("workspace", "service-users", "delete", "crew", "-y")
        home.run("workspace", "proxy-tokens", "delete", key, "-y")


def test_what_is_made_has_the_same_fields(signed_in):
    home = signed_in

    def shape(value):
        return {k: re.sub(r"[0-9A-Za-z]{20,}|\d\d:\d\d:\d\d", "…", v) if isinstance(v, str) else v for k, v in value.items()}
    for words in (("service-users", "create", "pair", "--expires-in", "1d"), ("service-users", "create", "pair"), ("proxy-tokens", "create")):
        made = []
        for run in (home.run, home.official):
            made.append(shape(json.loads(run("workspace", *words, "--json").stdout)))
            home.run("workspace", "service-users", "delete", "pair", "-y", "--allow-missing")
        assert made[0] == made[1] and list(made[0]) == list(made[1])


def test_config_show(signed_in):
    home = signed_in
    env = {"MODAL_LOGLEVEL": "debug", "MODAL_LOGS_TIMEOUT": "2.5", "MODAL_AUTOMOUNT": "0"}
    ours, theirs = home.json("config", "show", **env), json.loads(home.official("config", "show", **env).stdout)
    assert set(ours) - set(theirs) == {"automount"}  # a promise of ours that the client no longer has
    assert {k: v for k, v in ours.items() if k in theirs} == theirs


@pytest.mark.parametrize("words", ["environment create", "environment update main", "config set-environment", "workspace members",
                                   "workspace service-users create", "workspace proxy-tokens update wk-1 colour red", "token new --expires-in 1y",
                                   "environment roles update main x --role boss", "nonsense"])
def test_wrong_use_has_the_same_exit_code(signed_in, words):
    signed_in.official(*words.split(), code=2)
    signed_in.run(*words.split(), code=2)


@pytest.mark.parametrize("words", ["environment delete nowhere -y", "environment delete main", "config set-environment nowhere",
                                   "workspace settings set colour red", "profile activate nobody", "workspace service-users info nobody",
                                   "environment roles list nowhere", "workspace member-tokens delete ak-none -y"])
def test_failures_have_the_same_exit_code(signed_in, words):
    signed_in.official(*words.split(), code=1)
    signed_in.run(*words.split(), code=1)
