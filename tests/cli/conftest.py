"""The commands in an environment of their own; a server where one is needed."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

IONIAN = os.environ["IONIAN"]


class Home:
    """A home folder, and what `ionian` does in it."""

    def __init__(self, folder):
        self.folder, self.file = pathlib.Path(folder), pathlib.Path(folder) / ".modal.toml"
        self.env = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def run(self, *words, code=0, stdin="", timeout=60, **env):
        out = subprocess.run([IONIAN, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=timeout, env=self.env | env,
                             start_new_session=True)
        assert out.returncode == code, f"exit code {out.returncode}\n{out.stdout}\n{out.stderr}"
        return out

    def json(self, *words, **options):
        return json.loads(self.run(*words, **options).stdout)

    def write(self, text, mode=0o600):
        self.file.write_text(text)
        self.file.chmod(mode)


class Server:
    """`ionian serve` on a folder of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        ready = self.folder / "ready.json"
        self.log = open(self.folder / "server.log", "ab")
        self.process = subprocess.Popen([IONIAN, "serve", "--data", str(self.folder / "data"), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                         "--ready-file", str(ready)], stderr=self.log)
        deadline = time.monotonic() + 60
        while not ready.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "server.log").read_text()
            time.sleep(0.02)
        self.url = json.loads(ready.read_text())["grpc_url"]

    def token(self, name="test"):
        out = subprocess.run([IONIAN, "admin", "token", "create", "--name", name, "--data", str(self.folder / "data"), "--json"],
                             capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.stop() == 0
