"""A task that a standby takes over cannot tell that from a fresh start, but by the clock."""
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest
from conftest import Client, running_server
from test_metrics import figures
from test_run import wait_for

LOOK = """
    import json, os, sys

    import modal

    app = modal.App("looks")
    image = modal.Image.debian_slim().env({"TZ": "Asia/Tokyo"})

    def open_files():
        found = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{fd}").split(":[")[0])
            except FileNotFoundError:  # the folder that was listed
                pass
        return sorted(found)

    def look():
        import atexit, gc, random, resource, secrets, signal, socket, ssl, subprocess, tempfile, threading, time, uuid, warnings
        atexit.register(print, "GOODBYE", flush=True)
        main = sys.modules["__main__"]
        environment = open("/proc/self/environ").read()
        for name in ("MODAL_TASK_ID", "MODAL_IMAGE_ID"):
            environment = environment.replace(os.environ[name], name)
        mounts = [line.split()[1] for line in open("/proc/self/mounts")]
        files = {fd: os.readlink(f"/proc/self/fd/{fd}").split(":")[0] for fd in sorted(os.listdir("/proc/self/fd")) if fd in "012"}
        return {
            "argv": sys.argv, "orig_argv": sys.orig_argv, "flags": str(sys.flags), "path": sys.path, "cwd": os.getcwd(),
            "modules": sorted(sys.modules), "main": (main.__spec__.name, main.__file__, main.__package__), "meta_path": len(sys.meta_path),
            "environment": sorted(environment.split("\\0")),
            "environ": {k: v for k, v in os.environ.items() if k not in ("MODAL_TASK_ID", "MODAL_IMAGE_ID")},
            "child": subprocess.getoutput("env | cut -d= -f1 | sort"),
            "cmdline": open("/proc/self/cmdline").read(), "mounts": sorted(mounts), "files": files,
            "stdin": (sys.stdin.name, sys.stdin.isatty(), sys.stdin.read()),
            # The runtime opens some for a moment.
            "more files": min(((time.sleep(0.02), open_files())[1] for _ in range(50)), key=len),
            "threads": sorted(t.name.split("-")[0] for t in threading.enumerate()),
            "signals": {s.name: str(signal.getsignal(s)).split(" at ")[0] for s in signal.Signals},
            "limits": {n: resource.getrlimit(getattr(resource, n)) for n in dir(resource) if n.startswith("RLIMIT")},
            "zone": (time.tzname, time.localtime().tm_gmtoff), "umask": os.umask(0o22), "ids": (os.getresuid(), os.getresgid(), os.getgroups()),
            "host": socket.gethostname(), "root": sorted(os.listdir("/")), "home": sorted(os.listdir("/root")),
            "modal": sorted(os.listdir("/__modal")), "processes": sorted(p for p in os.listdir("/proc") if p.isdigit())[0],
            "filters": len(warnings.filters), "frozen": gc.get_freeze_count(), "collects": gc.isenabled(), "thresholds": gc.get_threshold(), "oom": open("/proc/self/oom_score_adj").read(),
            "status": [line for line in open("/proc/self/status") if line.startswith(("Cap", "NoNewPrivs", "Seccomp", "Sig"))],
            "groups": [line.split(":", 1)[1] for line in open("/proc/self/cgroup")],
            "chance": [str(random.random()), str(uuid.uuid4()), secrets.token_hex(8), ssl.RAND_bytes(8).hex(), tempfile.mktemp()],
        }

    @app.function(image=image, single_use_containers=True, secrets=[modal.Secret.from_dict({"PASSWORD": "plum", "TZ": "XYZ-7"})])
    def one():
        return look()

    @app.local_entrypoint()
    def main(count: int = 1):
        for call in [one.spawn() for _ in range(count)]:
            # In one piece: what the container prints is shown meanwhile, by another thread.
            sys.stdout.write("SEEN" + json.dumps(call.get()) + "\\n")
"""


