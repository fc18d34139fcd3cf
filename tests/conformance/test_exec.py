"""Commands in running containers: `modal container exec`, `modal shell ta-…`, and what old clients call instead."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from conftest import Client

APP = """
    import os
    import time

    import modal

    app = modal.App("execs")

    @app.function(secrets=[modal.Secret.from_dict({"COLOUR": "red"})], scaledown_window=1200, timeout=1200)
    def warm():
        open("/tmp/seen", "w").write("by the function")
        return os.getpid()

    @app.function(timeout=1200, max_containers=1)
    def hold(seconds):
        time.sleep(seconds)
"""


@pytest.fixture
def client(own, tmp_path):
    return Client(own, tmp_path)


@pytest.fixture
def old(own, tmp_path):
    return Client(own, tmp_path, "old")


def containers(client):
    return [row["container_id"] for row in json.loads(client.run("container", "list", "--json").stdout)]


CALL = """
    import sys
    import modal
    print(modal.Function.from_name("execs", "warm").remote())
"""


@pytest.fixture
def task(client):
    """A container that stays."""
    running = containers(client)
    if running:
        return running[0]
    client.run("deploy", client.write(APP, "execs.py"))
    client.python(client.write(CALL, "call.py"))
    return containers(client)[0]


def in_container(client, task, *words, check=True, **more):
    return client.run("container", "exec", "--no-pty", task, "--", *words, check=check, **more)


def code_of(client, task, *words):
    """The exit code, which the command line keeps to itself."""
    return client.python(client.write("""
        import asyncio, sys, uuid
        import modal
        from modal.client import _Client
        from modal.sandbox._task_command_router_client import TaskCommandRouterClient
        from modal.sandbox._sandbox import v1_command_router_access_fetcher
        from modal_proto import task_command_router_pb2 as pb

        async def main(task, *args):
            client = await _Client.from_env()
            router = await TaskCommandRouterClient.connect(client, task, v1_command_router_access_fetcher(client, task))
            exec_id = str(uuid.uuid4())
            request = pb.TaskExecStartRequest(task_id=task, exec_id=exec_id, command_args=args, stdout_config=1, stderr_config=1, timeout_secs=2)
            await router.exec_start(request)
            await router.exec_start(request)  # the same one
            ended = await router.exec_wait(task, exec_id)
            out = b"".join([part.data async for part in router.exec_stdio_read(task, exec_id, 1)])
            again = b"".join([part.data async for part in router.exec_stdio_read(task, exec_id, 1, start_offset=2)])
            assert again == out[2:], (again, out)
            print(ended.WhichOneof("exit_status"), ended.code or ended.signal, out.decode().strip())
            await router.close()

        asyncio.run(main(*sys.argv[1:]))
    """, "code.py"), task, *words).stdout.strip()


def test_a_command_runs_where_the_function_runs(client, task):
    # The client writes both streams to its own output, in pieces as they come: one command for each.
    out = in_container(client, task, "sh", "-c", "cat /tmp/seen; echo; echo $COLOUR; pwd; hostname")
    assert out.stdout.splitlines() == ["by the function", "red", "/root", "modal"], out
    out = in_container(client, task, "sh", "-c", "echo oops >&2")
    assert (out.stdout + out.stderr).splitlines() == ["oops"], out
    # The function's own process is its neighbour.
    assert "modal._container_entrypoint" in in_container(client, task, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout


def test_exit_codes_signals_and_time(client, task):
    assert code_of(client, task, "sh", "-c", "echo hello; exit 42") == "code 42 hello"
    assert code_of(client, task, "sh", "-c", "echo hello; kill -TERM $$") == "signal 15 hello"
    # Whose time is over, with all that it has started.
    assert code_of(client, task, "sh", "-c", "echo begun; sleep 1000 & wait") == "signal 9 begun"


def test_much_output_comes_whole(client, task):
    out = in_container(client, task, "sh", "-c", "seq 2000000").stdout
    lines = out.split()
    assert len(lines) == 2000000 and lines[-1] == "2000000", (len(lines), out[-100:])


def test_what_cannot_run_is_said(client, task):
    out = in_container(client, task, "no-such-program", check=False)
    assert out.returncode == 1 and "start no-such-program: No such file or directory" in flat(out), flat(out)
    other = "ta-" + "0" * 26
    out = in_container(client, other, "true", check=False)
    assert out.returncode == 1 and f"container '{other}' not found" in flat(out), flat(out)


def test_who_ran_what_is_in_the_audit_log_and_not_what_it_was_told(own, client, old, task):
    def entries():
        return [e for e in own.admin("audit", "--since", "1h") if e["action"] == "container.exec"]

    before = len(entries())
    in_container(client, task, "env", "PASSWORD=hunter2", "true", "--sesame")
    in_container(old, task, "echo", "hunter2")
    in_container(client, task, "no-such-program", check=False)
    came = entries()[:len(entries()) - before][::-1]
    assert [(e["target"], e["detail"]) for e in came] == [(task, "env"), (task, "echo")], came
    assert all(e["actor"] == "owner@localhost" or e["actor"].startswith("us-") for e in came), came
    assert "hunter2" not in json.dumps(entries()) and "sesame" not in json.dumps(entries())


def flat(out):
    return " ".join(re.sub("[│╭╮╰╯─]", " ", out.stdout + out.stderr).split())


class Terminal:
    """A command of the client's on a terminal of 33 rows and 111 columns."""

    def __init__(self, client, *words):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
        self.process = subprocess.Popen([client.venv / "bin/modal", *words], stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
                                        env=client.env | {"TERM": "xterm"}, cwd=client.folder, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)
        self.fd, self.seen = ours, ""

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern):
        end = time.monotonic() + 120
        while not (found := re.search(pattern, self.seen)):
            assert select.select([self.fd], [], [], max(0, end - time.monotonic()))[0], f"no {pattern} in two minutes: {self.seen}"
            try:
                part = os.read(self.fd, 65536)
            except OSError:
                part = b""
            assert part, f"ended before {pattern}: {self.seen}"
            self.seen += part.decode(errors="replace")
        self.seen = self.seen[found.end():]
        return found

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        os.close(self.fd)
        return self.process.wait(60)


