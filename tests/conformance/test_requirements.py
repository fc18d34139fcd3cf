"""What a machine lacks is said at the start, in one line with the mend."""
import ctypes
import os
import shutil
import struct
import subprocess
import tempfile

import pytest

IONIAN = os.environ["IONIAN"]


def refuse(number, error):
    """Makes one system call fail in this process and those that it starts, as older kernels do."""
    load, jump, answer = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 0), (jump, 0, 1, number), (answer, 0, 0, 0x00050000 | error), (answer, 0, 0, 0x7FFF0000)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))

    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_void_p)]

    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(22, 2, ctypes.byref(Filter(len(lines), ctypes.addressof(program))), 0, 0) == 0


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="ionian-refused.")
    os.chmod(made, 0o777)
    yield made
    shutil.rmtree(made)


def refused(folder, prefix=(), **options):
    out = subprocess.run([*prefix, IONIAN, "serve", "--data", f"{folder}/data", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                         capture_output=True, text=True, timeout=60, **options)
    assert out.returncode == 1, out.stderr
    assert len(out.stderr.strip().splitlines()) == 1, out.stderr
    return out.stderr


def test_a_user_that_is_not_root(folder):
    text = refused(folder, user=65534, group=65534, extra_groups=[])
    assert "must be root (this is user 65534)" in text and "sudo" in text


def test_too_few_open_files(folder):
    text = refused(folder, ["prlimit", "--nofile=4096:4096"])
    assert "4096 files" in text and "LimitNOFILE=" in text


def test_root_without_the_right_to_mount(folder):
    text = refused(folder, ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"])
    assert "lacks CAP_SYS_ADMIN" in text and "privileged container" in text


def test_root_of_a_user_namespace(folder):
    text = refused(folder, ["unshare", "--user", "--map-root-user"])
    assert "user namespace" in text and "outside of it" in text


def test_a_kernel_without_user_namespaces(folder):
    text = refused(folder, preexec_fn=lambda: refuse(435, 38))  # clone3: ENOSYS
    assert "create a user namespace" in text and "user.max_user_namespaces" in text


def test_a_folder_that_cannot_be_entered(folder):
    os.mkdir(f"{folder}/data", 0o700)
    text = refused(f"{folder}/data", user=65534, group=65534, extra_groups=[])
    assert "Permission denied. Choose a folder that this user may write to with --data" in text


def test_a_disk_bound_that_is_none(folder):
    out = subprocess.run([IONIAN, "serve", "--data", folder, "--ephemeral-disk", "8"], capture_output=True, text=True)
    assert out.returncode != 0 and "at least 16 MiB" in out.stderr


def test_a_kernel_that_cannot_stack_layers(folder):
    text = refused(folder, preexec_fn=lambda: refuse(430, 38))  # fsopen: ENOSYS
    assert "fsopen overlay" in text and "Linux 6.15" in text
