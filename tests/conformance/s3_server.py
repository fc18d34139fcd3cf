"""An S3-compatible server on the loopback interface, at an address of its own that containers may be let to."""
import contextlib
import os
import pathlib
import socket
import subprocess
import time

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDFORTHETESTS", "AWS_SECRET_ACCESS_KEY": "5ecretF0rTheTests+/=abcdef"}
PORT = 7483


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


@contextlib.contextmanager
def s3_server(folder):
    server = S3Server(folder)
    subprocess.run(["ip", "address", "replace", f"{server.address}/32", "dev", "lo"], check=True)
    try:
        yield server.start()
    finally:
        server.stop()
        subprocess.run(["ip", "address", "del", f"{server.address}/32", "dev", "lo"], check=True)
