"""When containers start and end and what they get at a time; and readers that do not read."""
import json
import subprocess
import tempfile

from conftest import Client, Server, running_server
from test_run import wait_for


def test_batches_wait_to_be_full(client):
    """The inputs of a map come one by one, so that a batch of four is one that was waited for."""
    out = client.run("run", client.write("""
        import modal
        app = modal.App("batches")

        @app.function(max_containers=1)
        @modal.batched(max_batch_size=4, wait_ms=60_000)
        def sizes(words):
            return [f"{word}:{len(words)}" for word in words]

        @app.function(max_containers=1)
        @modal.batched(max_batch_size=4, wait_ms=1)
        async def alone(words):
            return [f"{word}:{len(words)}" for word in words]

        @app.local_entrypoint()
        def main():
            print("full", list(sizes.map("abcdefgh")))
            print("alone", [alone.remote(word) for word in "xy"])
    """)).stdout
    assert "full " + str([f"{letter}:4" for letter in "abcdefgh"]) in out
    assert "alone ['x:1', 'y:1']" in out


def test_containers_load_side_by_side(client):
    """None of the enter hooks ends before all have begun."""
    out = client.run("run", client.write("""
        import time, modal
        app = modal.App("side-by-side")
        begun = modal.Queue.from_name("begun", create_if_missing=True)

        @app.cls(max_containers=6, min_containers=6)
        class Slow:
            @modal.enter()
            def load(self):
                begun.put(1)
                while begun.len() < 6:
                    time.sleep(0.05)

            @modal.method()
            def answer(self, x):
                return -x

        @app.local_entrypoint()
        def main():
            print("answers", list(Slow().answer.map(range(6))))
    """)).stdout
    assert "answers [0, -1, -2, -3, -4, -5]" in out


def test_a_container_is_used_again_and_removed_after_its_window(server, client):
    program = client.write("""
        import os, pathlib, time, modal
        app = modal.App("window")

        @app.function(scaledown_window=2)
        def where():
            return os.environ["MODAL_TASK_ID"]

        @app.local_entrypoint()
        def main():
            first, second = where.remote(), where.remote()
            print("again", first == second, flush=True)
            while not pathlib.Path("gone").exists():
                time.sleep(0.05)
            print("another", where.remote() != first)
    """)
    process = client.popen("run", program)
    seen = next(line for line in process.stdout if line.startswith("again"))
    assert "again True" in seen
    # The app goes on; its container does not.
    wait_for(lambda: server.admin("status")["containers"] == 0)
    assert process.poll() is None
    (client.folder / "gone").touch()
    rest = process.stdout.read()
    assert process.wait(60) == 0 and "another True" in rest


READER = """
import asyncio, os, sys
from grpclib.client import Channel
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientStub

async def main():
    host, port = os.environ["MODAL_SERVER_URL"].removeprefix("http://").split(":")
    channel = Channel(host, int(port))
    metadata = {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1",
                "x-modal-token-id": os.environ["MODAL_TOKEN_ID"], "x-modal-token-secret": os.environ["MODAL_TOKEN_SECRET"]}
    async with ModalClientStub(channel).AppGetLogs.open(metadata=metadata) as stream:
        await stream.send_message(api_pb2.AppGetLogsRequest(app_id=sys.argv[1], timeout=55), end=True)
        await stream.recv_message()
        print("reading no further", flush=True)
        sys.stdin.read()  # holds the loop, and with it the connection: nothing is read any more

asyncio.run(main())
"""


def test_a_reader_that_does_not_read_holds_up_nobody_else(client):
    program = client.write(r"""
        import pathlib, time, modal
        app = modal.App("loud")

        @app.function(timeout=120)
        def speak(lines):
            for i in range(lines):
                print(f"line {i:06d} " + "x" * 88)

        @app.local_entrypoint()
        def main():
            print("app", app.app_id, flush=True)
            speak.remote(1)
            while not pathlib.Path("go").exists():
                time.sleep(0.05)
            speak.remote(100_000)
            print("spoken")
    """)
    # On a machine that is busy it takes more than the 10 s that the client gives the last lines.
    process = client.popen("run", program, MODAL_LOGS_TIMEOUT="120")
    app = next(line for line in process.stdout if line.startswith("app ap-")).split()[1]
    reader = subprocess.Popen([client.venv / "bin/python", "-c", READER, app], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=client.env)
    try:
        assert reader.stdout.readline() == "reading no further\n"
        (client.folder / "go").touch()
        lines = [line for line in process.stdout if line.startswith(("line ", "spoken"))]
        assert process.wait(60) == 0
        assert "spoken\n" in lines and sum(line.startswith("line ") for line in lines) >= 100_000
        assert reader.poll() is None
    finally:
        reader.kill()
        reader.wait()
        process.kill()


