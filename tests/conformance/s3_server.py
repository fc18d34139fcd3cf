"""An S3-compatible server on the loopback interface, at an address of its own that containers may be let to."""
import contextlib
import os
import pathlib
import re
import socket
import socketserver
import subprocess
import threading
import time

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDFORTHETESTS", "AWS_SECRET_ACCESS_KEY": "5ecretF0rTheTests+/=abcdef"}
PORT, DOOR_PORT = 7483, 7484


def own_address():
    """One that no packet to 127.0.0.0/8 could be: inside a container that is the container itself."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return f"192.0.2.{10 + int(worker.removeprefix('gw'))}"


class S3Server:
    """Buckets are the folders of a folder, and objects are files."""

    def __init__(self, folder):
        self.folder, self.process = pathlib.Path(folder), None
        self.address = own_address()
        self.host = f"{self.address}:{PORT}"
        self.url = f"http://{self.host}"
        self.folder.mkdir(exist_ok=True)

    def start(self):
        env = {"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"], "PATH": "/usr/bin:/bin"}
        self.process = subprocess.Popen([os.environ["IONIAN_S3_SERVER"], "--port", self.host, "--quiet", "posix", self.folder], env=env,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 240
        while socket.socket().connect_ex((self.address, PORT)) != 0:
            assert self.process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Passage(socketserver.BaseRequestHandler):
    """One connection: what comes goes on to the store, and the lines of its requests are noted."""

    def handle(self):
        store = socket.create_connection((self.server.address, PORT))
        back = threading.Thread(target=self.pass_on, args=(store, self.request, []))
        back.start()
        self.pass_on(self.request, store, self.server.seen)
        back.join()
        store.close()

    @staticmethod
    def pass_on(source, target, seen):
        with contextlib.suppress(OSError):
            while piece := source.recv(1 << 16):
                seen.append(piece)
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)


class Door(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads = True, True


@contextlib.contextmanager
def listening_door(store):
    """Another address of the store, which keeps what it is asked: `door.lines(name)` are the values of a header."""
    with Door((store.address, DOOR_PORT), Passage) as door:
        door.address, door.seen = store.address, []
        door.url = f"http://{store.address}:{DOOR_PORT}"
        door.lines = lambda name: re.findall(rb"(?im)^%s: (.*?)\r$" % name.encode(), b"".join(door.seen))
        thread = threading.Thread(target=door.serve_forever)
        thread.start()
        try:
            yield door
        finally:
            door.shutdown()
            thread.join()


@contextlib.contextmanager
def s3_server(folder):
    server = S3Server(folder)
    subprocess.run(["ip", "address", "replace", f"{server.address}/32", "dev", "lo"], check=True)
    try:
        yield server.start()
    finally:
        server.stop()
        subprocess.run(["ip", "address", "del", f"{server.address}/32", "dev", "lo"], check=True)
