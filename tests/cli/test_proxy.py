"""A proxy between here and the server: taken where the environment names one, and gone around where told."""
import socket
import threading
import urllib.parse

import pytest


class Proxy:
    """Takes CONNECT to any name, and forwards to one server."""

    def __init__(self, url):
        self.target = urllib.parse.urlparse(url)
        self.asked = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            here, _ = self.socket.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += here.recv(1000)
            self.asked.append(head.split()[1].decode())
            there = socket.create_connection((self.target.hostname, self.target.port))
            here.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for a, b in ((here, there), (there, here)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    @staticmethod
    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:  # one side has hung up
            pass


@pytest.fixture
def env(server):
    pair = server.token()
    return {"MODAL_SERVER_URL": "http://ionian.invalid:8713", "MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}


def test_by_way_of_a_proxy(home, server, env):
    proxy = Proxy(server.url)
    assert home.json("token", "info", "--json", https_proxy=proxy.url, **env)["token_id"] == env["MODAL_TOKEN_ID"]
    assert proxy.asked[0] == "ionian.invalid:8713"
    found = {f["check"]: f for f in home.json("doctor", "--json", https_proxy=proxy.url, **env)}
    assert "by way of the proxy that https_proxy names" in found["protocol"]["message"] and found["name"]["status"] == "skipped"


def test_around_the_proxy(home, server, env):
    proxy = Proxy(server.url)
    for around in ({"MODAL_DISABLE_API_PROXY": "1"}, {"no_proxy": "example.org, .invalid"}):
        err = home.run("token", "info", code=1, https_proxy=proxy.url, **env, **around).stderr
        assert "the name 'ionian.invalid' has no address" in err
    assert not proxy.asked
    assert home.json("token", "info", "--json", https_proxy="http://127.0.0.1:1", **env | {"MODAL_SERVER_URL": server.url})


def test_a_proxy_that_is_not_there(home, env):
    err = home.run("token", "info", code=1, http_proxy="http://127.0.0.1:1", **env).stderr
    assert "by way of the proxy that http_proxy names" in err and "MODAL_DISABLE_API_PROXY=1" in err
    found = {f["check"]: f for f in home.json("doctor", "--json", code=1, http_proxy="http://127.0.0.1:1", **env)}
    assert found["protocol"]["status"] == "failed"
