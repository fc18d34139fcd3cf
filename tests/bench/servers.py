"""The servers that take turns: Ionian with containers, and the relay with bare runtimes; and callers with the official client."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TICK = os.sysconf("SC_CLK_TCK")


def output(*words, **more):
    return subprocess.run([str(w) for w in words], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def client_venv():
    version = next(line.split()[0] for line in (ROOT / "tools/modal_wheel.txt").read_text().splitlines() if not line.startswith("#"))
    return pathlib.Path(output(ROOT / "tools/venv", f"client-{version}", f"modal=={version}").strip())


def cpu_seconds(pid):
    """User and system time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Process:
    """A child that is ended, and waited for, at the end."""

    def __init__(self, words, **more):
        self.popen = subprocess.Popen([str(w) for w in words], **more)
        self.pid = self.popen.pid

    def close(self):
        if self.popen.poll() is None:
            self.popen.terminate()
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe:
                pipe.close()
        self.popen.wait(60)


class Ionian:
    """`ionian serve` on a folder of its own, or on one that outlives it, with the token of a client."""

    def __init__(self, build, *options, folder=None):
        self.lasts = folder is not None
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="ionian-bench."))
        ready, self.log = self.folder / "ready.json", self.folder / "server.log"
        ready.unlink(missing_ok=True)
        began = time.perf_counter()
        with open(self.log, "wb") as log:
            self.process = Process([build / "ionian", "serve", "--data", self.folder / "data", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                    "--ready-file", ready, *options], stderr=log)
        while not ready.exists():
            if self.process.popen.poll() is not None:
                sys.exit(self.log.read_text())
            time.sleep(0.001)
        self.ready_ms = (time.perf_counter() - began) * 1e3
        self.ready = json.loads(ready.read_text())
        self.pid = self.process.pid

    def client_env(self, build):
        pair = json.loads(output(build / "ionian", "admin", "token", "create", "--data", self.folder / "data", "--name", "bench", "--json"))
        return {"MODAL_SERVER_URL": self.ready["grpc_url"], "MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}

    def close(self):
        self.process.close()
        if not self.lasts:
            shutil.rmtree(self.folder)


class Relay:
    """The relay on a folder that `relay_files.py` has filled, and bare runtimes for its functions."""

    def __init__(self, build, folder):
        self.folder, self.runtimes = folder, []
        self.process = Process([build / "tests/bench/relay", folder], stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self.port = self.process.popen.stdout.readline().strip()

    def client_env(self):
        return {"MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}", "MODAL_TOKEN_ID": "ak-none", "MODAL_TOKEN_SECRET": "as-none"}

    def start_runtime(self, venv, function):
        return self.start(function, [venv / "bin/python", "-m", "modal._container_entrypoint"], venv)

    def start_standby(self, venv, function):
        """Returns when it waits for its task."""
        standby = self.start(function, [venv / "bin/python", HERE / "bare_standby.py", self.folder / "standby"], venv, stdout=subprocess.PIPE)
        assert standby.popen.stdout.readline() == b"ready\n"
        return standby

    def start(self, function, words, venv, **more):
        env = {"PATH": f"{venv}/bin:/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1",
               "PYTHONPATH": str(HERE), "MODAL_SERVER_URL": f"unix://{self.folder}/socket", "MODAL_TASK_ID": "ta-bench",
               "MODAL_IS_REMOTE": "1", "MODAL_CONTAINER_ARGUMENTS_PATH": str(self.folder / f"{function}.arguments"),
               "MODAL_IMAGE_ID": "im-none", "MODAL_ENVIRONMENT": "main", "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_UNSPECIFIED"}
        with open(self.folder / "runtimes.log", "ab") as log:
            runtime = Process(words, env=env, stderr=log, **{"stdout": log, **more})
        self.runtimes.append(runtime)
        return runtime

    def close(self):
        for runtime in self.runtimes:
            runtime.close()
        self.process.close()


class Sink:
    """What takes uploads into volumes and throws the bytes away."""

    def __init__(self, build):
        self.process = Process([build / "tests/bench/block_sink"], stdout=subprocess.PIPE, text=True)
        self.port = self.process.popen.stdout.readline().strip()

    def client_env(self):
        return {"MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}", "MODAL_TOKEN_ID": "ak-none", "MODAL_TOKEN_SECRET": "as-none"}

    def close(self):
        self.process.close()


class Caller:
    """A process of the official client that calls as it is told."""

    def __init__(self, venv, env):
        self.venv = venv
        self.env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8", "MODAL_CONFIG_PATH": "/nonexistent", **env}
        self.process = Process([venv / "bin/python", HERE / "caller.py"], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, **order):
        pipes = self.process.popen
        pipes.stdin.write(json.dumps(order) + "\n")
        pipes.stdin.flush()
        line = pipes.stdout.readline()
        if not line:
            sys.exit(f"the caller ended at {order}")
        return json.loads(line)

    def close(self):
        self.process.close()
