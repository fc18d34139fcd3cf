"""How a task starts: taken over by a standby, as a copy of a zygote, or afresh; many at once; and what an idle one holds."""
import contextlib
import os
import pathlib
import statistics
import tempfile
import time

import servers
from calls import runtime_import
from figures import compared

ROUNDS = 5
IDLE = 16
ALONE = 5  # in each round; the kernel counts processor time by hundredths of a second
# Room for one interpreter is room for a zygote, and for no standby beside it.
RUNGS = {"standby": [], "copy of a zygote": ["--standby-memory", "64"], "fresh process": ["--standby-memory", "0"]}


@contextlib.contextmanager
def serving(bench, venv, folder, rung, *options):
    """A life of the one server that all rungs have in common, with the image built."""
    server = servers.Ionian(bench.build, *RUNGS[rung], *options, folder=folder)
    try:
        owner = server.client_env(bench.build)
        env = {**os.environ, "MODAL_CONFIG_PATH": "/nonexistent", **owner}
        servers.output(venv / "bin/modal", "deploy", servers.HERE / "starts_app.py", env=env)
        caller = servers.Caller(venv, owner)
        try:
            yield server, caller
        finally:
            caller.close()
    finally:
        server.close()


def metric(server, name):
    out = servers.output("curl", "-sS", f"{server.ready['http_url']}/metrics")
    return next((float(line.split()[1]) for line in out.splitlines() if line.startswith(name + " ")), 0.0)


def wait_for(condition):
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "what is measured does not come about"
        time.sleep(0.02)


def settle(server, rung, standbys=1):
    """What the rung needs is there, and nothing is being made any more."""
    if rung == "standby":
        wait_for(lambda: metric(server, "ionian_standbys") >= standbys)
    elif rung == "copy of a zygote":
        wait_for(lambda: metric(server, "ionian_zygotes") == 1)


def first_lines(server, caller, rung, n):
    """From the call to the function's first line, in ms, each in a container of its own."""
    times = []
    for _ in range(n):
        settle(server, rung)
        times += caller(do="first_line", function="fresh", n=1)
    return times


def pss_mib(server):
    """Of each program of the runtime that the server has in a container, but for zygotes and standbys."""
    spawner = next(p for p in children(server.pid) if b"spawner" in (p / "cmdline").read_bytes())
    found = []
    for init in children(int(spawner.name)):
        for program in children(int(init.name)):
            if b"_container_entrypoint" in (program / "cmdline").read_bytes():
                rollup = (program / "smaps_rollup").read_text()
                found.append(int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1]) / 1024)
    return found


def children(pid):
    listed = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pathlib.Path("/proc", child) for child in listed]


def cold(bench, venv, folder, rung, n):
    with serving(bench, venv, folder, rung) as (server, caller):
        caller(do="first_line", function="fresh", n=1)
        return first_lines(server, caller, rung, n)


def idle(bench, venv, folder, rung):
    """The mean of many: what they share counts for each of them in part."""
    with serving(bench, venv, folder, rung) as (server, caller):
        caller(do="first_line", function="fresh", n=1)
        settle(server, rung)
        caller(do="together", function="held", n=IDLE)
        return [statistics.mean(sorted(pss_mib(server))[-IDLE:])]


def busy_seconds():
    """Of all processors of the machine, so far."""
    fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / servers.TICK


def burst(bench, venv, folder, rung, count):
    """Rounds of: seconds from the submission of `count` tasks to the last one's first line, and before them the processor time of one alone."""
    # Room for as many containers, beyond the eighth that is kept for others, and for as many standbys.
    options = ["--containers", str(2 * count), *(["--standby-memory", str(80 * count)] if rung == "standby" else [])]
    with serving(bench, venv, folder, rung, *options) as (server, caller):
        caller(do="first_line", function="fresh", n=1)
        if rung == "standby":
            caller(do="together", function="burst", n=count)  # so that as many are expected
        taken, floors = [], []
        for _ in range(ROUNDS):
            alone = 0
            for _ in range(ALONE):
                settle(server, rung, count)
                before = busy_seconds()
                caller(do="first_line", function="fresh", n=1)
                time.sleep(0.12)  # its container ends, and no other standby is begun yet
                alone += busy_seconds() - before
            settle(server, rung, count)
            floors.append([count * alone / ALONE / os.cpu_count()])
            taken.append([max(caller(do="together", function="burst", n=count)) / 1e3])
        return taken, floors


def bare(bench, venv, folder, n):
    """As `cold`, of a standby without any isolation, and with the relay."""
    relay = servers.Relay(bench.build, folder)
    try:
        caller = servers.Caller(venv, relay.client_env())
        try:
            times = []
            for _ in range(n + 1):
                standby = relay.start_standby(venv, "fresh")
                times += caller(do="first_line", function="fresh", n=1)
                standby.popen.wait(60)
            return times[1:]
        finally:
            caller.close()
    finally:
        relay.close()
        (folder / "standby").unlink()
        (folder / "socket").unlink(missing_ok=True)


def fill_relay(bench, venv, folder):
    """What the relay says of the function, from a server that knows it."""
    with serving(bench, venv, folder, "fresh process") as (server, _):
        into = folder / "relay"
        into.mkdir()
        servers.output(venv / "bin/python", servers.HERE / "relay_files.py", into, "fresh",
                       env={**os.environ, "MODAL_CONFIG_PATH": "/nonexistent", **server.client_env(bench.build)})
        return into


def run(bench):
    venv = servers.client_venv()
    with tempfile.TemporaryDirectory(prefix="ionian-bench.") as folder:
        yield from measure(bench, venv, pathlib.Path(folder))


def measure(bench, venv, folder):
    n = max(3, 30 // bench.scale)
    rounds = {rung: [] for rung in [*RUNGS, "import", "bare"]}
    relay = fill_relay(bench, venv, folder)
    for _ in range(ROUNDS):
        for rung in RUNGS:
            rounds[rung].append(cold(bench, venv, folder, rung, n))
        rounds["import"].append([runtime_import(venv) for _ in range(3)])
        rounds["bare"].append(bare(bench, venv, relay, n))
    goals = {"standby": "≤ 25 ms, p99 ≤ 60", "copy of a zygote": "≤ 50 ms", "fresh process": "≤ 1.25×"}
    for rung, goal in goals.items():
        yield compared(f"cold .remote(), call → first line, {rung}", "ms", rounds[rung], rounds["import"], "import of the runtime", goal)
    yield compared("cold .remote(), call → first line, standby", "ms", rounds["standby"], rounds["bare"], "a bare standby on the relay", "≤ 1.5×")
    held = {rung: [] for rung in ("standby", "fresh process")}
    for _ in range(ROUNDS):
        for rung in held:
            held[rung].append(idle(bench, venv, folder, rung))
    yield compared(f"idle warm container, mean PSS of {IDLE} of one image", "MiB", held["standby"], held["fresh process"], "fresh process", "≤ 0.3×")
    count = max(10, 100 // bench.scale)
    for rung in ("standby", "copy of a zygote"):
        taken, floors = burst(bench, venv, folder, rung, count)
        yield compared(f"{count} containers at once, submit → last line, {rung}", "s", taken, floors, f"{count} × CPU of one ÷ cores", "≤ 1.6×")
