"""usage: fake_modal.py [CERTIFICATE KEY]

A server of Modal's protocol that answers as told: the first line of its input is JSON, {method: answer or [answers…]}. An answer
is a reply as JSON, or {"error": [status, text]}; the last of several stays. "metadata" in an answer goes out before it. Prints its
port, then each call as a line of JSON. Runs with the official client's Python, which has the protocol."""
import asyncio
import inspect
import json
import ssl
import sys
import urllib.request

from google.protobuf import json_format
from grpclib import GRPCError, Status
from grpclib.server import Server
from modal_proto import api_grpc

ANSWERS = json.loads(sys.stdin.readline())


def say(**what):
    print(json.dumps(what), flush=True)


def visit(port):
    """As the approving page's script does."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as reply:
        say(visited=reply.read().decode(), cors=reply.headers["Access-Control-Allow-Origin"])


def handler(name):
    async def answer(self, stream):
        request = await stream.recv_message()
        fields = json_format.MessageToDict(request, preserving_proto_field_name=True)
        say(method=name, request=fields, headers={k: v for k, v in stream.metadata.items() if isinstance(v, str)})
        out = ANSWERS.get(name, {"error": ["UNIMPLEMENTED", f"{name} is not offered"]})
        if isinstance(out, list):
            out = out.pop(0) if len(out) > 1 else out[0]
        out = dict(out)
        if name == "TokenFlowCreate":
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            ANSWERS["port"] = fields.get("localhost_port")
        if out.pop("visit", False):
            await asyncio.get_running_loop().run_in_executor(None, visit, ANSWERS["port"])
        await stream.send_initial_metadata(metadata=out.pop("metadata", {}))
        if "error" in out:
            status, text = out["error"]
            raise GRPCError(Status[status], text)
        await stream.send_message(json_format.ParseDict(out, stream._send_type()))
    return answer


async def main():
    methods = {n: handler(n) for n, m in inspect.getmembers(api_grpc.ModalClientBase) if inspect.iscoroutinefunction(m)}
    tls = None
    if len(sys.argv) == 3:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*sys.argv[1:])
        tls.set_alpn_protocols(["h2"])
    server = Server([type("Fake", (api_grpc.ModalClientBase,), methods)()])
    await server.start("127.0.0.1", 0, ssl=tls)
    print(server._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
