"""A server that is killed while much is under way: what it leaves on the machine, and how soon it answers again."""
import hashlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.parse

from conftest import Client, Server
from test_blobs import UPLOADS
from test_faults import contents
from test_run import wait_for

PROGRAM = """
    import os, time, modal
    app = modal.App("busy")

    @app.function(timeout=900, ephemeral_disk=64, cpu=0.125)
    def work(n):
        with open(f"/written-{n}", "wb") as file:
            file.write(os.urandom(1 << 20))
        time.sleep(800)

    @app.function(block_network=True)
    def ready():
        return "ready"
"""

BUILD = """
    import modal
    app = modal.App("building", image=modal.Image.debian_slim().run_commands("echo be''gun {life}; sleep 800"))

    @app.function()
    def never():
        pass

    @app.local_entrypoint()
    def main():
        never.remote()
"""

# Starts before the server and asks until it is answered.
ASK = """
    import asyncio, sys, time
    from google.protobuf import empty_pb2
    from grpclib.client import Channel
    from modal_proto.api_grpc import ModalClientStub

    async def main(address, token, secret):
        host, port = address.removeprefix("http://").split(":")
        print("ready", flush=True)
        while True:
            channel = Channel(host, int(port))
            try:
                await ModalClientStub(channel).ClientHello(empty_pb2.Empty(), metadata={
                    "x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": token, "x-modal-token-secret": secret})
                return print(time.monotonic(), flush=True)
            except OSError:
                await asyncio.sleep(0.01)
            finally:
                channel.close()

    asyncio.run(main(*sys.argv[1:]))
"""


def read(path):
    return contents(path).decode(errors="replace")


def when_and_which(path):
    try:
        about = os.lstat(path)
        return about.st_ino, about.st_ctime_ns
    except OSError:
        return 0, 0


