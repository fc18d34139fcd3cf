"""Deployed functions and classes by their names, called from Python, JavaScript and Go."""
import base64
import json
import os
import subprocess

import pytest

from test_languages import COMMANDS

SPOKEN = """
    import threading
    import modal
    app = modal.App("spoken")

    @app.function()
    def add(a, b):
        return a + b

    @app.function()
    def hang():
        import time
        time.sleep(600)

    @app.function()
    def say(word):
        print(f"said {word}")
        return word

    barrier = threading.Barrier(2)

    @app.function()
    def meet(number):
        barrier.wait(60)
        return number

    @app.function()
    def gather(numbers):
        return [len(numbers)] * len(numbers)

    @app.function(timeout=1)
    def late():
        hang.local()

    @app.function()
    def look():
        import os
        return [os.environ.get("GIVEN"), open("/data/f.txt").read(), bool(os.statvfs("/data").f_flag & os.ST_RDONLY)]

    @app.cls()
    class Shy:
        who: str = modal.parameter()

        @modal.enter()
        async def prepare(self):
            seen = modal.Queue.from_name("shy", create_if_missing=True)
            await seen.put.aio(1, partition=self.who)
            if await seen.len.aio(partition=self.who) < 2:
                raise LookupError("not at first")

        @modal.method()
        def work(self):
            return self.who

    @app.cls()
    class Greeter:
        name: str = modal.parameter()
        times: int = modal.parameter(default=2)
        raw: bytes = modal.parameter(default=b"")
        loud: bool = modal.parameter(default=False)

        @modal.enter()
        def prepare(self):
            self.said = 0

        @modal.method()
        def greet(self, mark):
            import os
            self.said += 1
            if "GIVEN" in os.environ:
                return [os.environ["GIVEN"], self.name, self.said]
            text = (self.name + mark) * self.times
            return {"text": text.upper() if self.loud else text, "bytes": self.raw, "list": [1, 2.5, None, True]}
"""

THERE = """
    import os, modal
    app = modal.App("spoken-there")

    @app.function()
    def where():
        return os.environ["MODAL_ENVIRONMENT"]
"""

CALLS = """
    import sys, modal
    Greeter = modal.Cls.from_name("spoken", "Greeter")
    print("named", Greeter(name="ann").greet.remote("!")["text"], Greeter(name="bob", times=1).greet.remote("?")["text"])
    print("options", Greeter.with_options(timeout=30)(name="eve").greet.remote(".")["text"])
    shy = modal.Cls.from_name("spoken", "Shy")(who=sys.argv[1])
    try:
        shy.work.spawn().get()
    except LookupError as error:
        print("at first", error)
    print("then", shy.work.remote(), shy.work.spawn().get())
    print("function", modal.Function.from_name("spoken", "add").remote(1, 2))
    for names in [("spoken", "Nobody"), ("silent", "Greeter")]:
        try:
            modal.Cls.from_name(*names)(name="x").greet.remote("!")
        except modal.exception.NotFoundError as error:
            print("missing", error)
"""


@pytest.fixture(scope="module")
def deployed(server, tmp_path_factory):
    from conftest import Client
    client = Client(server, tmp_path_factory.mktemp("spoken"))
    client.run("deploy", client.write(SPOKEN), timeout=400)
    client.run("environment", "create", "spoken-there")
    client.run("deploy", "--env", "spoken-there", client.write(THERE, "there.py"))
    client.run("volume", "create", "spoken-data")
    client.run("volume", "put", "spoken-data", client.write("of the volume", "f.txt"), "/sub/f.txt")
    return client


@pytest.mark.parametrize("which", ["client", "old_client"])
def test_by_name_from_python(deployed, which, request):
    client = request.getfixturevalue(which)
    out = client.python(client.write(CALLS, "calls.py"), which).stdout
    assert "named ann!ann! bob?" in out
    assert "options eve.eve." in out
    # A failed start is the answer to those that waited for it, and no more.
    assert "at first not at first" in out and f"then {which} {which}" in out, out
    assert "function 3" in out
    assert out.count("missing") == 2


def flow(deployed, language, steps):
    out = subprocess.run([*COMMANDS[language], json.dumps(steps)], capture_output=True, text=True, timeout=120,
                         env=deployed.env | {"PATH": os.environ["PATH"]})
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]


def real(data, **times):
    return {"bytes": base64.b64encode(data).decode(), **times}