def test_ephemeral_disk_is_bound(client):
    out = client.run("run", client.write("""
        import os, modal
        app = modal.App("disk")

        @app.function(ephemeral_disk=64)
        def fill():
            try:
                with open("/tmp/file", "wb") as file:
                    while True:
                        file.write(b"x" * (1 << 20))
            except OSError as error:
                return error.strerror, os.stat("/tmp/file").st_size >> 20

        @app.function(memory=(128, 192), ephemeral_disk=1024)
        def write():
            with open("/tmp/file", "wb") as file:
                for _ in range(400):
                    file.write(b"x" * (1 << 20))
            return os.stat("/tmp/file").st_size >> 20

        @app.function()
        def size():
            of = os.statvfs("/tmp")
            return of.f_blocks * of.f_frsize >> 30

        @app.local_entrypoint()
        def main():
            error, mib = fill.remote()
            print("filled", error, 32 < mib <= 64)
            print("written", write.remote())
            print("default", 30 <= size.remote() <= 32)
    """)).stdout
    assert "filled No space left on device True" in out
    assert "written 400" in out
    assert "default True" in out


def test_what_a_function_asks_for_is_its_share(client):
    """A part of the processors and of the memory, where there is less than everybody wants; the groups are looked at while it runs. They bear the name of
    the task or of a standby that became it, so they are told by what they have."""
    out = client.run("run", client.write("""
        import glob, os, modal
        app = modal.App("share")
        whoami = lambda: os.environ["MODAL_TASK_ID"]
        most = app.function(cpu=2.125, memory=317, serialized=True, name="most")(whoami)
        usual = app.function(serialized=True, name="usual")(whoami)

        def value_of(path):
            try:
                return int(open(path).read())
            except OSError:
                return None  # of a container that has just gone

        def groups_with(value, *files):
            paths = [path for file in files for path in glob.glob(f"/sys/fs/cgroup/**/ionian-*/*/{file}", recursive=True)]
            return {os.path.dirname(path) for path in paths if value_of(path) == value}

        def of(group, *files):
            return next(open(f"{group}/{file}").read().split()[0] for file in files if os.path.exists(f"{group}/{file}"))

        @app.local_entrypoint()
        def main():
            most.remote(), usual.remote()
            v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
            cpu, = groups_with(212 if v2 else 2176, "cpu.shares", "cpu.weight")
            memory, = groups_with(317 << 20, "memory.soft_limit_in_bytes", "memory.low")
            print("usual", len(groups_with(12 if v2 else 128, "cpu.shares", "cpu.weight")) > 0)
            print("no bounds", of(cpu, "cpu.cfs_quota_us", "cpu.max") in ("-1", "max"), of(memory, "memory.limit_in_bytes", "memory.max")[:3] in ("922", "max"))
    """)).stdout
    assert "usual True" in out
    assert "no bounds True True" in out, "what a function asks for is no limit"


def test_starts_that_take_too_long_and_containers_that_stand_ready(client):
    out = client.run("run", client.write("""
        import time, modal
        app = modal.App("starts")

        @app.cls(startup_timeout=3)
        class Slow:
            @modal.enter()
            def begin(self):
                time.sleep(600)

            @modal.method()
            def work(self):
                pass

        @app.function(buffer_containers=1)
        def busy():
            time.sleep(600)

        @app.local_entrypoint()
        def main():
            running = busy.spawn()
            try:
                Slow().work.remote()
            except modal.exception.RemoteError as error:
                print("slow", error)
            deadline = time.monotonic() + 60
            while (there := busy.get_current_stats().num_total_runners) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            print("there", there)
            running.cancel()
    """)).stdout
    assert "slow the container was not ready within the function's startup_timeout" in out
    assert "there 2" in out


