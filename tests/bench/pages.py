"""The sign-in page over loopback, on one kept connection and with one each."""
import http.client
import time
import urllib.parse

from figures import plain
from servers import Ionian


def page_ms(connection):
    began = time.perf_counter()
    connection.request("GET", "/sign-in")
    reply = connection.getresponse()
    body = reply.read()
    assert reply.status == 200 and b"<h1>Sign in</h1>" in body
    return (time.perf_counter() - began) * 1e3


def run(bench):
    server = Ionian(bench.build)
    try:
        host = urllib.parse.urlparse(server.ready["http_url"]).netloc
        kept = http.client.HTTPConnection(host)
        yield plain("sign-in page, kept connection", "ms", [page_ms(kept) for _ in range(2000)], "≤ 5 ms")
        yield plain("sign-in page, new connection", "ms", [page_ms(http.client.HTTPConnection(host)) for _ in range(500)], "≤ 5 ms")
    finally:
        server.close()
