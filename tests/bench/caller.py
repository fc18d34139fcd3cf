"""The official client, told by JSON lines what to call; answers with times. Run by the client's own interpreter."""
import asyncio
import json
import sys
import time

import modal

functions = {}


def single(function, n):
    """Times of calls one after the other, in ms."""
    times = []
    for _ in range(n):
        began = time.perf_counter()
        assert function.remote(0) == 0
        times.append((time.perf_counter() - began) * 1e3)
    return times


def mapped(function, n):
    """Time of a whole map, in ms an input."""
    began = time.perf_counter()
    assert list(function.map(range(n))) == list(range(n))
    return [(time.perf_counter() - began) * 1e3 / n]


def many(function, n, callers):
    """Calls by many callers of one process, in ms a call of wall time."""
    async def one(calls):
        for i in range(calls):
            assert await function.remote.aio(i) == i

    async def everyone():
        await asyncio.gather(*(one(n // callers) for _ in range(callers)))

    began = time.perf_counter()
    asyncio.run(everyone())
    return [(time.perf_counter() - began) * 1e3 / (n // callers * callers)]


def first_line(function, n):
    """Times from a call to the first line of its function, in ms, one after the other."""
    times = []
    for _ in range(n):
        began = time.time()
        times.append((function.remote() - began) * 1e3)
    return times


def together(function, n):
    """The same for inputs of one map."""
    began = time.time()
    return [(line - began) * 1e3 for line in function.map(range(n), order_outputs=False)]


KINDS = {"single": single, "mapped": mapped, "many": many, "first_line": first_line, "together": together}

for line in sys.stdin:
    order = json.loads(line)
    what, tag = order.pop("do"), order.pop("function")
    function = functions.setdefault(tag, modal.Function.from_name("bench", tag))
    print(json.dumps(KINDS[what](function, **order)), flush=True)
