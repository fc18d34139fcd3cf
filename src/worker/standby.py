"""Runs in an interpreter that waits for its task, before anything else does: loads the official runtime, opens its
connection, and when the task is known leaves no trace of having been here. What a task brings that the interpreter
should have known at its start makes it start again.

In a zygote it makes copies of itself instead, in containers of their own, when it is asked for them; from there on
each of these does as an interpreter that was started."""
import gc
import importlib
import importlib.machinery
import importlib.util
import os
import re
import site
import socket
import stat
import struct
import sys
import time

HERE = os.path.dirname(__file__)
RUNTIME = "modal._container_entrypoint"
# Where a zygote is asked for copies.
REQUESTS = 3
FILES_MAX = 16
PR_SET_MM, PR_SET_MM_MAP = 35, 14
# Read by the interpreter, the C library or the runtime while they start, or by a module that the runtime loads.
EARLY = ("PATH", "HOME", "PYTHON", "_PYTHON_", "SETUPTOOLS_", "LD_", "MALLOC_", "GLIBC_", "GCONV_PATH", "LOCPATH", "LC_", "LANG", "OPENSSL_",
         "PROTOCOL_BUFFERS_", "TEMPORARILY_DISABLE_PROTOBUF_", "MULTIDICT_", "SYNCHRONICITY_", "MODAL_")
# Lines that packages have run at the start of each interpreter, and that do the same at any time.
HARMLESS = re.compile(r"distutils-precedence\.pth|_virtualenv\.pth|.*-nspkg\.pth|__editable__.*\.pth")
# These differ from task to task, and are read when they are needed.
LATE = {"MODAL_TASK_ID", "MODAL_IMAGE_ID", "MODAL_CONTAINER_ARGUMENTS_PATH", "MODAL_ENVIRONMENT"}


def load_runtime():
    importlib.import_module(RUNTIME)
    # It is still to be run, as the main module.
    package, _, name = RUNTIME.rpartition(".")
    del sys.modules[RUNTIME]
    delattr(sys.modules[package], name)


def is_zygote():
    try:
        return stat.S_ISSOCK(os.fstat(REQUESTS).st_mode)
    except OSError:
        return False


def tell_files(control):
    """What loading has read: code, and what is mapped. The server reads it ahead for the next first one."""
    names = {module.__spec__.cached or module.__spec__.origin for module in list(sys.modules.values()) if getattr(module, "__spec__", None)}
    with open("/proc/self/maps") as maps:
        names.update(line.split(None, 5)[5].strip() for line in maps if "/" in line)
    control.sendall("\n".join(sorted(name for name in names if name and name.startswith("/"))).encode() + b"\0")


def make_copies(control):
    """Returns in each copy."""
    requests = socket.socket(fileno=REQUESTS)
    gc.collect()
    # No collection writes to what the copies share, nor does the last one, at their end: it would take most of the time that
    # a short task takes. It stays so in a copy, where gc.get_freeze_count() tells of it.
    gc.freeze()
    control.sendall(b"r")
    while True:
        asked, files, _, _ = socket.recv_fds(requests, 1, FILES_MAX)
        if not asked:
            os._exit(0)
        child = os.fork()
        if child == 0:
            break
        for file in files:
            os.close(file)
        os.waitpid(child, 0)
    control.close()
    requests.close()
    os.setsid()
    for number, file in enumerate(files):
        if number < 3:
            os.dup2(file, number)
        os.close(file)


def connect():
    control = socket.socket(socket.AF_UNIX)
    control.connect("/" + os.environ["MODAL_SERVER_URL"].split("/", 3)[3])
    return control


def open_client():
    from modal.client import Client

    Client.from_env()


def receive(control, size):
    data = b""
    while len(data) < size:
        more = control.recv(size - len(data))
        if not more:
            os._exit(0)  # the server does not need it any more
        data += more
    return data


def is_early(name):
    return name.startswith(EARLY) and name not in LATE


def must_start_again(before, env):
    if any(before.get(name) != env.get(name) for name in before.keys() | env.keys() if is_early(name)):
        return True
    # A file of the program that has the name of a module which is loaded already comes first in a fresh interpreter.
    loaded = {name.partition(".")[0] for name in sys.modules}
    runtime = os.path.dirname(os.path.dirname(sys.modules["modal"].__file__))
    for folder in [os.getcwd()] + [p for p in env.get("PYTHONPATH", "").split(":") if p and p != runtime]:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.partition(".")[0] in loaded for name in names if not name.startswith("__pycache__")):
            return True
    from modal import config

    return os.path.exists(config.user_config_path)


