"""`modal serve`: an app for as long as the command runs, made anew when its file changes."""
import json
import os
import queue
import signal
import subprocess
import threading
import time

APP = """
    import modal

    app = modal.App("served")

    @app.function()
    def version():
        return "version one"

    @app.local_entrypoint()
    def main():
        pass
"""
CALL = """
    import asyncio
    import sys
    import modal
    from modal._utils.async_utils import synchronizer
    from modal.client import _Client
    from modal_proto import api_pb2

    @synchronizer.create_blocking
    async def find():
        client = await _Client.from_env()
        apps = (await client.stub.AppList(api_pb2.AppListRequest())).apps
        app = next(each for each in apps if each.description == "served" and not each.stopped_at)
        layout = (await client.stub.AppGetLayout(api_pb2.AppGetLayoutRequest(app_id=app.app_id))).app_layout
        return layout.function_ids["version"]

    print(modal.Function.from_id(find()).remote())
"""


class Lines:
    """What a command prints, line by line."""

    def __init__(self, process):
        self.queue, self.seen = queue.Queue(), []
        threading.Thread(target=self.read, args=(process,), daemon=True).start()

    def read(self, process):
        for line in process.stdout:
            self.queue.put(line)
        self.queue.put(None)

    def until(self, wanted):
        while True:
            line = self.queue.get(timeout=170)
            assert line is not None, self.seen
            self.seen.append(line)
            if wanted in line:
                return line


def answer(client):
    return client.python(client.write(CALL, "call.py")).stdout.strip()


def wait_for(client, wanted):
    """The command does not say when the new version is there."""
    deadline = time.monotonic() + 170
    while (got := answer(client)) != wanted:
        assert time.monotonic() < deadline, got
        time.sleep(0.2)


def interrupt(process):
    """As a terminal does: all of its group hear it. One that comes while the client makes the app anew may be lost on it, so people press again."""
    for _ in range(4):
        os.killpg(process.pid, signal.SIGINT)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            pass
    os.killpg(process.pid, signal.SIGKILL)
    raise AssertionError("the command does not end with Ctrl-C")


def test_a_change_of_the_file_is_served_until_ctrl_c(client):
    path = client.write(APP, "served.py")
    process = client.popen("serve", path, PYTHONUNBUFFERED="1")
    lines = Lines(process)
    try:
        lines.until("Serving...")
        assert answer(client) == "version one"
        client.write(APP.replace("version one", "version two"), "served.py")
        wait_for(client, "version two")
        # A file that is broken for a moment leaves what there was.
        client.write("this is no Python", "served.py")
        lines.until("SyntaxError")
        assert answer(client) == "version two"
        client.write(APP.replace("version one", "version three"), "served.py")
        wait_for(client, "version three")
    finally:
        interrupt(process)
    left = json.loads(client.run("app", "list", "--json").stdout)
    assert [app["state"] for app in left if app["description"] == "served" and app["state"] != "stopped"] == [], left
