"""A first Modal program. Run it with:  modal run examples/hello.py"""
import os
import time

import modal

app = modal.App("hello")


@app.function()
def square(x: int) -> int:
    print(f"squaring {x} in container {os.environ['MODAL_TASK_ID']}")
    return x * x


@app.local_entrypoint()
def main(n: int = 5):
    began = time.monotonic()
    print("first call:", square.remote(n), f"({time.monotonic() - began:.2f} s, with a cold start)")

    began = time.monotonic()
    print("second call:", square.remote(n + 1), f"({(time.monotonic() - began) * 1000:.1f} ms, warm)")

    print("map:", list(square.map(range(n))))
