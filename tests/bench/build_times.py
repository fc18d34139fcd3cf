"""A clean build, and one after touching a handler, without the compiler cache. Takes minutes, in a folder of its own."""
import os
import pathlib
import subprocess
import tempfile
import time

from figures import plain
from servers import ROOT


def seconds(*words):
    began = time.perf_counter()
    subprocess.run([str(w) for w in words], check=True, stdout=subprocess.DEVNULL, env={**os.environ, "CCACHE_DISABLE": "1"})
    return time.perf_counter() - began


def run(bench):
    with tempfile.TemporaryDirectory(prefix="ionian-bench.") as folder:
        ninja = ["ninja", "-C", folder, "ionian"]
        clean = seconds("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Dev") + seconds(*ninja)
        yield plain(f"clean build on {os.cpu_count()} cores", "s", [clean], "≤ 360 s on 2 cores")
        handler = pathlib.Path(ROOT, "src/services/queues.cc")
        touched = []
        for _ in range(5):
            handler.touch()
            touched.append(seconds(*ninja))
        yield plain("build after touching one handler", "s", touched, "≤ 10 s")
