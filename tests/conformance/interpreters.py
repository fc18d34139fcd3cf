"""Runs Python programs as subprocess.run does, in copies of an interpreter that is there already (forked_interpreter.py)."""
import functools
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile

# What an interpreter, its C library or the client reads as it starts: who changes it has one started.
EARLY = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "MODAL_CONFIG_PATH", "MODAL_PROFILE", "MODAL_LOG", "MODAL_IS_REMOTE")
# A file of settings that nobody has.
NO_SETTINGS = "/nonexistent/modal.toml"


def early(env):
    return {name: value for name, value in env.items() if name.startswith(EARLY)}


class Interpreters:
    """Those of one environment of packages. They end with this process, whose end of the socket they read."""

    def __init__(self, venv, env):
        self.env = early(env)
        self.asks, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            self.process = subprocess.Popen([venv / "bin/python", pathlib.Path(__file__).with_name("forked_interpreter.py")], stdin=asked,
                                            env={"PATH": env["PATH"], **self.env})

    def run(self, words, env, cwd, files, timeout):
        """The program's status, or nothing if it had to be killed."""
        told, tells = socket.socketpair()
        with tells:
            asked = json.dumps({"words": words, "env": env, "cwd": str(cwd)}).encode()
            socket.send_fds(self.asks, [asked], [*(file.fileno() for file in files), tells.fileno()])
        told.settimeout(timeout)
        with told, told.makefile() as lines:
            number = int(lines.readline())
            try:
                return int(lines.readline())
            except TimeoutError:
                os.kill(number, signal.SIGKILL)
                return None


@functools.cache
def interpreters(venv, path):
    return Interpreters(venv, {"PATH": path, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "MODAL_CONFIG_PATH": NO_SETTINGS})


def run(venv, words, env, cwd, say, timeout):
    """`words` begins with the program's file, which is Python and reads `say`. Returns the finished process with text output."""
    words = [*map(str, words)]
    ready = interpreters(venv, env["PATH"])
    if early(env) != ready.env:
        return subprocess.run([venv / "bin/python", *words], capture_output=True, text=True, timeout=timeout, input=say, env=env, cwd=cwd)
    with tempfile.TemporaryFile("w+") as into, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        into.write(say or "")
        into.seek(0)
        status = ready.run(words, env, cwd, (into, out, err), timeout)
        for file in (out, err):
            file.seek(0)
        ended = subprocess.CompletedProcess(words, status, out.read(), err.read())
    if status is None:
        raise subprocess.TimeoutExpired(words, timeout, ended.stdout, ended.stderr)
    return ended