@pytest.mark.parametrize("which", ["new", "old"])
def test_a_shell_on_a_terminal(own, tmp_path, client, task, which):
    shell = Terminal(Client(own, tmp_path, which), "container", "exec", "--pty", task, "--", "sh")
    shell.until(r"[#$] ")
    shell.type("stty size; tty; echo [$TERM]\r")
    shell.until(r"33 111\s+/dev/pts/\d+\s+\[xterm\]")
    # Ctrl-C is for what runs there, once it runs: before, it is the shell's.
    shell.type("sh -c 'echo begun; exec sleep 1000'; echo came $?\r")
    shell.until(r"begun\s")  # not its echo, in which a word follows
    shell.type("\x03")
    shell.until(r"[#$] ")
    shell.type("echo on $((40 + 2))\r")
    shell.until(r"on 42")
    shell.type("exit\r")
    assert shell.end() == 0


def test_modal_shell_by_the_containers_id(client, task):
    shell = Terminal(client, "shell", task, "--cmd", "/bin/bash")
    shell.until(r"[#$] ")
    shell.type("stty size\r")
    shell.until(r"33 111\s")
    shell.type("sh -c 'echo begun; exec sleep 1000'; echo came $?\r")
    shell.until(r"begun\s")
    shell.type("\x03")
    shell.until(r"[#$] ")
    shell.type("echo sum $((20 + 3))\r")
    shell.until(r"sum 23")
    shell.type("\x04")
    assert shell.end() == 0


