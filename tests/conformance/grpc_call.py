"""One call over a connection of its own, without any of the clients: what the server itself says."""
import os
import pathlib
import subprocess
import textwrap

PYTHON = pathlib.Path(os.environ["IONIAN_CLIENT"]) / "bin/python"
PROGRAM = """
import asyncio, sys
from google.protobuf import empty_pb2
from grpclib.client import Channel
from grpclib.exceptions import GRPCError
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientStub

async def main(host, port, token, secret):
    channel = Channel(host, int(port))
    try:
        await ModalClientStub(channel).ClientHello(empty_pb2.Empty(), metadata={
            "x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": token, "x-modal-token-secret": secret})
        print("OK")
    except GRPCError as error:
        print(error.message)
    finally:
        channel.close()

for pair in sys.argv[3:]:
    asyncio.run(main(sys.argv[1], sys.argv[2], *pair.split(" ")))
"""


def hellos(server, pairs):
    """What ClientHello answers to each (token id, secret): "OK", or the message."""
    host, port = server.ready["grpc_url"].removeprefix("http://").split(":")
    out = subprocess.run([PYTHON, "-c", PROGRAM, host, port, *(" ".join(pair) for pair in pairs)], capture_output=True, text=True, timeout=60)
    assert out.returncode == 0, out.stderr
    return out.stdout.splitlines()


def hello(server, token, secret):
    return hellos(server, [(token, secret)])[0]

PRELUDE = """
import asyncio, hashlib, sys
from google.protobuf import empty_pb2
from grpclib.client import Channel
from grpclib.exceptions import GRPCError
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientStub

HEADERS = {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": sys.argv[3], "x-modal-token-secret": sys.argv[4]}

async def main():
    channel = Channel(sys.argv[1], int(sys.argv[2]))
    stub = ModalClientStub(channel)
    async def call(method, key=None, **fields):
        # The answer, or the error's status and message.
        request = getattr(api_pb2, method + "Request")(**{name.rstrip("_"): value for name, value in fields.items()})
        try:
            return await getattr(stub, method)(request, metadata=HEADERS | ({"x-idempotency-key": key} if key else {}))
        except GRPCError as error:
            return f"{error.status.name} {error.message}"
    try:
        await body(call)
    finally:
        channel.close()

"""


def raw(server, pair, body):
    """Runs `async def body(call)`; `await call("DictPop", key="k", dict_id=…)` asks once, with that idempotency key (a field `key` is `key_`). What the body printed."""
    host, port = server.ready["grpc_url"].removeprefix("http://").split(":")
    program = PRELUDE + textwrap.dedent(body) + "\nasyncio.run(main())\n"
    out = subprocess.run([PYTHON, "-c", program, host, port, pair["token_id"], pair["token_secret"]], capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    return out.stdout
