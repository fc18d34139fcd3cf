"""usage: bare_standby.py SOCKET    The runtime as far as it gets before its task is known, without any isolation; a byte from the relay is the task."""
import importlib
import runpy
import socket
import sys

RUNTIME = "modal._container_entrypoint"
importlib.import_module(RUNTIME)
del sys.modules[RUNTIME]
from modal.client import Client  # noqa: E402  once the runtime is loaded

Client.from_env()
task = socket.socket(socket.AF_UNIX)
task.connect(sys.argv[1])
print("ready", flush=True)
if task.recv(1):
    task.close()
    runpy.run_module(RUNTIME, run_name="__main__", alter_sys=True)
