"""Ray, told by lines what to call; answers with ms. Run by the interpreter of a venv with Ray."""
import sys
import time

import ray
from ray.util import ActorPool


@ray.remote
class Echo:
    def echo(self, x):
        return x


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
actors = [Echo.remote() for _ in range(2)]
payload = b"x" * 100
ray.get([actor.echo.remote(payload) for actor in actors])


def sync(n):
    for _ in range(n):
        assert ray.get(actors[0].echo.remote(payload)) == payload


def many(n):
    ray.get([actors[0].echo.remote(payload) for _ in range(n)])


def mapped(n):
    assert sum(1 for _ in ActorPool(actors).map(lambda actor, x: actor.echo.remote(x), [payload] * n)) == n


for line in sys.stdin:
    what, n = line.split()[:2]
    began = time.perf_counter()
    {"sync": sync, "async": many, "map": mapped}[what](int(n))
    print((time.perf_counter() - began) * 1e3, flush=True)