# What a container can do, by one that is asked for it all.
WORK = """
    import asyncio, json, multiprocessing, os, signal, threading, time
    import modal

    app = modal.App("works")
    image = modal.Image.debian_slim().env({"TZ": "Asia/Tokyo"})
    volume = modal.Volume.from_name("works", create_if_missing=True)

    def square(n):
        return n * n

    @app.cls(image=image, volumes={"/data": volume}, max_containers=1)
    class Worker:
        @modal.enter()
        def begin(self):
            self.asked, self.loops = 0, set()

        @modal.method()
        def count(self, upto):
            for n in range(upto):
                self.asked += 1
                yield n

        @modal.method()
        async def gather(self, n):
            self.loops.add(asyncio.get_running_loop())
            return await asyncio.gather(*(asyncio.sleep(0, i) for i in range(n))), len(self.loops)

        @modal.method()
        def work(self):
            sums, heard = [], []
            threads = [threading.Thread(target=lambda n=n: sums.append(sum(range(n)))) for n in range(5)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            with multiprocessing.Pool(2) as pool:
                squares = pool.map(square, range(4))
                pool.close()
                pool.join()
            queue = multiprocessing.Queue()
            process = multiprocessing.Process(target=queue.put, args=("from a process",))
            process.start()
            said = queue.get()
            process.join()
            child = os.fork()
            if child == 0:
                os._exit(7)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            before = signal.signal(signal.SIGUSR2, lambda number, frame: heard.append(number))
            os.kill(os.getpid(), signal.SIGUSR2)
            signal.signal(signal.SIGUSR2, before)
            return sorted(sums), squares, said, process.exitcode, ended, heard == [signal.SIGUSR2]

        @modal.method()
        def hang(self, queue):
            # From another thread: the runtime cancels once, and the client's own code may swallow it.
            threading.Timer(0.1, queue.put, ["here"]).start()
            try:
                time.sleep(300)
            except BaseException as error:
                queue.put(type(error).__name__)
                raise

        @modal.method()
        def keep(self, text):
            with open("/data/kept", "w") as file:
                file.write(text)
            volume.commit()
            return self.asked

        @modal.exit()
        def end(self):
            print("ENDED after", self.asked, flush=True)

    @app.local_entrypoint()
    def main(text: str):
        worker = Worker()
        did = [list(worker.count.remote_gen(3)), worker.gather.remote(3), worker.gather.remote(2), worker.work.remote()]
        with modal.Queue.ephemeral() as queue:
            call = worker.hang.spawn(queue)
            did.append(queue.get())
            call.cancel()
            did.append(queue.get())
            try:
                call.get()
            except Exception as error:
                did.append(type(error).__name__)
        did += [worker.keep.remote(text), b"".join(volume.read_file("kept")).decode()]
        print("DID" + json.dumps(did))
"""


def work(client, rung):
    """All of WORK in one container, which comes into being in that way."""
    out = client.run("run", client.write(WORK), "--text", rung).stdout
    did = json.loads(next(line[3:] for line in out.splitlines() if line.startswith("DID")))
    assert did == [[0, 1, 2], [[0, 1, 2], 1], [[0, 1], 1], [[0, 0, 1, 3, 6], [0, 1, 4, 9], "from a process", 0, 7, True],
                   "here", "InputCancellation", "RemoteError", 3, rung]
    assert "ENDED after 3" in out


# By way of getting them, what all tasks of this file have drawn.
CHANCES = [set() for _ in range(5)]


@pytest.fixture(scope="module")
def server(built):
    """One for this file: what else runs on it would take its standbys."""
    with running_server(built) as running:
        yield running


def counts(server):
    all_of = figures(server)
    return [int(all_of[f"ionian_standbys{which}"]) for which in ("_taken_total", "_missing_total")]


def wait_for_standby(server):
    wait_for(lambda: figures(server)["ionian_standbys"] >= 1, 120)


def all_seen(client, program, count):
    """What each saw, less what is to differ: no number that one came upon has another one seen."""
    out = client.run("run", program, "--count", count).stdout
    looks = [json.loads(line[4:]) for line in out.splitlines() if line.startswith("SEEN")]
    assert out.count("GOODBYE") == len(looks) == count
    for look in looks:
        assert look["zone"] == [["XYZ", "XYZ"], 7 * 3600], look["zone"]
        chance = look.pop("chance")
        assert len(chance) == len(CHANCES) == 5
        for seen, value in zip(CHANCES, chance):
            assert value not in seen
            seen.add(value)
    return looks


