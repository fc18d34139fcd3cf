"""Calls by a C++ gRPC caller to a C++ echo container, beside Ray's actors."""
import contextlib
import os
import subprocess
import sys

import servers
from figures import compared, plain

ROUNDS = 5
RAY = "2.60.0"


class Orders:
    """A process that takes a line and answers with the ms that it took."""

    def __init__(self, words, **more):
        self.process = servers.Process(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **more)
        self.close = self.process.close

    def numbers(self, *words):
        pipes = self.process.popen
        pipes.stdin.write(" ".join(map(str, words)) + "\n")
        pipes.stdin.flush()
        line = pipes.stdout.readline()
        if not line:
            sys.exit(f"{pipes.args[0]} ended at {words}")
        return [float(number) for number in line.split()]

    def __call__(self, *words):
        return self.numbers(*words)[0]


def function_id(venv, env, tag):
    code = f"import modal; f = modal.Function.from_name('bench-raw', '{tag}'); f.hydrate(); print(f.object_id)"
    return servers.output(venv / "bin/python", "-c", code, env=env).strip()


def in_turns(first, second, size):
    """Each a function that takes ms for `size` things; rounds of things a second."""
    rounds = [([size * 1e3 / first()], [size * 1e3 / second()]) for _ in range(ROUNDS)]
    return [a for a, _ in rounds], [b for _, b in rounds]


def run(bench):
    venv = servers.client_venv()
    ray_python = servers.output(servers.ROOT / "tools/venv", f"ray-{RAY}", f"ray=={RAY}").strip() + "/bin/python"
    with contextlib.ExitStack() as ends:
        def closing(thing):
            ends.callback(thing.close)
            return thing
        ionian = closing(servers.Ionian(bench.build))
        credentials = ionian.client_env(bench.build)
        env = {**os.environ, "MODAL_CONFIG_PATH": "/nonexistent", "ECHO_CONTAINER": str(bench.program("echo_container")), **credentials}
        servers.output(venv / "bin/modal", "deploy", servers.HERE / "raw_app.py", env=env)
        one, two = (closing(Orders([bench.program("raw_caller"), credentials["MODAL_SERVER_URL"].removeprefix("http://"), credentials["MODAL_TOKEN_ID"],
                                    credentials["MODAL_TOKEN_SECRET"], function_id(venv, env, tag)])) for tag in ("raw_one", "raw_two"))
        ray = closing(Orders([ray_python, servers.HERE / "ray_caller.py"], stderr=subprocess.DEVNULL))
        for orders in (one, ray):
            orders("async", 200, 64)
        yield from figures(one, two, ray, ionian.pid, bench.scale)


def figures(one, two, ray, server, scale):
    n = 1000 // scale
    stages = one.numbers("stages", n)
    for i, name in enumerate(("accepted", "its input in the container", "its output at the caller")):
        yield plain(f"raw call, sent → {name}", "us", stages[i::3])
    yield compared("raw calls, 1 caller", "1/s", *in_turns(lambda: one("sync", n), lambda: ray("sync", n), n), f"Ray {RAY} actor", "≥ 2.5×", "higher")
    n = 5000 // scale
    yield compared("raw calls, 64 callers", "1/s", *in_turns(lambda: one("async", n, 64), lambda: ray("async", n), n), f"Ray {RAY} actor", "≥ 2×", "higher")
    n = 10_000 // scale
    ours, theirs = in_turns(lambda: two("map", n), lambda: ray("map", n), n)
    seconds = [[[n / rate for rate in rates] for rates in side] for side in (ours, theirs)]
    yield compared(f"raw map of {n:,} inputs, 2 containers", "s", *seconds, f"Ray {RAY} actor pool", "≤ 0.5×")

    def cpu(*order, calls):
        before = servers.cpu_seconds(server)
        one(*order)
        return [(servers.cpu_seconds(server) - before) * 1e3 / calls]
    n = 5000 // scale
    rounds = [(cpu("async", n, 64, calls=n), cpu("hello", 4 * n, 64, calls=n)) for _ in range(ROUNDS)]
    yield compared("server's CPU of a raw call, 64 callers", "ms", [a for a, _ in rounds], [b for _, b in rounds], "four ClientHello", "≤ 2×")
