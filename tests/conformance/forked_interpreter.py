"""An interpreter that has loaded the official client. Copies of it run the programs of tests: most of the processor time of a short
one is this. Settings that the client reads as it is loaded are this interpreter's (interpreters.py), all others each program's own.

Its standard input is a socket. A request is a path and words, variables and a folder as JSON, with four files: the program's
input, output and errors, and a socket for its number and, later, its status."""
import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import random
import socket
import sys
import threading
import time
import types

LOADED = "modal modal.cli.entry_point cbor2 multiprocessing.synchronize rich.markdown rich.syntax rich.table watchfiles".split()
REQUEST_MAX = 1 << 18


def request(asked):
    data, files, _, _ = socket.recv_fds(asked, REQUEST_MAX, 4)
    return data and (json.loads(data), files)


def watch(answers, child):
    with socket.socket(fileno=answers) as told:
        told.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(BrokenPipeError):
            told.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def next_program(asked):
    """What is asked for, in a copy of its own."""
    while True:
        got = request(asked)
        if not got:
            os._exit(0)
        wanted, files = got
        watcher = os.fork()
        if watcher == 0 and (child := os.fork()):
            watch(files[3], child)
        if watcher == 0:
            asked.close()
            return wanted, files
        for file in files:
            os.close(file)
        with contextlib.suppress(ChildProcessError):  # who has watched
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def become(wanted, files):
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.environ.clear()
    os.environ.update(wanted["env"])
    time.tzset()
    random.seed()
    os.chdir(wanted["cwd"])
    sys.argv[:] = wanted["words"]
    sys.path[0] = os.path.dirname(wanted["words"][0])


def main_module(path):
    module = types.ModuleType("__main__")
    module.__file__, module.__loader__ = path, importlib.machinery.SourceFileLoader("__main__", path)
    sys.modules["__main__"] = module
    return module.__dict__


for name in LOADED:
    with contextlib.suppress(ImportError):  # an old client does without some
        importlib.import_module(name)
assert threading.active_count() == 1, "a thread would be in none of the copies"
gc.freeze()
become(*next_program(socket.socket(fileno=os.dup(0))))
exec(compile(open(sys.argv[0], "rb").read(), sys.argv[0], "exec"), main_module(sys.argv[0]))