def test_old_clients_run_commands_too(old, client, task):
    out = in_container(old, task, "sh", "-c", "echo out; echo $COLOUR; echo oops >&2")
    assert "out\nred" in out.stdout and "oops" in out.stdout + out.stderr, out
    code = old.python(old.write("""
        import sys
        import modal
        from modal.client import Client
        from modal_proto import api_pb2 as pb
        from modal.container_process import ContainerProcess

        client = Client.from_env()
        from modal._utils.async_utils import synchronizer

        async def begin(client, task, *args):
            reply = await client.stub.ContainerExec(pb.ContainerExecRequest(task_id=task, command=args))
            return reply.exec_id

        import asyncio
        from modal.client import _Client
        from modal.container_process import _ContainerProcess

        async def main(task):
            client = await _Client.from_env()
            process = _ContainerProcess(await begin(client, task, "sh", "-c", "read a; read b; echo $b $a; cat; exit 5"), client)
            assert await process.poll() is None
            process.stdin.write("one\\n")
            await process.stdin.drain()
            process.stdin.write("two\\nand the rest")
            process.stdin.write_eof()
            await process.stdin.drain()
            print(await process.wait(), repr(await process.stdout.read()))

        @synchronizer.create_blocking
        async def run(task):
            await main(task)

        run(sys.argv[1])
    """, "old.py"), task).stdout
    assert code.strip() == "5 'two one\\nand the rest'", code


def test_input_as_one_stream_that_goes_on_where_it_broke_off(client, task):
    out = client.python(client.write("""
        import asyncio, hashlib, io, os, sys, uuid
        import modal
        from modal.client import _Client
        from modal.sandbox._task_command_router_client import TaskCommandRouterClient
        from modal.sandbox._sandbox import v1_command_router_access_fetcher
        from modal_proto import task_command_router_pb2 as pb

        async def main(task):
            client = await _Client.from_env()
            router = await TaskCommandRouterClient.connect(client, task, v1_command_router_access_fetcher(client, task))

            async def start(*args):
                exec_id = str(uuid.uuid4())
                await router.exec_start(pb.TaskExecStartRequest(task_id=task, exec_id=exec_id, command_args=args, stdout_config=1))
                return exec_id

            async def end(exec_id, line=0):
                ended = await router.exec_wait(task, exec_id)
                return ended.code, b"".join([part.data async for part in router.exec_stdio_read(task, exec_id, 1)]).splitlines()[line].split()[0].decode()

            async def chunks(data):
                for at in range(0, len(data), 100_000):
                    yield data[at:at + 100_000]

            # Much more than waits for a program that does not read: the client waits.
            data = os.urandom(20 << 20)
            right = (0, hashlib.sha256(data).hexdigest())
            slow = await start("sh", "-c", "read go; sha256sum")
            await router.exec_stdin_write(task, slow, 0, b"g", False)
            try:
                await router.exec_stdin_write_stream(task, slow, io.BytesIO(data))
            except modal.exception.ConflictError as error:
                print("elsewhere:", error)
            writing = asyncio.create_task(router._exec_stdin_write_stream(task, slow, 1, chunks(b"o\\n" + data)))
            assert await writing is not None
            print("whole", await end(slow) == right)

            # A stream that breaks off leaves the input open, and another goes on.
            broken = await start("sh", "-c", "head -c 70000 | sha256sum; sha256sum")
            stream = router._stub.TaskExecStdinWriteStream.open(metadata=router._get_metadata())
            async with stream:
                await stream.send_message(pb.TaskExecStdinWriteStreamRequest(start=pb.TaskExecStdinWriteStreamStart(task_id=task, exec_id=broken)))
                await stream.send_message(pb.TaskExecStdinWriteStreamRequest(data=data[:70_000]))
                async for part in router.exec_stdio_read(task, broken, 1):
                    print("first", part.data.split()[0].decode() == hashlib.sha256(data[:70_000]).hexdigest())
                    break
                await stream.cancel()
            status = await router.exec_stdin_status(task, broken)
            print("broke off at", status.num_bytes_written, status.closed)
            await router._exec_stdin_write_stream(task, broken, 70_000, chunks(data[70_000:]))
            status = await router.exec_stdin_status(task, broken)
            print("resumed", await end(broken, 1) == (0, hashlib.sha256(data[70_000:]).hexdigest()), status.num_bytes_written == len(data), status.closed)
            try:
                await router.exec_stdin_write_stream(task, broken, io.BytesIO(b""))
            except modal.exception.ConflictError as error:
                print("too late:", error)
            await router.close()

        asyncio.run(main(*sys.argv[1:]))
    """, "stream.py"), task).stdout.splitlines()
    assert out == ["elsewhere: the stream begins at byte 0 of the input, and 1 have come", "whole True", "first True", "broke off at 70000 False",
                   "resumed True True True", "too late: the stream begins at byte 0 of the input, and 20971520 have come"], out


