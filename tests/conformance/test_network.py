"""What a function reaches of the world and of the host, and what it does not."""
import os
import socket
import subprocess
import threading

import pytest

from conftest import Client, running_server

PROGRAM = """
    import errno, os, socket, modal
    from concurrent.futures import ThreadPoolExecutor
    app = modal.App("reaches")

    def look(data, *reached):
        return [name for _, name in socket.if_nameindex()], list(ThreadPoolExecutor().map(connect, reached)), resolve(), data[::-1]

    def connect(address):
        try:
            socket.create_connection(address, timeout=1).close()
            return "connected"
        except TimeoutError:
            return "silence"
        except OSError as error:
            return errno.errorcode[error.errno]

    def resolve():
        try:
            return socket.gethostbyname("name.example")
        except OSError:
            return None

    @app.function()
    def ordinary(*words):
        return look(*words)

    @app.function(block_network=True)
    def blocked(*words):
        return look(*words)

    @app.local_entrypoint()
    def main(host: str, allowed: int, other: int, server: int):
        data = os.urandom(3 << 20)
        addresses = [(host, allowed), (host, other), (host, server), ("127.0.0.1", server)]
        for function in ordinary, blocked:
            interfaces, reached, name, back = function.remote(data, *addresses)
            print("saw", interfaces, reached, name, back == data[::-1])
"""


@pytest.fixture
def host():
    """An address of the host which is not in 127.0.0.0/8, and which no other machine reaches."""
    address = f"192.0.2.{os.getpid() % 250 + 1}"
    subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    yield address
    subprocess.run(["ip", "address", "del", f"{address}/32", "dev", "lo"], check=True)


@pytest.fixture
def resolver(tmp_path):
    """The file that names a resolver on the host's loopback, which knows one address for every name."""
    pid = os.getpid()
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind((f"127.53.{pid >> 8 & 255}.{pid & 255}", 53))
    thread = threading.Thread(target=answer, args=[asked])
    thread.start()
    path = tmp_path / "resolv.conf"
    path.write_text(f"nameserver {asked.getsockname()[0]}\n")
    yield path
    asked.sendto(b"", asked.getsockname())
    thread.join()
    asked.close()


def answer(asked):
    """Until an empty question comes."""
    while True:
        question, sender = asked.recvfrom(512)
        if not question:
            return
        end = question.index(b"\0", 12) + 5
        four = question[end - 4:end - 2] == b"\0\1"
        record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton("198.51.100.9")
        asked.sendto(question[:2] + b"\x81\x80\0\1" + bytes([0, four, 0, 0, 0, 0]) + question[12:end] + record * four, sender)


def test_a_function_reaches_the_world_but_not_the_host(built, tmp_path, host, resolver):
    with socket.create_server((host, 0)) as allowed, socket.create_server((host, 0)) as other:
        ports = [str(listener.getsockname()[1]) for listener in (allowed, other)]
        # As far as the server sees, that is the host's resolver.
        prefix = ["unshare", "--mount", "sh", "-c", f'mount --bind {resolver} /etc/resolv.conf && exec "$@"', "sh"]
        with running_server(built, "--insecure-public", "--allow-host", f"{host}:{ports[0]}", prefix=prefix, grpc=f"{host}:0") as server:
            assert "containers have no network" not in server.log_text()
            client = Client(server, tmp_path)
            out = client.run("run", client.write(PROGRAM), "--host", host, "--allowed", ports[0], "--other", ports[1],
                             "--server", server.ready["grpc_url"].rsplit(":", 1)[1]).stdout
    said = [line.removeprefix("saw ") for line in " ".join(out.split()).replace("saw ", "\nsaw ").splitlines() if line.startswith("saw ")]
    assert said[0].startswith("['lo', 'eth0'] ['connected', 'silence', 'silence', 'ECONNREFUSED'] 198.51.100.9 True"), out
    # Arguments above the inline limit come by the listener inside, which needs no network.
    assert said[1].startswith("['lo'] ['ENETUNREACH', 'ENETUNREACH', 'ENETUNREACH', 'ECONNREFUSED'] None True"), out
