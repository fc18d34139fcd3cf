"""Arguments and results above the limits of a message."""
import http.client
import json
import pathlib
import re
import socket
import subprocess
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


UPLOADS = """
    import asyncio, base64, hashlib, json, os, sys, urllib.request
    import modal
    from modal._utils.blob_utils import blob_upload_file
    from modal.client import _Client
    from modal_proto import api_pb2

    async def main():
        client = await _Client.from_env()
        {body}

    asyncio.run(main())
"""


def test_more_than_a_gibibyte_goes_in_parts_and_comes_back_whole(server, client):
    program = client.write(UPLOADS.format(body="""
        # Mostly holes, so that it costs the disk little; no two parts are alike.
        size = (1 << 30) + (70 << 20) + 12345
        with open("large.bin", "wb") as file:
            for at in range(0, size, 16 << 20):
                file.seek(at)
                file.write(os.urandom(1 << 16))
            file.truncate(size)
        whole = hashlib.sha256()
        with open("large.bin", "rb") as file:
            while piece := file.read(1 << 24):
                whole.update(piece)
        with open("large.bin", "rb") as file:
            blob = await blob_upload_file(file, client._stub)
        url = (await client._stub.BlobGet(api_pb2.BlobGetRequest(blob_id=blob))).download_url
        back, length = hashlib.sha256(), 0
        with urllib.request.urlopen(url) as reply:
            while piece := reply.read(1 << 24):
                back.update(piece)
                length += len(piece)
        print("whole", length == size and back.digest() == whole.digest())
    """))
    memory = pathlib.Path(f"/proc/{server.process.pid}/status")
    resident = lambda name: int(re.search(rf"{name}:\s+(\d+)", memory.read_text())[1]) >> 10
    memory.with_name("clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    assert "whole True" in client.python(program, timeout=400).stdout
    # No body is ever held, nor is a part of one.
    assert resident("VmHWM") - before < 64, (before, resident("VmHWM"))


def test_a_cut_upload_leaves_nothing(server, client):
    program = client.write(UPLOADS.format(body="""
        data = os.urandom(1 << 20)
        request = api_pb2.BlobCreateRequest(content_sha256_base64=base64.b64encode(hashlib.sha256(data).digest()).decode(),
            content_md5=base64.b64encode(hashlib.md5(data).digest()).decode(), content_length=len(data))
        made = await client._stub.BlobCreate(request)
        print(json.dumps([made.blob_id, made.upload_url]))
    """))
    blob, url = json.loads(client.python(program).stdout)
    there = urllib.parse.urlparse(url)
    uploads, blobs = server.folder / "data/uploads", server.folder / "data/blobs"
    before = sum(1 for _ in blobs.rglob("*"))
    # One end goes away in the middle; the next sends all, but other bytes.
    with socket.create_connection((there.hostname, there.port), timeout=30) as cut:
        cut.sendall(f"PUT {there.path}?{there.query} HTTP/1.1\r\nHost: {there.netloc}\r\nContent-Length: {1 << 20}\r\n\r\n".encode() + b"x" * 1000)
    connection = http.client.HTTPConnection(there.netloc)
    connection.request("PUT", f"{there.path}?{there.query}", body=b"y" * (1 << 20))
    wrong = connection.getresponse()
    assert wrong.status == 400, wrong.read()
    program = client.write(UPLOADS.format(body="""
        try:
            print((await client._stub.BlobGet(api_pb2.BlobGetRequest(blob_id=sys.argv[1]))).download_url)
        except Exception as error:
            print("refused", error)
    """))
    out = subprocess.run([client.venv / "bin/python", program, blob], capture_output=True, text=True, env=client.env)
    assert "refused" in out.stdout, out.stdout + out.stderr
    assert list(uploads.iterdir()) == [] and sum(1 for _ in blobs.rglob("*")) == before