def all_processes():
    """By id: the parent's id and, so that an id which is used again is another, the time of the start."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        if fields := read(path).rpartition(")")[2].split():
            if fields[0] != "Z":
                found[int(path.parent.name)] = int(fields[1]), fields[19]
    return found


def number_of(path):
    """Of a folder; none if it has gone by now."""
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


def tree_of(pid):
    table = all_processes()
    tree = {pid}
    while more := {child for child, (parent, _) in table.items() if parent in tree} - tree:
        tree |= more
    return {(each, table[each][1]) for each in tree if each in table}


class Held:
    """What the life of a server holds of the machine, each thing so named that one which is made anew is another. A network namespace has no such name, for
    the kernel gives its number to the next one; it lives by the processes that are in it or have it open, and by mounts."""

    def __init__(self, server):
        self.data, self.tree = str(server.folder / "data"), tree_of(server.process.pid)
        self.name = "ionian-" + hashlib.sha256(self.data.encode()).hexdigest()[:8]
        number = 2166136261
        for byte in self.name.encode():
            number = (number ^ byte) * 16777619 % (1 << 32)
        self.links = "ioni" + "".join(f"{number >> shift & 15:x}" for shift in range(0, 20, 4))
        self.before = self.now()

    def now(self):
        processes = {(pid, start) for pid, (_, start) in all_processes().items()}
        return {
            "processes": self.tree & processes,
            "groups": {(path, number) for path, _, _ in os.walk("/sys/fs/cgroup") if self.name in path and (number := number_of(path))},
            "links": {(path.name, read(path / "ifindex")) for path in pathlib.Path("/sys/class/net").iterdir() if path.name.startswith(self.links)},
            "tables": set(re.findall(rf"table inet ionian_{self.name} .*", self.nft())),
            "mounts": {line for line in read(pathlib.Path("/proc/self/mountinfo")).splitlines() if self.data in line},
            "loop devices": {(path.name, read(path / "diskseq")) for path in pathlib.Path("/sys/block").glob("loop*")
                             if self.data in read(path / "loop/backing_file")},
            "files": {(str(path), *when_and_which(path)) for path in self.temporary_files()},
        }

    def nft(self):
        return subprocess.run(["nft", "-a", "list", "table", "inet", f"ionian_{self.name}"], capture_output=True, text=True).stdout

    def temporary_files(self):
        data = pathlib.Path(self.data)
        for folder in ("run", "tasks", "uploads", "blobs/tmp"):
            yield from (path for path in (data / folder).iterdir() if path.name != "lock")
        for folder in ("layers", "bases", "mounts", "runtime", "build"):
            yield from (data / folder).glob(".tmp-*")

    def left(self, *but):
        now = self.now()
        return {what: now[what] & self.before[what] for what in now if what not in but and now[what] & self.before[what]}


def half_sent(client):
    """Uploads that stand still in their middle: of a blob, and of a part of a large one."""
    program = client.write(UPLOADS.format(body="""
        for size in 1 << 20, (1 << 30) + 1:
            made = await client._stub.BlobCreate(api_pb2.BlobCreateRequest(
                content_sha256_base64=base64.b64encode(os.urandom(32)).decode(), content_md5=base64.b64encode(bytes(16)).decode(), content_length=size))
            print(made.upload_url or made.multipart.upload_urls[0])
    """), "uploads.py")
    for url in client.python(program).stdout.split():
        there = urllib.parse.urlparse(url)
        upload = socket.create_connection((there.hostname, there.port), timeout=30)
        length = urllib.parse.parse_qs(there.query)["len"][0]
        upload.sendall(f"PUT {there.path}?{there.query} HTTP/1.1\r\nHost: {there.netloc}\r\nContent-Length: {length}\r\n\r\n".encode()
                       + b"x" * 100_000)
        yield upload


def load(server, client, life):
    """Until the server holds some of everything: three containers at work, a build, two uploads."""
    build = client.popen("run", client.write(BUILD.format(life=life), f"build-{life}.py"))
    assert any(line.strip() == f"begun {life}" for line in build.stdout)
    uploads = list(half_sent(client))
    wait_for(lambda: server.admin("status")["containers"] >= 3)
    data = server.folder / "data"
    wait_for(lambda: list((data / "blobs/tmp").iterdir()) and list((data / "uploads").iterdir()))
    held = Held(server)
    for what in ("processes", "groups", "links", "tables", "loop devices", "files"):
        assert held.before[what], (what, held.before)
    assert held.before["mounts"] == set()  # they are the containers' alone
    return held, build, uploads


def kill(server, how):
    """Without a word, and in one of the lives what makes containers with it, so that the next life has to clear up alone."""
    spawner = [pid for pid, (parent, _) in all_processes().items()
               if parent == server.process.pid and "spawner" in read(pathlib.Path(f"/proc/{pid}/cmdline"))]
    assert len(spawner) == 1
    for pid in spawner if how == "with its spawner" else []:
        os.kill(pid, signal.SIGKILL)
    server.fall()


def test_nothing_is_left_and_it_answers_within_a_second(tmp_path, built):
    own = Server(tmp_path).take_over(built).start()
    client = Client(own, tmp_path)
    client.run("deploy", client.write(PROGRAM, "busy.py"))
    ask, took = client.write(ASK, "ask.py"), []
    client.python(client.write("""
        import modal
        for n in range(3):
            modal.Function.from_name("busy", "work").spawn(n)
    """, "spawn.py"))
    for life, how in enumerate(["alone", "alone, and the next life comes at once", "with its spawner"]):
        held, build, uploads = load(own, client, life)
        kill(own, how)
        if how == "alone":
            gone_by = time.monotonic() + 10
            while left := held.left("files"):  # those the next life removes
                assert time.monotonic() < gone_by, left
                time.sleep(0.05)
            assert held.nft() == ""
        asking = subprocess.Popen([client.venv / "bin/python", ask, own.ready["grpc_url"], client.env["MODAL_TOKEN_ID"], client.env["MODAL_TOKEN_SECRET"]],
                                  stdout=subprocess.PIPE, text=True, env=client.env)
        assert asking.stdout.readline() == "ready\n"
        began = time.monotonic()
        own.again()
        assert held.left() == {}, how
        took.append(float(asking.communicate(timeout=60)[0]) - began)
        for each in uploads:
            each.close()
        build.kill()
        build.communicate()
    assert min(took) < 1, took
    # What was acknowledged runs again, and new calls have containers.
    assert client.python(client.write("""
        import modal
        print(modal.Function.from_name("busy", "ready").remote())
    """, "ready.py")).stdout == "ready\n"
    wait_for(lambda: own.admin("status")["containers"] >= 4)
    client.run("app", "stop", "--yes", "busy")
    held = Held(own)
    assert own.stop() == 0, own.log_text()[-3000:]
    assert held.left("files") == {} and held.nft() == "" and list((tmp_path / "data/run").iterdir()) == [tmp_path / "data/run/lock"]