@pytest.mark.parametrize("language", ["js", "go"])
def test_by_name_from_other_languages(deployed, language):
    steps = [
        {"do": "call", "app": "spoken", "name": "add", "args": [40, 2]},
        {"do": "method", "app": "spoken", "name": "Greeter", "method": "greet", "args": ["!"],
         "params": {"name": "ann", "times": 3, "loud": True, "raw": real(b"\0\xffraw")}},
        {"do": "method", "app": "spoken", "name": "Greeter", "params": {"name": "bob"}, "method": "greet", "args": ["?"], "spawn": True},
        {"do": "method", "app": "spoken", "name": "Nobody", "params": {}, "method": "greet", "args": []},
        {"do": "method", "app": "spoken", "name": "Greeter", "params": {"name": "bob"}, "method": "wave", "args": []},
        {"do": "given", "app": "spoken", "name": "look"},
        {"do": "spawn", "app": "spoken", "name": "add", "args": [40, 3]},
        {"do": "method", "app": "spoken", "name": "Greeter", "params": {"name": "eve"}, "method": "greet", "args": ["."],
         "env": {"GIVEN": language}},
    ]
    total, ann, bob, nobody, wave, given, spawned, variant = flow(deployed, language, steps)
    assert total == {"ok": 42}
    assert ann["ok"] == {"text": "ANN!ANN!ANN!", "bytes": real(b"\0\xffraw"), "list": [1, 2.5, None, True]}
    assert bob["ok"]["text"] == "bob?bob?" and bob["ok"]["bytes"] == real(b"")
    assert "Nobody" in nobody["error"] and "not found" in nobody["error"].lower()
    assert "wave" in wave["error"]
    assert given == {"ok": ["from here", "of the volume", True]}
    assert variant == {"ok": [language, "eve", 1]}
    end = spawned["ok"].pop("end")
    assert "the function call was cancelled" in end, end
    assert spawned["ok"].pop("early") in ("TimeoutError", "FunctionTimeoutError")  # as each names it
    assert spawned["ok"] == {"results": [43, 43], "there": True}


@pytest.mark.parametrize("language", ["js", "go"])
def test_what_other_languages_know_of_a_function_and_its_variants(deployed, language):
    known, met, gathered = flow(deployed, language, [
        {"do": "known", "app": "spoken", "name": "say", "args": [language]},
        {"do": "pair", "app": "spoken", "name": "meet"},
        {"do": "pair", "app": "spoken", "name": "gather", "batch": True},
    ])
    assert known["ok"].pop("said").strip() == f"said {language}"
    assert known["ok"] == {"result": language, "latest": True, "done": True, "counted": True, "schema": True, "state": "deployed", "same": True,
                           "settings": [1, 5000]}
    assert met == {"ok": [0, 1]}  # in one container, at one time
    assert gathered == {"ok": [2, 2]}


@pytest.mark.parametrize("language", ["js", "go"])
def test_bytes_errors_and_environments_from_other_languages(deployed, language):
    add = {"do": "call", "app": "spoken", "name": "add"}
    where = {"do": "call", "app": "spoken-there", "name": "where"}
    joined, large, wrong, late, there, here, raw, flag = flow(deployed, language, [
        add | {"args": [real(b"\0\xff"), real(b"\x80")]},
        add | {"args": [real(b"01234567", times=400_000), real(b"end")]},
        add | {"args": ["one", 2]},
        {"do": "call", "app": "spoken", "name": "late", "args": []},
        where | {"environment": "spoken-there", "args": []},
        where | {"args": []},
        {"do": "method", "app": "spoken", "name": "Greeter", "params": {"name": "bob", "raw": "text"}, "method": "greet", "args": []},
        {"do": "method", "app": "spoken", "name": "Greeter", "params": {"name": "bob", "loud": "yes"}, "method": "greet", "args": []},
    ])
    assert joined == {"ok": real(b"\0\xff\x80")}
    # Above what a message has room for, on the way there and back.
    same = large == {"ok": real(b"01234567" * 400_000 + b"end")}
    assert same, str(large)[:200]
    assert wrong["error"].startswith("RemoteError: ") and "TypeError" in wrong["error"], wrong
    assert late["error"].startswith("FunctionTimeoutError: "), late
    assert there == {"ok": "spoken-there"}
    assert here["error"].startswith("NotFoundError: ") and "spoken-there" in here["error"], here
    assert "parameter 'raw' must be a byte" in raw["error"].lower() and "parameter 'loud' must be a bool" in flag["error"].lower(), (raw, flag)