def test_addresses_by_kind_of_client_and_what_the_token_opens(client, task):
    out = client.python(client.write("""
        import asyncio
        import os
        import sys

        from grpclib.client import Channel
        from grpclib.exceptions import GRPCError
        from modal_proto import api_pb2, task_command_router_pb2 as router_pb2
        from modal_proto.api_grpc import ModalClientStub
        from modal_proto.task_command_router_grpc import TaskCommandRouterStub

        async def refused(what, call):
            try:
                await call
            except GRPCError as error:
                print(what, error.status.name)

        async def main(task):
            host, port = os.environ["MODAL_SERVER_URL"].split("//")[1].split(":")
            channel = Channel(host, int(port))
            api, router = ModalClientStub(channel), TaskCommandRouterStub(channel)
            for kind in "1", "8", "9":
                access = await api.TaskGetCommandRouterAccess(api_pb2.TaskGetCommandRouterAccessRequest(task_id=task), metadata={
                    "x-modal-client-version": "1.6.4", "x-modal-client-type": kind, "x-modal-token-id": os.environ["MODAL_TOKEN_ID"],
                    "x-modal-token-secret": os.environ["MODAL_TOKEN_SECRET"]})
                print(kind, access.url.replace(f"{host}:{port}", "HERE"))

            def poll(token, of=task):
                request = router_pb2.TaskExecPollRequest(task_id=of, exec_id="x")
                return router.TaskExecPoll(request, metadata={"authorization": f"Bearer {token}"} if token else {})

            await refused("unknown", poll(access.jwt))
            await refused("elsewhere", poll(access.jwt, "ta-" + "1" * 26))
            await refused("forged", poll(access.jwt[:-4] + "AAAA"))
            await refused("without", poll(""))
            await refused("beyond", api.AppList(api_pb2.AppListRequest(), metadata={"authorization": f"Bearer {access.jwt}"}))
            channel.close()

        asyncio.run(main(sys.argv[1]))
    """, "access.py"), task).stdout.splitlines()
    # JavaScript and Go want to read https://, and speak in the clear to their own machine.
    assert out == ["1 http://HERE", "8 https://HERE", "9 https://HERE", "unknown NOT_FOUND", "elsewhere NOT_FOUND",
                   "forged UNAUTHENTICATED", "without UNAUTHENTICATED", "beyond UNAUTHENTICATED"], out


def test_a_container_that_ends_takes_its_commands_along(own, client, task):
    running = subprocess.Popen([client.venv / "bin/modal", "container", "exec", "--no-pty", task, "--", "sh", "-c", "echo ready; sleep 1000"],
                               stdout=subprocess.PIPE, text=True, env=client.env | {"PYTHONUNBUFFERED": "1"}, cwd=client.folder)
    assert running.stdout.readline() == "ready\n"
    client.run("container", "stop", "--yes", task)
    assert running.wait(120) is not None
    deadline = time.monotonic() + 120
    while task in containers(client):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    out = in_container(client, task, "true", check=False)
    assert out.returncode == 1 and f"container {task} has ended" in flat(out), flat(out)
    out = client.run("container", "stop", "--yes", task, check=False)
    assert out.returncode == 1 and "already stopped" in flat(out), flat(out)
