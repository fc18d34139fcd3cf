"""/metrics: what is counted, and who may read it."""
import base64
import re
import urllib.error
import urllib.request

PROGRAM = """
    import modal
    app = modal.App("counted")

    @app.function()
    def double(x):
        return x * 2

    @app.local_entrypoint()
    def main():
        print(double.remote(21), len(double.remote(b"x" * 3_000_000)))
"""


def figures(server, **headers):
    request = urllib.request.Request(server.ready["http_url"] + "/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = reply.read().decode()
    found = {}
    for line in text.splitlines():
        name, value = re.fullmatch(r'(?:# (?:HELP|TYPE) (\w+) .+|(\w+(?:\{method="\w+",status="\w+"\})?) ([\d.e+-]+))', line).group(2, 3)
        if name:
            assert name not in found
            found[name] = float(value)
    return found


def status_of(server, **headers):
    try:
        figures(server, **headers)
        return 200
    except urllib.error.HTTPError as error:
        return error.code


def test_what_happens_is_counted(server, client):
    before = figures(server)
    client.run("run", client.write(PROGRAM))
    after = figures(server)

    def more(name):
        return after.get(name, 0) - before.get(name, 0)

    assert more('ionian_calls_total{method="AppCreate",status="OK"}') == 1
    assert more('ionian_calls_total{method="FunctionCreate",status="OK"}') == 1
    assert more("ionian_commits_total") >= 3
    assert more("ionian_blob_received_bytes_total") > 6_000_000  # the argument, and the result
    assert more("ionian_blob_sent_bytes_total") > 6_000_000
    assert more("process_cpu_seconds_total") > 0
    assert after["process_resident_memory_bytes"] > 1e6 and after["process_open_fds"] > 10
    assert after["ionian_calls_in_flight"] >= 0 and after["ionian_tasks"] >= 0


def test_others_need_a_token_of_a_manager(server):
    pair = server.token("scraper")
    viewer = server.admin("token", "create", "--name", "looks", "--role", "viewer")

    def basic(one, secret=None):
        return "Basic " + base64.b64encode(f"{one['token_id']}:{secret or one['token_secret']}".encode()).decode()

    assert status_of(server) == 200
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert status_of(server, **proxied) == 401
    assert status_of(server, **proxied, Authorization=basic(pair)) == 200
    assert status_of(server, **proxied, Authorization=basic(pair, "as-wrong")) == 401
    assert status_of(server, **proxied, Authorization=basic(viewer)) == 403
    assert status_of(server, **proxied, Authorization="Basic %%%") == 401
