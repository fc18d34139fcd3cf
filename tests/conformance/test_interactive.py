"""`modal run -i`: functions whose program has a terminal, and somebody who types there."""
import json
import re
import time

import pytest

from conftest import Client
from test_exec import Terminal

APP = """
    import os
    import threading
    import modal

    app = modal.App("talks")

    @app.function()
    def ask():
        kept = "of the function"
        print("before the question")
        modal.interact()
        size = os.get_terminal_size()
        name = input(f"who is there, at {size.lines} {size.columns} {os.environ['TERM']}? ")
        return f"it was {name}"

    @app.function()
    def stop_here():
        kept = 40
        breakpoint()
        return f"went on with {kept + 2}"

    @app.function()
    def waits():
        modal.interact()
        try:
            input("say nothing: ")
        except KeyboardInterrupt:
            print("interrupted there")
        return f"it was {input('and now: ')}"

    @app.function()
    def works():
        print("at work")
        threading.Event().wait()

    @app.function()
    def dies():
        os._exit(7)

    @app.local_entrypoint()
    def main(which: str):
        print("RESULT:", {"ask": ask, "stop": stop_here, "waits": waits, "works": works, "dies": dies}[which].remote())
"""


@pytest.fixture
def client(own, tmp_path):
    return Client(own, tmp_path)


def begin(client, which):
    return Terminal(client, "run", "-i", f"{client.write(APP, 'talks.py')}::main", "--which", which)


def test_a_function_asks_and_is_answered(client):
    run = begin(client, "ask")
    run.until("before the question")
    run.until(r"who is there, at 33 111 xterm\? ")
    run.type("nobod\x7fdy\r")  # a line is edited as on any terminal
    run.until("RESULT: it was nobody")
    assert run.end() == 0


def test_a_breakpoint_stops_and_goes_on(client):
    run = begin(client, "stop")
    run.until(r"\(Pdb\) ")
    run.type("p kept, 6 * 7\r")
    run.until(r"\(40, 42\)")
    run.until(r"\(Pdb\) ")
    run.type("kept = 50\r")
    run.until(r"\(Pdb\) ")
    run.type("c\r")
    run.until(r"RESULT: went on with (42|52)")
    assert run.end() == 0


def test_ctrl_c_is_for_the_function_that_has_the_terminal(client):
    run = begin(client, "waits")
    run.until("say nothing: ")
    run.type("\x03")
    run.until("interrupted there")
    run.until("and now: ")
    run.type("somebody\r")
    run.until("RESULT: it was somebody")
    assert run.end() == 0


def test_ctrl_c_at_a_breakpoint_leaves_it_there(client):
    run = begin(client, "stop")
    run.until(r"\(Pdb\) ")
    run.type("p kep\x03")
    run.until("KeyboardInterrupt")
    run.until(r"\(Pdb\) ")
    run.type("p kept + 1\r")
    run.until("41")
    run.type("c\r")
    run.until("RESULT: went on with 42")
    assert run.end() == 0


def test_ctrl_c_ends_a_run_whose_function_has_not_asked_for_the_terminal(client):
    run = begin(client, "works")
    run.until("at work")
    run.type("\x03")
    assert run.end() in (0, 1)  # as the official client sees it
    app = [row for row in json.loads(client.run("app", "list", "--json").stdout) if row["description"] == "talks"][0]
    assert app["state"] == "stopped", app
    deadline = time.monotonic() + 60
    while client.run("container", "list", "--json").stdout.strip() != "[]":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_how_it_ended_is_seen_through_the_terminal(client):
    run = begin(client, "dies")
    run.until(r"exit code \S*7")
    assert run.end() == 1


def test_without_it_there_is_no_terminal_and_the_runtime_says_so(client):
    out = client.run("run", f"{client.write(APP, 'talks.py')}::main", "--which", "ask", check=False)
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", out.stdout + out.stderr).split())
    assert out.returncode == 1 and "without running Modal in interactive mode" in said, said


def test_a_container_without_a_terminal_is_told(client):
    out = client.run("run", client.write("""
        import modal
        from google.protobuf.empty_pb2 import Empty

        app = modal.App("silent")

        @app.function(timeout=60)
        def ask():
            from modal.client import _Client
            from modal._utils.async_utils import synchronizer

            @synchronizer.create_blocking
            async def start():
                await (await _Client.from_env())._stub.FunctionStartPtyShell(Empty())

            start()

        @app.local_entrypoint()
        def main():
            ask.remote()
    """, "silent.py"), check=False)
    said = " ".join(re.sub("[│╭╮╰╯─]", " ", out.stdout + out.stderr).split())
    assert out.returncode == 1 and "has no terminal; functions have one in `modal run -i`" in said, said
