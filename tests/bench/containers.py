"""From a task given to the worker to its first byte, beside the same program without isolation."""
import json
import pathlib
import subprocess
import tempfile

from figures import compared
from servers import output

# With a bound on the disk, as the server starts every function.
GOALS = {"static program, network, disk bound": "≤ 3.5 ms", "Python hello, network, disk bound": "≤ 18 ms"}


def run(bench):
    bases = sorted((pathlib.Path.home() / ".cache/ionian/bases").glob("bookworm-python*.tar.zst"))
    if not bases:
        raise SystemExit("no base image in the cache folder yet: run  make run  once")
    with tempfile.TemporaryDirectory(prefix="ionian-bench.") as rootfs:
        subprocess.run(["tar", "--zstd", "-xf", bases[-1], "-C", rootfs], check=True)
        lines = output(bench.program("start_bench"), rootfs).splitlines()
    for case in map(json.loads, lines):
        yield compared(f"container start, {case['case']}", "ms", case["rounds"], case["floor"], "the program alone", GOALS.get(case["case"], ""))
