#!/usr/bin/env python3
"""usage: sign_in_page.py IONIAN [N]    Time of the sign-in page over loopback, on one kept connection, and with one each."""
import http.client
import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.parse


def figures(name, times):
    times.sort()
    print(f"{name}: p50 {times[len(times) // 2] * 1e3:.2f} ms, p99 {times[len(times) * 99 // 100] * 1e3:.2f} ms, n = {len(times)}")


def page(connection):
    begin = time.perf_counter()
    connection.request("GET", "/sign-in")
    reply = connection.getresponse()
    body = reply.read()
    assert reply.status == 200 and b"<h1>Sign in</h1>" in body
    return time.perf_counter() - begin


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    with tempfile.TemporaryDirectory() as folder:
        ready = pathlib.Path(folder, "ready.json")
        server = subprocess.Popen([sys.argv[1], "serve", "--data", folder + "/data", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0",
                                   "--ready-file", str(ready)], stderr=subprocess.DEVNULL)
        try:
            while not ready.exists():
                assert server.poll() is None, "the server has ended"
                time.sleep(0.02)
            host = urllib.parse.urlparse(json.loads(ready.read_text())["http_url"]).netloc
            kept = http.client.HTTPConnection(host)
            figures("kept connection", [page(kept) for _ in range(count)])
            figures("new connection", [page(http.client.HTTPConnection(host)) for _ in range(count // 4)])
        finally:
            server.terminate()
            server.wait()


main()
