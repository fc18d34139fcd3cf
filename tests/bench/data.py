"""Queues, dicts and spawned calls by 64 C++ callers, beside an echo of the same bytes through the same pipeline, and beside Redis."""
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile

import servers
from figures import compared, plain

ROUNDS = 5
GOALS = {"queue put": "≥ 0.7×", "queue get": "≥ 0.7×", "dict put": "≥ 0.7×", "dict get": "≥ 0.85×", "spawn": "≥ 0.6×"}


class Redis:
    """A server that writes each command down before it answers, on a port of its own."""

    def __init__(self):
        if not shutil.which("redis-server"):
            sys.exit("redis-server is missing: run  tools/install-packages tools/packages_bench.txt")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory(prefix="ionian-bench.")
        self.process = servers.Process(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder.name, "--appendonly", "yes",
                                        "--appendfsync", "always", "--save", ""], stdout=subprocess.PIPE, text=True)
        for line in self.process.popen.stdout:
            if "Ready to accept connections" in line:
                break

    def added_a_second(self):
        """XADD of 100 bytes, pipelined by 100, on 64 connections."""
        words = ["redis-benchmark", "-p", self.port, "-c", 64, "-P", 100, "-n", 200_000, "--csv", "XADD", "queue", "*", "v", "x" * 100]
        row = servers.output(*words, stderr=subprocess.DEVNULL).splitlines()[-1]
        servers.output("redis-cli", "-p", self.port, "DEL", "queue")
        return float(row.split('","')[1])

    def close(self):
        self.process.close()
        self.folder.cleanup()


def run(bench):
    rounds, redis_rounds = [], []
    with contextlib.closing(Redis()) as redis:
        process = servers.Process([bench.program("data_bench")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        pipes = process.popen
        for _ in range(ROUNDS):
            pipes.stdin.write("round\n")
            pipes.stdin.flush()
            rounds.append(json.loads(pipes.stdout.readline()))
            redis_rounds.append([redis.added_a_second()])
        pipes.stdin.close()
        waits = json.loads(pipes.stdout.readline())
        process.close()
    echo = [[found["echo"]] for found in rounds]
    for name, goal in GOALS.items():
        yield compared(f"{name}, 64 callers", "1/s", [[found[name]] for found in rounds], echo, "unary echo", goal, "higher")
    for name in ("queue put_many", "queue get_many"):
        yield compared(f"{name} of 100, 64 callers", "items/s", [[found[f"{name} items"]] for found in rounds], redis_rounds, "Redis XADD", "≥ 0.5×", "higher")
    full, empty = ([[found[name]] for found in rounds] for name in ("queue put and get, full", "queue put and get"))
    yield compared("queue put and get beside 1,000,000 items in 1,000 partitions, 64 callers", "1/s", full, empty, "an empty queue", "≥ 0.8×", "higher")
    yield plain("blocked get, put to delivery", "ms", waits, "≤ 1 ms")
