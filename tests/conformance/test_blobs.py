"""Arguments and results above the limits of a message."""
import http.client
import urllib.parse


def test_large_arguments_and_results(client):
    program = client.write("""
        import hashlib, os, modal
        app = modal.App("large")

        @app.function(block_network=True)
        def turn(data: bytes):
            return data[::-1]

        @app.function()
        def nested(n):
            data = os.urandom(n)
            return turn.remote(data) == data[::-1]

        @app.local_entrypoint()
        def main():
            for mib in [3, 100]:
                data = os.urandom(mib << 20)
                print("intact", mib, turn.remote(data) == data[::-1])
            print("from a container", nested.remote(5 << 20))
            call = turn.spawn(b"x" * 20000)
            print("spawned", len(call.get()))
    """)
    out = client.run("run", program).stdout
    assert "intact 3 True" in out and "intact 100 True" in out
    assert "from a container True" in out
    assert "spawned 20000" in out


def test_addresses_are_no_general_right(server):
    host = urllib.parse.urlparse(server.ready["http_url"]).netloc
    for method, target in [("GET", "/blobs/ac-1/bl-2?len=1&part=0&parts=0&exp=99999999999999&sig=00"), ("PUT", "/blobs/x"), ("DELETE", "/blobs/")]:
        connection = http.client.HTTPConnection(host)
        connection.request(method, target)
        assert connection.getresponse().status == 403
    connection = http.client.HTTPConnection(host)
    connection.request("GET", "/health")
    assert connection.getresponse().read() == b"ok\n"
