"""Arguments and results above the limits of a message."""
import http.client
import json
import os
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest


def test_large_arguments_and_results(any_client):
    sizes = [3, 100] if any_client.which == "new" else [3]
    program = any_client.write("""
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
            for mib in %s:
                data = os.urandom(mib << 20)
                print("intact", mib, turn.remote(data) == data[::-1])
            print("from a container", nested.remote(5 << 20))
            call = turn.spawn(b"x" * 20000)
            print("spawned", len(call.get()))
    """ % sizes)
    out = any_client.run("run", program).stdout
    assert all(f"intact {mib} True" in out for mib in sizes), out
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


# Mostly holes, so that it costs the disk little; no two parts are alike.
LARGE = """
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
"""


@pytest.mark.parametrize("where", ["laptop", "container"])
def test_more_than_a_gibibyte_goes_in_parts_and_comes_back_whole(server, client, where):
    program = client.write(UPLOADS.format(body=LARGE))
    growth = server.memory_growth()
    if where == "laptop":
        out = client.python(program, timeout=400).stdout
    else:
        out = client.run("run", client.write(f"""
            import os, subprocess, sys, modal
            app = modal.App("parts")

            @app.function(memory=512, block_network=True)
            def f():
                return subprocess.run([sys.executable, "-c", {program.read_text()!r}], capture_output=True, text=True, cwd="/tmp",
                                      env=os.environ | {{"PYTHONPATH": "/pkg"}})

            @app.local_entrypoint()
            def main():
                print(f.remote())
        """, "parts.py"), timeout=400).stdout
    assert "whole True" in out, out
    # No body is ever held, nor is a part of one.
    assert growth() < 64, growth()


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


def test_uploads_that_are_joined_stop_nobody_else(server, client):
    """Their parts are pipes here: joining them takes until the test closes those."""
    program = client.write(UPLOADS.format(body="""
        for _ in range(2):
            sha256 = base64.b64encode(os.urandom(32)).decode()
            made = await client._stub.BlobCreate(api_pb2.BlobCreateRequest(content_sha256_base64=sha256, content_length=(1 << 30) + 1))
            print(json.dumps([made.blob_id, made.multipart.completion_url]))
    """))
    uploads = [json.loads(line) for line in client.python(program).stdout.splitlines()]
    completions, pipes = [], []
    for blob, url in uploads:
        part, there = server.folder / f"data/uploads/{blob}.1", urllib.parse.urlparse(url)
        os.mkfifo(part)
        part.with_name(part.name + ".md5").write_text("00" * 16)
        completions.append(http.client.HTTPConnection(there.netloc, timeout=30))
        completions[-1].request("POST", f"{there.path}?{there.query}", body=b"<x/>")
        # It opens once the other end does.
        pipes.append(part.open("wb"))
    try:
        with urllib.request.urlopen(server.ready["http_url"] + "/health", timeout=10) as reply:
            assert reply.read() == b"ok\n"
    finally:
        for pipe in pipes:
            pipe.close()
    for completion in completions:
        assert b"part 2 of 5 was not sent" in completion.getresponse().read()
    for pipe in pipes:
        os.unlink(pipe.name)
        os.unlink(f"{pipe.name}.md5")


def test_an_address_is_for_one_method_one_length_and_one_side(client):
    """What a container is given is worth nothing outside, and the other way round."""
    out = client.run("run", client.write("""
        import base64, hashlib, os, urllib.error, urllib.parse, urllib.request
        import modal
        from modal._utils.async_utils import synchronize_api
        from modal.client import _Client
        from modal_proto import api_pb2

        app = modal.App("addresses")

        @synchronize_api
        async def made(data, length=None):
            client = await _Client.from_env()
            digest = lambda name: base64.b64encode(hashlib.new(name, data).digest()).decode()
            reply = await client._stub.BlobCreate(api_pb2.BlobCreateRequest(
                content_sha256_base64=digest("sha256"), content_md5=digest("md5"), content_length=length or len(data)))
            return reply.blob_id, reply.upload_url or [*reply.multipart.upload_urls, reply.multipart.completion_url]

        @synchronize_api
        async def found(blob):
            client = await _Client.from_env()
            try:
                return (await client._stub.BlobGet(api_pb2.BlobGetRequest(blob_id=blob))).download_url
            except Exception as error:
                return type(error).__name__

        def status(url, method="GET", data=None):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, data, method=method)) as reply:
                    return reply.status, reply.read()
            except urllib.error.HTTPError as error:
                return error.code

        def at(url, host):
            return urllib.parse.urlparse(url)._replace(netloc=urllib.parse.urlparse(host).netloc).geturl()

        @app.function(block_network=True)
        def inside(blob, outside):
            url = found(blob)
            _, [*parts, complete] = made(b"parts", (1 << 30) + 1)
            return url, status(url), status(at(outside, url)), parts[-1], status(parts[-1], "PUT", b"x"), status(complete, "POST", b"<x/>")

        @app.local_entrypoint()
        def main():
            blob, upload = made(b"whole")
            print("get as put", status(upload), "put", status(upload, "PUT", b"whole"))
            outside = found(blob)
            print("outside", status(outside), "put as get", status(outside, "PUT", b"whole"))
            url, own, foreign, part, sent, complete = inside.remote(blob, outside)
            print("part", sent, "without the others", complete, "taken out", status(at(part, outside), "PUT", b"x"))
            print("inside", urllib.parse.urlparse(url).netloc, own, foreign, "taken out", status(at(url, outside)))
            for length in b"whol", b"whole and more":
                blob, upload = made(b"whole" + length)
                print("length", status(upload, "PUT", length), found(blob))
    """), timeout=60).stdout
    assert "get as put 403 put (200, b'')" in out and "outside (200, b'whole') put as get 403" in out, out
    assert "part (200, b'') without the others 400 taken out 403" in out, out
    assert "inside 172.21.0.1:8714 (200, b'whole') 403 taken out 403" in out, out
    assert out.count("length 400 NotFoundError") == 2, out