def seen(client, program):
    return all_seen(client, program, 1)[0]


def variables_of_waiting(server):
    """What /proc shows of the interpreters of that server which no task has."""
    def belongs(pid):
        while pid > 1 and pid != server.process.pid:
            pid = int(re.search(r"^PPid:\t(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1])
        return pid == server.process.pid

    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"_container_entrypoint" in (folder / "cmdline").read_bytes() and belongs(int(folder.name)):
                found.append((folder / "environ").read_bytes())
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            pass
    return [variables for variables in found if b"PYTHONPATH=/__modal/standby:" in variables]


def prepare(server, client):
    """A standby for tasks of LOOK's image; how many tasks found one so far."""
    client.run("run", client.write(LOOK))
    wait_for_standby(server)
    return counts(server)[0]


def test_it_looks_as_after_a_fresh_start(server, client):
    program = client.write(LOOK)
    fresh = seen(client, program)
    assert counts(server) == [0, 1] and fresh["environ"]["PASSWORD"] == "plum"
    wait_for_standby(server)
    taken = seen(client, program)
    assert counts(server) == [1, 1]
    assert fresh.pop("frozen") == 0 < taken["frozen"]  # the one trace
    for name, value in fresh.items():
        assert taken[name] == value, name
    wait_for_standby(server)
    wait_for_standby(server)
    waiting = variables_of_waiting(server)
    assert len(waiting) >= 2 and not any(b"plum" in variables for variables in waiting)
    before = counts(server)[0]
    work(client, "a standby")
    assert counts(server)[0] == before + 1


@contextlib.contextmanager
def life(server, *options):
    """Another one of the server, and afterwards one as all tests here expect."""
    server.stop()
    server.again(*options)
    try:
        yield
    finally:
        server.stop()
        server.again()


def test_tasks_that_find_none_are_copies_and_look_the_same(server, client):
    with life(server, "--standby-memory", "64"):  # room for a zygote, and for no standby beside it
        program = client.write(LOOK)
        fresh = seen(client, program)
        wait_for(lambda: figures(server)["ionian_zygotes"] == 1, 120)
        looks = all_seen(client, program, 3)
        assert figures(server)["ionian_standbys_copied_total"] == 3 and counts(server) == [0, 4]
        assert fresh.pop("frozen") == 0
        for look in looks:
            assert look["frozen"] > 0
            for name, value in fresh.items():
                assert look[name] == value, name
        work(client, "a copy")
        assert figures(server)["ionian_standbys_copied_total"] == 4 and counts(server) == [0, 5]


def test_without_zygotes_each_starts_by_itself(server, client):
    with life(server, "--no-zygotes"):
        before = prepare(server, client)
        work(client, "a standby that is no copy")
        assert counts(server)[0] == before + 1
        assert len(all_seen(client, client.write(LOOK), 2)) == 2
        assert figures(server)["ionian_zygotes"] == figures(server)["ionian_standbys_copied_total"] == 0 < counts(server)[0]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_zygote_that_dies_or_hangs_is_replaced(server, client, how):
    prepare(server, client)
    wait_for(lambda: figures(server)["ionian_zygotes"] == 1, 120)
    spawner = subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "spawner"], capture_output=True, text=True).stdout.split()[0]
    zygotes = subprocess.run(["pgrep", "-P", spawner, "-f", "_container_entrypoint"], capture_output=True, text=True).stdout.split()
    assert len(zygotes) == 1
    os.kill(int(zygotes[0]), how)
    if how == signal.SIGSTOP:
        client.run("run", client.write(LOOK))  # it is noticed when it is to make a copy
    wait_for(lambda: subprocess.run(["pgrep", "-P", spawner, "-f", "_container_entrypoint"], capture_output=True, text=True).stdout.split() not in ([], zygotes), 120)
    assert seen(client, client.write(LOOK))["environ"]["PASSWORD"] == "plum"


