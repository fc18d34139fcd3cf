"""Maps of more inputs than the server may hold, and one whose client dies in the middle."""
import json
import signal
import threading
import time

import pytest

from conftest import Client, Server

COUNT = 5000
PENDING = 200
WARM_UP = 10
# So many inputs the client has under way, and so many again have results that it holds and has not confirmed yet; of those that
# are confirmed the server keeps a thousand for questions about them, and lets them go a thousand at a time.
OUTSTANDING = 1000
HELD = WARM_UP + OUTSTANDING + OUTSTANDING + 2 * 1000

APP = f"""
    import time
    import modal

    app = modal.App("long")

    @app.function(max_containers=2, timeout=600)
    @modal.concurrent(max_inputs=50)
    async def same(n):
        return n

    @app.function(max_containers=2)
    def slow(n):
        print("at work", flush=True)
        time.sleep(1)

    @app.local_entrypoint()
    def main():
        for _ in slow.map(range({COUNT})):
            pass
"""
# A client keeps some thousand inputs under way, not all of the map: what it holds at most, in KiB, beside its libraries.
CLIENT_HELD = 150_000

MAP = f"""
    import resource, sys
    import modal

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    list(modal.Function.from_name("long", "same").map(range({WARM_UP})))
    before = peak()

    ordered = sys.argv[1] == "ordered"
    results = list(modal.Function.from_name("long", "same").map(range({COUNT}), order_outputs=ordered))
    print(results == list(range({COUNT})) if ordered else sorted(results) == list(range({COUNT})), peak() - before)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory, built):
    server = Server(tmp_path_factory.mktemp("server")).take_over(built).start("--pending-inputs", str(PENDING))
    yield server
    assert server.stop() == 0, server.log_text()[-3000:]


@pytest.fixture
def client(server, tmp_path):
    return Client(server, tmp_path)


class Watch:
    """How many inputs the server holds, seen again and again."""

    def __init__(self, server):
        self.server, self.over, self.seen = server, threading.Event(), []
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.1):
            self.seen.append(self.server.admin("status")["inputs"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


@pytest.mark.parametrize("order", ["ordered", "any"])
def test_of_a_long_map_the_server_holds_a_part(server, client, order):
    client.run("deploy", client.write(APP, "long.py"))
    program = client.write(MAP, "map.py")
    before = server.admin("status")["inputs"]  # of a map that was read just now
    with Watch(server) as watch:
        right, held = client.python(program, order, timeout=900).stdout.split()
    assert right == "True" and int(held) < CLIENT_HELD, (right, held)
    assert len(watch.seen) > 5 and PENDING < max(watch.seen) <= before + HELD, watch.seen


def test_a_client_that_dies_in_the_middle_of_a_map_leaves_nothing_running(server, client):
    running = client.popen("run", client.write(APP, "long.py"))
    try:
        next(line for line in running.stdout if "at work" in line)
        assert server.admin("status")["inputs"] > 2
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    # Its heartbeat is missed after a minute; the containers have some seconds to end.
    deadline = time.monotonic() + 150
    while any(row["app_name"] == "long" for row in json.loads(client.run("container", "list", "--json").stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    states = {row["state"] for row in json.loads(client.run("app", "list", "--json").stdout) if row["description"] == "long"}
    assert states <= {"stopped", "deployed"}, states
