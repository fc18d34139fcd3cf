"""Calls by the official client: Ionian with its containers beside the relay with bare runtimes, in turns."""
import contextlib
import os
import statistics
import subprocess

import servers
from figures import compared, plain

ROUNDS = 5


class Sides:
    """Both servers with the same app, the same client and the same runtimes, all warm."""

    def __init__(self, build, scale):
        self.scale = scale
        self.ends = contextlib.ExitStack()
        self.venv = servers.client_venv()
        self.ionian = self.closing(servers.Ionian(build))
        owner = self.ionian.client_env(build)
        env = {**os.environ, "MODAL_CONFIG_PATH": "/nonexistent", **owner}
        servers.output(self.venv / "bin/modal", "deploy", servers.HERE / "bench_app.py", env=env)
        folder = self.ionian.folder / "relay"
        folder.mkdir()
        servers.output(self.venv / "bin/python", servers.HERE / "relay_files.py", folder, "one", "two", "shared", env=env)
        self.relay = self.closing(servers.Relay(build, folder))
        for function in ("one", "two", "two", "shared", "shared"):
            self.relay.start_runtime(self.venv, function)
        self.callers = [self.closing(servers.Caller(self.venv, e)) for e in (owner, self.relay.client_env())]
        for caller in self.callers:
            for function in ("one", "two", "shared"):
                caller(do="many", function=function, n=64, callers=4)

    def closing(self, thing):
        self.ends.callback(thing.close)
        return thing

    def rounds(self, n, **order):
        """What each side's caller measures, round by round, and what its server used of the CPU for a call."""
        n = max(1, n // self.scale)
        times, cpu = ([], []), ([], [])
        for _ in range(ROUNDS):
            for side, server in enumerate((self.ionian, self.relay)):
                before = servers.cpu_seconds(server.pid)
                times[side].append(self.callers[side](n=n, **order))
                cpu[side].append([(servers.cpu_seconds(server.pid) - before) * 1e3 / n])
        return times, cpu


def runtime_import(venv):
    """What a fresh process of the runtime costs before it can do anything, in ms."""
    code = "import time; a = time.perf_counter(); import modal._container_entrypoint; print((time.perf_counter() - a) * 1e3)"
    out = subprocess.run([venv / "bin/python", "-c", code], capture_output=True, text=True, check=True).stdout
    return float(out)


def cold(sides):
    """A call that finds no container, in turns with the import that a fresh process of the runtime begins with."""
    n = max(2, 20 // sides.scale)
    sides.callers[0](do="single", function="cold", n=2)
    rounds = [(sides.callers[0](do="single", function="cold", n=n), [runtime_import(sides.venv) for _ in range(3)]) for _ in range(ROUNDS)]
    return compared("cold .remote(), built image", "ms", [a for a, _ in rounds], [b for _, b in rounds], "import of the runtime", "≤ 1.25×")


def run(bench):
    sides = Sides(bench.build, bench.scale)
    with sides.ends:
        (ours, relay), (our_cpu, relay_cpu) = sides.rounds(do="single", function="one", n=300)
        yield compared("warm .remote()", "ms", ours, relay, "relay", "≤ 1.1×")
        yield compared("server's CPU of a warm call, 1 caller", "ms", our_cpu, relay_cpu, "relay", "≤ 1.4×")
        instant = [sides.callers[1](do="single", function="instant", n=300 // bench.scale) for _ in range(ROUNDS)]
        yield plain("warm .remote(), a server that answers at once", "ms", sum(instant, []),
                    against=f"{statistics.median(sum(instant, [])) / statistics.median(sum(relay, [])):.2f} of the relay")
        yield cold(sides)
        for function, name in (("two", "without concurrency"), ("shared", "with concurrency")):
            (ours, relay), (our_cpu, relay_cpu) = sides.rounds(do="many", function=function, n=1280, callers=64)
            yield compared(f"64 callers, 2 containers, {name}", "ms a call", ours, relay, "relay", "≤ 1.15×")
            yield compared(f"server's CPU of a call, 64 callers {name}", "ms", our_cpu, relay_cpu, "relay", "≤ 1.4×")
        (ours, relay), _ = sides.rounds(do="mapped", function="two", n=10_000)
        yield compared(f"map of {10_000 // bench.scale:,} inputs, 2 containers", "ms an input", ours, relay, "relay", "≤ 1.15×")
