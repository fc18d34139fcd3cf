"""A map of 100,000 inputs by the official client, in order and in any order, on two containers: its time, and what both sides hold
meanwhile. Takes minutes, so by name only."""
import json
import pathlib
import subprocess
import threading

import servers
from figures import plain

APP = """
import modal

app = modal.App("long-map")

@app.function(min_containers=2, max_containers=2, timeout=3600)
@modal.concurrent(max_inputs=100)
async def same(n):
    return n
"""
CALLER = """
import json, resource, sys, time
import modal

count, ordered = int(sys.argv[1]), sys.argv[2] == "ordered"
same = modal.Function.from_name("long-map", "same")
same.remote(0)
mib = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, began, total, right = mib(), time.monotonic(), 0, True
for at, n in enumerate(same.map(range(count), order_outputs=ordered)):
    total += n
    right &= not ordered or n == at
assert right and total == count * (count - 1) // 2, total
print(json.dumps([time.monotonic() - began, before, mib()]))
"""


def rss_mib(pid):
    fields = pathlib.Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) / 1024


class Watch:
    """Looks at the server once a second."""

    def __init__(self, bench, server):
        self.bench, self.server, self.over = bench, server, threading.Event()
        self.rss, self.inputs = [rss_mib(server.pid)], [0]
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.over.wait(1):
            status = json.loads(servers.output(self.bench.ionian, "admin", "status", "--data", self.server.folder / "data", "--json"))
            self.inputs.append(status["inputs"])
            self.rss.append(rss_mib(self.server.pid))

    def close(self):
        self.over.set()
        self.thread.join()


def run(bench):
    count = 100_000 // bench.scale
    venv, server = servers.client_venv(), servers.Ionian(bench.build)
    env = {"PATH": f"{venv}/bin:/usr/bin:/bin", "HOME": str(server.folder), "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": "/nonexistent",
           **server.client_env(bench.build)}
    try:
        for name, text in ("app.py", APP), ("caller.py", CALLER):
            (server.folder / name).write_text(text)
        subprocess.run([venv / "bin/modal", "deploy", server.folder / "app.py"], env=env, check=True, stdout=subprocess.DEVNULL)
        for order in "ordered", "any":
            watch = Watch(bench, server)
            seconds, before, after = json.loads(servers.output(venv / "bin/python", server.folder / "caller.py", count, order, env=env))
            watch.close()
            what = f"map of {count:,}, {'in order' if order == 'ordered' else 'any order'}:"
            yield plain(f"{what} inputs a second", "/s", [count / seconds], better="higher")
            yield plain(f"{what} inputs held by the server, at most", "", [max(watch.inputs)])
            tenths = [watch.rss[len(watch.rss) * part // 10] for part in range(10)] + [watch.rss[-1]]
            yield plain(f"{what} the server's memory, at most", "MiB", [max(watch.rss)], against="by tenths " + " ".join(f"{mib:.0f}" for mib in tenths))
            yield plain(f"{what} the client's memory", "MiB", [after], against=f"before {before:.0f}")
    finally:
        server.close()
