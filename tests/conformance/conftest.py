"""A real server with real containers, and the official clients, unmodified, against it."""
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import textwrap
import time

import interpreters
import pytest

IONIAN = os.environ["IONIAN"]
CLIENTS = {"new": pathlib.Path(os.environ["IONIAN_CLIENT"]), "old": pathlib.Path(os.environ["IONIAN_OLD_CLIENT"])}

# Shells have what they start in the background ignore Ctrl-C, and every program that this one starts would too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Files whose time goes by in waiting or in a minute of faults. They come first: at the end one worker would be left with them.
LONG = ["test_long_map", "test_durable_chaos", "test_volume_histories", "test_data_histories", "test_deploy", "test_builders", "test_tls", "test_secrets",
        "test_network_file_systems", "test_disks", "test_cloud_buckets", "test_volumes", "test_images", "test_classes", "test_server", "test_faults"]


def pytest_collection_modifyitems(items):
    place = {name: at for at, name in enumerate(LONG)}
    items.sort(key=lambda item: place.get(item.path.stem, len(LONG)))


class Server:
    """`ionian serve` on a folder of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None

    def take_over(self, data):
        """Begins with a copy of another server's data. Layers and packages never change: links to their files will do."""
        mine = self.folder / "data"
        mine.mkdir(mode=0o700)
        for part in data.iterdir():
            how = ["--link"] if part.name in ("layers", "runtime") else []
            subprocess.run(["cp", "-a", *how, part, mine], check=True)
        return self

    def start(self, *options, grpc="127.0.0.1:0", http="127.0.0.1:0", prefix=()):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen(
            [*prefix, IONIAN, "serve", "--data", str(self.folder / "data"), "--grpc", grpc, "--http", http,
             "--ready-file", str(ready), "--debug", *options], stderr=self.log)
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert self.process.poll() is None, self.log_text()
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.02)
        self.ready = json.loads(ready.read_text())
        return self

    def again(self, *options):
        """Its next life, at the same addresses."""
        return self.start(*options, grpc=self.ready["grpc_url"].split("//")[1], http=self.ready["http_url"].split("//")[1])

    def fall(self):
        """Ends without warning."""
        self.stop(signal.SIGKILL)

    def kill_at_random(self, chance, seconds, *options, longest=3):
        """Lets it fall and starts its next life, again and again; returns how often. `longest`: what a life has time for, in seconds."""
        kills, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            # The moment of the blow is what is tried here, not something that is waited for.
            time.sleep(chance.uniform(0.3, longest))
            self.fall()
            self.again(*options)
            kills += 1
        return kills

    def admin(self, *words):
        return self.owner("admin", *words)

    def admin_image(self, *words):
        return self.owner("image", *words)

    def owner(self, *words):
        out = subprocess.run([IONIAN, *words, "--data", str(self.folder / "data"), "--json"], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def token(self, name="test"):
        return self.admin("token", "create", "--name", name)

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        return self.process.returncode

    def memory_growth(self):
        """From now on: the MiB by which the server's memory was at its peak above what it is now."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status")
        resident = lambda name: int(re.search(rf"{name}:\s+(\d+)", status.read_text())[1]) >> 10
        status.with_name("clear_refs").write_text("5")  # the peak begins anew
        before = resident("VmRSS")
        return lambda: resident("VmHWM") - before

    def log_text(self):
        return (self.folder / "server.log").read_text(errors="replace")


class Client:
    """An installed official client with a token of the server."""

    def __init__(self, server, folder, which="new"):
        self.server, self.folder, self.which, self.venv = server, pathlib.Path(folder), which, CLIENTS[which]
        pair = server.token()
        # A program that a test writes anew within a second, with as many letters, is the former one to an interpreter that keeps what it
        # has compiled.
        self.env = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "PATH": f"{self.venv}/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": interpreters.NO_SETTINGS,
            "MODAL_SERVER_URL": server.ready["grpc_url"], "MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"],
        }

    def with_settings(self):
        """It may write a file of settings, `none.toml` in its folder, which is not there yet."""
        self.env["MODAL_CONFIG_PATH"] = str(self.folder / "none.toml")
        return self

    def write(self, text, name="program.py"):
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *words, check=True, timeout=400, say=None, **env):
        """Runs `modal WORDS…`, which reads `say`; returns the finished process with text output."""
        out = interpreters.run(self.venv, [self.venv / "bin/modal", *words], self.env | env, self.folder, say, timeout)
        assert not check or out.returncode == 0, f"{out.stdout}\n{out.stderr}"
        return out

    def popen(self, *words, **env):
        return subprocess.Popen([self.venv / "bin/modal", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=self.env | env, cwd=self.folder, process_group=0)

    def python(self, path, *words, check=True, timeout=400, **env):
        out = interpreters.run(self.venv, [path, *words], self.env | env, self.folder, None, timeout)
        assert not check or out.returncode == 0, f"{out.stdout}\n{out.stderr}"
        return out


PRELUDE = """
    import asyncio, queue, threading, time
    import modal

    def refused(kind, f):
        try:
            f()
        except kind as error:
            return str(error)
        raise SystemExit("that was not refused")

"""


def python(client, text, **more):
    """What a program prints that needs no app; `refused(kind, f)` is the text of the error that f() must raise."""
    return client.python(client.write(textwrap.dedent(PRELUDE) + textwrap.dedent(text)), **more).stdout


PLAIN = """
    import modal
    app = modal.App("plain")

    @app.function()
    def f():
        return "it runs"

    @app.local_entrypoint()
    def main():
        print(f.remote())
"""


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The data of a server that has built the images of programs that name none, one for each client: what others need not wait for again. Beside it
    `new.log` and `old.log`, which tell how."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "built"
    with open(shared / "built.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            server = Server(folder).start()
            for which in CLIENTS:
                client = Client(server, folder, which)
                out = client.run("run", client.write(PLAIN)).stdout
                assert "it runs" in out
                (folder / f"{which}.log").write_text(out)
            assert server.stop() == 0, server.log_text()[-3000:]
            (folder / "complete").touch()
    return folder / "data"


REMOVALS = []


def remove_beside(folder):
    """While tests go on: a server's folder has 20,000 files, which takes seconds."""
    REMOVALS.append(subprocess.Popen(["rm", "-rf", folder]))


def pytest_sessionfinish():
    for removal in REMOVALS:
        removal.wait()


@contextlib.contextmanager
def running_server(built, *options, prefix=(), **addresses):
    """Ends also where what is done with it fails: one that stays holds this process's output open."""
    folder = tempfile.mkdtemp(prefix="ionian-test.")
    running = Server(folder).take_over(built).start(*options, prefix=prefix, **addresses)
    try:
        yield running
    finally:
        ended = running.stop()
    assert ended == 0, running.log_text()[-3000:]
    remove_beside(folder)


@pytest.fixture(scope="session")
def server(built):
    with running_server(built) as running:
        yield running


@pytest.fixture(scope="module")
def own(tmp_path_factory, built):
    """A server for one file of tests."""
    server = Server(tmp_path_factory.mktemp("server")).take_over(built).start()
    yield server
    assert server.stop() == 0, server.log_text()[-3000:]


@pytest.fixture
def client(server, tmp_path):
    return Client(server, tmp_path)


@pytest.fixture
def old_client(server, tmp_path):
    return Client(server, tmp_path, "old")


@pytest.fixture(params=CLIENTS)
def any_client(request, server, tmp_path):
    """Each of the clients in its turn: the same program runs with both."""
    return Client(server, tmp_path, request.param)