def prctl_of():
    """The C library's prctl, where there is a way to call it, without the module that is made for that: nothing else would load it."""
    was_there = "_ctypes" in sys.modules
    try:
        import _ctypes
    except ImportError:
        return None
    if not was_there:
        del sys.modules["_ctypes"]
    function = _ctypes.dlsym(_ctypes.dlopen(None, os.RTLD_NOW), "prctl")

    def prctl(option, wish, data, kept):
        _ctypes.Py_INCREF(kept)  # for ever
        return _ctypes.call_function(function, (option, wish, data, len(data), 0))

    return prctl


def set_environ(prctl, env):
    """What /proc/self/environ shows, which is what the program was started with, wherever it lies. A kernel without checkpoints refuses."""
    block = b"".join(os.fsencode(name) + b"=" + os.fsencode(value) + b"\0" for name, value in env.items())
    begin = id(block) + bytes.__basicsize__ - 1
    with open("/proc/self/stat", "rb") as file:
        fields = [0, 0, 0, *file.read().rpartition(b")")[2].split()]  # numbered as proc(5) does
    start_code, end_code, start_stack = map(int, fields[26:29])
    start_data, end_data, start_brk, arg_start, arg_end = map(int, fields[45:50])
    with open("/proc/self/maps") as maps:
        brk = max([start_brk, *(int(line.split()[0].split("-")[1], 16) for line in maps if line.endswith("[heap]\n"))])
    # struct prctl_mm_map; the last three leave the vector of the kernel's words and the program's file as they are.
    layout = struct.pack("=12Q2I", start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end,
                         begin, begin + len(block), 0, 0, 0xFFFFFFFF)
    prctl(PR_SET_MM, PR_SET_MM_MAP, layout, block)


class Remover:
    """The runtime is looked for next. Until then, the machinery of imports wants this module to be known."""

    def __init__(self, in_its_place):
        self.in_its_place = in_its_place

    def find_spec(self, *_):
        sys.meta_path.remove(self)
        if self.in_its_place is None:
            sys.modules.pop("sitecustomize", None)
        else:
            sys.modules["sitecustomize"] = self.in_its_place


def begins_of_image():
    """What the image has run when an interpreter starts. It is to find the task's variables, and the runtime not loaded yet."""
    # Those of the interpreter and of the runtime are none of it.
    others = {os.path.dirname(os.__file__), os.environ["PYTHONPATH"].split(":")[0]}
    for name in ("sitecustomize", "usercustomize"):
        spec = importlib.machinery.PathFinder.find_spec(name)
        if spec and not (spec.origin and os.path.dirname(spec.origin) in others):
            yield spec.origin or name
    for folder in site.getsitepackages() + [site.getusersitepackages()] * bool(site.ENABLE_USER_SITE):
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if not name.endswith(".pth") or HARMLESS.fullmatch(name):
                continue
            path = os.path.join(folder, name)
            with open(path, "rb") as lines:
                if any(line.startswith((b"import ", b"import\t")) for line in lines):
                    yield path


def run_own():
    """The interpreter's module of that name, or the runtime's, runs at the start, as ever."""
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    sys.path.remove(HERE)
    sys.path_importer_cache.pop(HERE, None)
    os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"].removeprefix(HERE + ":")
    zygote = is_zygote()  # before anything else takes that number
    for path in begins_of_image():
        print("interpreters of an image that has", path, "start by themselves", file=sys.stderr, flush=True)
        os._exit(0)
    control = connect()
    module = run_own()
    prctl = prctl_of()
    load_runtime()
    tell_files(control)
    if zygote:
        make_copies(control)
        control = connect()
    open_client()
    before = dict(os.environ)
    control.sendall(b"r")
    size = int.from_bytes(receive(control, 4), "little")
    workdir, *variables = receive(control, size).split(b"\0")
    control.close()
    os.chdir(workdir)
    env = dict(map(os.fsdecode, variable.split(b"=", 1)) for variable in variables)
    env.setdefault("HOME", before.get("HOME", "/"))
    if must_start_again(before, env):
        os.execvpe("python", ["python", "-m", RUNTIME], env)
    os.environ.clear()
    os.environ.update(env)
    if prctl:
        set_environ(prctl, env)
    if before.get("TZ") != env.get("TZ"):
        time.tzset()
    sys.path_importer_cache.clear()
    importlib.invalidate_caches()
    sys.meta_path.insert(0, Remover(module))


main()