def test_where_a_function_is_full_calls_are_refused_and_maps_wait(tmp_path, built):
    server = Server(tmp_path).take_over(built).start("--pending-inputs", "100")
    try:
        client = Client(server, tmp_path)
        out = client.run("run", client.write("""
            import asyncio, time, modal
            app = modal.App("full")

            @app.function(max_containers=1, timeout=600)
            def hold(gate):
                while not gate.contains("open"):
                    time.sleep(0.05)

            @app.function(max_containers=1)
            def double(x):
                return 2 * x

            @app.local_entrypoint()
            async def main():
                async with modal.Dict.ephemeral() as gate:
                    calls = [asyncio.create_task(hold.remote.aio(gate)) for _ in range(110)]
                    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                    refused = done.pop().exception()
                    await gate.put.aio("open", True)
                    results = await asyncio.gather(*calls, return_exceptions=True)
                    print("refused", type(refused).__name__, refused)
                    print("done", 110 - sum(isinstance(result, Exception) for result in results) >= 100)
                print("sum", sum([x async for x in double.map.aio(range(300))]))
        """)).stdout
    finally:
        server.stop()
    assert "refused ResourceExhaustedError" in out and "--pending-inputs" in out
    assert "done True" in out and f"sum {300 * 299}" in out


def test_each_bound_of_inputs_and_disk_is_a_setting_of_its_own(built, tmp_path):
    bounds = ("--pending-inputs", "1000", "--function-inputs", "100", "--spawned-inputs", "110", "--ephemeral-disk-max", "600000")
    with running_server(built, *bounds) as server:
        client = Client(server, tmp_path)
        program = """
            import asyncio, modal
            app = modal.App("bounded")

            @app.function(max_containers=1, ephemeral_disk=600_000)
            def wait(gate):
                gate.get()

            async def fill(begin, most, gate):
                for number in range(1, most + 2):
                    try:
                        await begin(gate)
                    except modal.exception.ResourceExhaustedError as error:
                        return number, str(error)

            @app.local_entrypoint()
            async def main():
                async with modal.Queue.ephemeral() as gate:
                    spawned, why = await fill(wait.spawn.aio, 110, gate)
                    print("spawned", spawned, "--spawned-inputs" in why, why)
                    calls = [asyncio.create_task(wait.remote.aio(gate)) for _ in range(101)]
                    done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                    why = str(done.pop().exception())
                    print("awaited", len(done), "--function-inputs" in why, why)
                    for call in calls:
                        call.cancel()
        """
        out = client.run("run", client.write(program)).stdout
        assert "spawned 111 True" in out and "awaited 0 True" in out, out
        refused = client.run("run", client.write(program.replace("600_000", "600_001")), check=False)
        assert "ephemeral_disk" in refused.stderr and "--ephemeral-disk-max" in refused.stderr, refused.stderr


def test_a_client_that_dies_in_a_map_of_a_deployed_app_leaves_nothing_running(built):
    with running_server(built, "--unattended-seconds", "6", "--map-inputs", "50", "--timeout-max", "90") as server, \
            tempfile.TemporaryDirectory() as folder:
        client = Client(server, folder)
        program = """
            import time, modal
            app = modal.App("orphaned")

            @app.function(max_containers=1, scaledown_window=2, timeout=90)
            def slow(n):
                time.sleep(0.1)
        """
        refused = client.run("deploy", client.write(program.replace("90", "91")), check=False)
        assert "timeout may be 1 to 90 seconds, and is 91" in " ".join((refused.stdout + refused.stderr).split()), refused
        client.run("deploy", client.write(program))
        running = subprocess.Popen([client.venv / "bin/python", client.write("""
            import modal
            for _ in modal.Function.from_name("orphaned", "slow").map(range(10_000)):
                print("one is done", flush=True)
        """, "map.py")], stdout=subprocess.PIPE, env=client.env, cwd=client.folder)
        try:
            # It goes on for longer than nobody may ask.
            for _ in range(70):
                assert running.stdout.readline()
            assert 50 <= server.admin("status")["inputs"] < 200  # those under way, and those that were read
        finally:
            running.kill()
            running.communicate()
        wait_for(lambda: json.loads(client.run("container", "list", "--json").stdout) == [])