def test_what_the_first_one_read_is_read_ahead_in_the_next_life(server, client):
    prepare(server, client)
    lists = server.folder / "data/tasks.hot"
    # But for one that is just being written.
    wait_for(lambda: any("/pkg/modal/" in each.read_text() for each in lists.glob("?" * 64)), 60)
    server.stop()
    server.again()
    assert figures(server)["ionian_files_read_ahead_total"] == 0
    client.run("run", client.write(LOOK))
    wait_for(lambda: figures(server)["ionian_files_read_ahead_total"] > 300, 60)


def test_another_program_of_the_same_image_finds_one(server, client):
    """Its files, secrets, memory and working folder come when the standby is taken over."""
    before = prepare(server, client)
    client.write("WHO = 'other'", "other.py")
    out = client.run("run", client.write("""
        import modal
        import other

        app = modal.App("second", image=modal.Image.debian_slim().env({"TZ": "Asia/Tokyo"}).add_local_python_source("other"))

        @app.cls(secrets=[modal.Secret.from_dict({"FRUIT": "pear"})], memory=(128, 300), timeout=60, ephemeral_disk=1024)
        class Eater:
            size: int = modal.parameter()

            @modal.enter()
            def begin(self):
                print("hello from enter")

            @modal.method()
            def eat(self):
                import os
                with open("/root/mine", "w") as file:
                    file.write("x")
                return other.WHO, os.environ["FRUIT"], self.size, os.statvfs("/root").f_blocks * 4096 < 2 << 30

            @modal.method()
            def too_much(self):
                return len(bytearray(500 << 20))

        @app.local_entrypoint()
        def main():
            print(*Eater(size=3).eat.remote())
            try:
                Eater(size=3).too_much.remote()
            except Exception as error:
                print(type(error).__name__, error)
    """, "second.py")).stdout
    assert "other pear 3 True" in out and "hello from enter" in out and "memory" in out
    assert counts(server)[0] == before + 1


def test_workspaces_and_versions_of_the_client_share_none(server, client, tmp_path):
    """Neither one that waits nor a copy of one."""
    with life(server):  # those of other workspaces would be there for the tests that follow
        prepare(server, client)
        wait_for(lambda: figures(server)["ionian_zygotes"] >= 1, 120)
        server.admin("workspace", "create", "tenant")
        tenant = server.admin("token", "create", "--name", "tenant", "--workspace", "tenant")
        other, older = Client(server, tmp_path), Client(server, tmp_path, "old")
        other.env |= {"MODAL_TOKEN_ID": tenant["token_id"], "MODAL_TOKEN_SECRET": tenant["token_secret"]}
        for stranger in other, older:
            (taken, missing), copied = counts(server), figures(server)["ionian_standbys_copied_total"]
            stranger.run("run", stranger.write(LOOK.replace("single_use_containers=True", "max_inputs=1")))
            assert counts(server) == [taken, missing + 1] and figures(server)["ionian_standbys_copied_total"] == copied, stranger.env
        seen(client, client.write(LOOK))
        assert counts(server)[0] == taken + 1


def test_what_an_interpreter_must_know_at_its_start_makes_it_start_again(server, client):
    before = prepare(server, client)
    client.write("WHO = 'mine'", "certifi.py")
    out = client.run("run", client.write("""
        import modal

        app = modal.App("again")
        image = modal.Image.debian_slim().env({"TZ": "Asia/Tokyo"}).add_local_file("certifi.py", "/root/certifi.py")

        @app.function(image=image)
        def f():
            import certifi
            print('GOT', certifi.WHO)

        @app.local_entrypoint()
        def main():
            f.remote()
    """, "again.py")).stdout
    assert "GOT mine" in out and counts(server)[0] == before + 1


# What the interpreter, the C library or a module that the runtime loads reads at its start, and what shows that it did.
EARLY = {
    "PYTHONOPTIMIZE=1": ("sys.flags.optimize", 1),
    "PATH=/bin:/usr/bin": ("sys.executable", "/bin/python"),
    "HOME=/tmp": ("modal.config.user_config_path", "/tmp/.modal.toml"),
    "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python": ("google.protobuf.internal.api_implementation.Type()", "python"),
    "MULTIDICT_NO_EXTENSIONS=1": ("multidict._compat.USE_EXTENSIONS", False),
    "SYNCHRONICITY_TRACEBACK=1": ("synchronicity.exceptions.SYNCHRONICITY_TRACEBACK", True),
    "OPENSSL_CONF=/root/openssl.cnf": ("ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).minimum_version.name", "TLSv1_3"),
    "LC_ALL=C": ("locale.setlocale(locale.LC_CTYPE)", "C"),
}
OPENSSL = """
    openssl_conf = all
    [all]
    ssl_conf = named
    [named]
    system_default = default
    [default]
    MinProtocol = TLSv1.3
"""


