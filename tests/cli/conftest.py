"""The commands in an environment of their own; a server where one is needed."""
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

IONIAN = os.environ["IONIAN"]
CLIENT = os.environ["IONIAN_CLIENT"]  # the folder of the official client


class Home:
    """A home folder, and what `ionian` does in it."""

    def __init__(self, folder):
        self.folder, self.file = pathlib.Path(folder), pathlib.Path(folder) / ".modal.toml"
        self.env = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}

    def run(self, *words, code=0, stdin="", timeout=60, **env):
        out = subprocess.run([IONIAN, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=timeout, env=self.env | env,
                             start_new_session=True)
        assert code is None or out.returncode == code, f"exit code {out.returncode}\n{out.stdout}\n{out.stderr}"
        return out

    def json(self, *words, **options):
        return json.loads(self.run(*words, **options).stdout)

    def official(self, *words, code=0, **env):
        """The official command in the same home."""
        out = subprocess.run([f"{CLIENT}/bin/modal", *words], capture_output=True, text=True, timeout=60, env=self.env | env,
                             stdin=subprocess.DEVNULL)
        assert code is None or out.returncode == code, f"exit code {out.returncode}\n{out.stdout}\n{out.stderr}"
        return out

    def sign_in(self, server, **pair):
        """A profile with a token of the server's, stored as a person would."""
        pair = pair or server.token()
        self.run("token", "set", "--token-id", pair["token_id"], "--token-secret", "-", "--profile", "home",
                 stdin=pair["token_secret"] + "\n", MODAL_SERVER_URL=server.url)
        return pair

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
        addresses = json.loads(ready.read_text())
        self.url, self.pages = addresses["grpc_url"], addresses["http_url"]

    def token(self, name="test"):
        return self.admin("token", "create", "--name", name)

    def admin(self, *words):
        out = subprocess.run([IONIAN, "admin", *words, "--data", str(self.folder / "data"), "--json"], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


class Fake:
    """A server that answers as told; its calls are known when it has stopped."""

    def __init__(self, answers, *tls):
        self.process = subprocess.Popen([f"{CLIENT}/bin/python", "-B", str(pathlib.Path(__file__).parent / "fake_modal.py"), *map(str, tls)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(answers) + "\n")
        self.process.stdin.flush()
        self.port = int(self.process.stdout.readline())
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"

    def stop(self):
        return [json.loads(line) for line in self.process.communicate()[0].splitlines()]


@pytest.fixture
def fake():
    """fake({method: answer}, …) starts a server, which ends with the test."""
    running = []

    def start(answers, *tls):
        running.append(Fake(answers, *tls))
        return running[-1]
    yield start
    for one in running:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("server"))
    yield running
    assert running.stop() == 0