def test_variables_that_are_read_at_the_start_are_heard(server, client):
    prepare(server, client)
    wait_for(lambda: figures(server)["ionian_zygotes"] == 1, 120)
    before = counts(server)[0] + figures(server)["ionian_standbys_copied_total"]
    client.write(OPENSSL, "openssl.cnf")
    functions = "".join(f"""
        @app.function(image=image, secrets=[modal.Secret.from_dict({dict([variable.split("=", 1)])})], serialized=True, name="f{number}")
        def f{number}():
            import locale, ssl, sys, google.protobuf.internal.api_implementation, multidict, synchronicity, modal.config
            return {shown}

        calls.append(f{number}.spawn)
""" for number, (variable, (shown, _)) in enumerate(EARLY.items()))
    out = client.run("run", client.write(f"""
        import json, modal

        app = modal.App("early")
        image = modal.Image.debian_slim().env({{"TZ": "Asia/Tokyo"}}).add_local_file("openssl.cnf", "/root/openssl.cnf")
        calls = []
        {functions}
        @app.local_entrypoint()
        def main():
            print("GOT" + json.dumps([call.get() for call in [spawn() for spawn in calls]]))
    """, "early.py")).stdout
    got = json.loads(next(line[3:] for line in out.splitlines() if line.startswith("GOT")))
    assert dict(zip(EARLY, got)) == {variable: value for variable, (_, value) in EARLY.items()}
    # None of them was made in another way.
    assert counts(server)[0] + figures(server)["ionian_standbys_copied_total"] == before + len(EARLY)


def test_what_an_image_has_run_at_the_start_finds_the_tasks_variables(server, client):
    program = client.write("""
        import shlex, sys
        import modal

        app = modal.App("begins")
        secrets = [modal.Secret.from_dict({"PASSWORD": "plum"})]

        LINE = "import os, sys; sys.seen = os.environ.get('PASSWORD'), 'modal' in sys.modules"

        def with_file(name):
            write = "import site, sys; open(site.getsitepackages()[0] + sys.argv[1], 'w').write(sys.argv[2])"
            return modal.Image.debian_slim().run_commands(shlex.join(["python", "-c", write, "/" + name, LINE]))

        @app.function(image=with_file("usercustomize.py"), secrets=secrets)
        def one():
            return sys.seen

        @app.function(image=with_file("own.pth"), secrets=secrets)
        def two():
            return sys.seen

        @app.local_entrypoint()
        def main():
            print("SEEN", one.remote(), two.remote())
    """)
    for _ in range(2):
        before = counts(server)[0] + figures(server)["ionian_standbys_copied_total"]
        assert "SEEN ('plum', False) ('plum', False)" in client.run("run", program).stdout
        assert counts(server)[0] + figures(server)["ionian_standbys_copied_total"] == before
        wait_for(lambda: all(re.search(rf"ended before its task came: interpreters of an image that has \S*/{name} ", server.log_text())
                             for name in ("usercustomize.py", "own.pth")), 120)


def test_one_that_dies_is_replaced_and_no_task_notices(server, client):
    prepare(server, client)
    spawner = subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "spawner"], capture_output=True, text=True).stdout.split()[0]
    os.kill(int(spawner), signal.SIGKILL)
    assert seen(client, client.write(LOOK))["environ"]["PASSWORD"] == "plum"


def test_none_is_kept_where_none_is_wanted(server, client):
    with life(server, "--standby-memory", "0"):
        program = client.write(LOOK)
        seen(client, program)
        work(client, "a fresh one")
        assert counts(server) == [0, 0] and figures(server)["ionian_standbys"] == 0
