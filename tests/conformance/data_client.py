"""Many callers of one queue, one dict and some secrets at once, over gRPC and with none of the clients' comforts: each call is repeated with its idempotency key until
it is answered. Prints what was asked, what came, and when, as one JSON line a call.   data_client.py HOST PORT TOKEN SECRET SEED STOP_FILE"""
import asyncio
import json
import os
import random
import sys
import time
import uuid

from google.protobuf import empty_pb2  # noqa: F401  (the stubs want it loaded)
from grpclib.client import Channel
from grpclib.const import Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientStub

HOST, PORT, TOKEN, SECRET, SEED, STOP = sys.argv[1:]
AGAIN = (Status.UNAVAILABLE, Status.CANCELLED, Status.INTERNAL, Status.UNKNOWN, Status.DEADLINE_EXCEEDED)
PARTITIONS, KEYS = [b"", b"one", b"two"], [b"a", b"b"]
chance = random.Random(int(SEED))


class Caller:
    def __init__(self):
        self.channel = None

    async def call(self, method, request):
        """The answer, whatever happens to the server; the caller's own error if it answers with one."""
        key = str(uuid.uuid4())
        headers = {"x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": TOKEN, "x-modal-token-secret": SECRET,
                   "x-idempotency-key": key}
        while True:
            try:
                if not self.channel:
                    self.channel = Channel(HOST, int(PORT))
                return await getattr(ModalClientStub(self.channel), method)(request, metadata=headers, timeout=15)
            except GRPCError as error:
                if error.status not in AGAIN:
                    raise
            except (OSError, StreamTerminatedError, asyncio.TimeoutError):
                pass
            except AttributeError as error:
                # grpclib's own way to say that the connection went away between its making and the request.
                if error.name != "_transport":
                    raise
            if self.channel:
                self.channel.close()
            self.channel = None
            await asyncio.sleep(0.02)


def stopped():
    return os.path.exists(STOP)


def note(**what):
    print(json.dumps(what), flush=True)


async def produce(queue, number):
    caller, partition = Caller(), PARTITIONS[number % len(PARTITIONS)]
    n = 0
    while not stopped():
        values = [f"{number}-{n + i}".encode() for i in range(chance.choice([1, 2, 3, 40]))]
        n += len(values)
        await caller.call("QueuePut", api_pb2.QueuePutRequest(queue_id=queue, values=values, partition_key=partition))
        note(put=[v.decode() for v in values], partition=partition.decode())
        await asyncio.sleep(chance.random() * 0.02)
    note(produced=number)


async def consume(queue, number, producers):
    caller, partition = Caller(), PARTITIONS[number % len(PARTITIONS)]
    while True:
        last = all(p.done() for p in producers)
        reply = await caller.call("QueueGet", api_pb2.QueueGetRequest(queue_id=queue, timeout=0.5, n_values=chance.choice([1, 2, 4, 60]), partition_key=partition))
        if reply.values:
            note(got=[v.decode() for v in reply.values], partition=partition.decode(), by=number)
        elif last:
            return


async def use(dictionary, number):
    caller, n = Caller(), 0
    while not stopped():
        keys, what = [chance.choice(KEYS)], chance.choice(["put", "put both", "get", "get", "pop", "claim", "put", "get", "clear"])
        if what == "put both":
            keys, what = KEYS, "put"
        value = f"{number}-{n}".encode()
        n += 1
        began = time.monotonic()
        if what in ("put", "claim"):
            entries = [api_pb2.DictEntry(key=key, value=value) for key in keys]
            reply = await caller.call("DictUpdate", api_pb2.DictUpdateRequest(dict_id=dictionary, updates=entries, if_not_exists=what == "claim"))
            result = reply.created
        elif what == "clear":
            await caller.call("DictClear", api_pb2.DictClearRequest(dict_id=dictionary))
            result = None
        else:
            request = api_pb2.DictGetRequest if what == "get" else api_pb2.DictPopRequest
            reply = await caller.call("DictGet" if what == "get" else "DictPop", request(dict_id=dictionary, key=keys[0]))
            result = reply.value.decode() if reply.found else None
        note(keys=[key.decode() for key in keys], what=what, value=value.decode(), result=result, began=began, ended=time.monotonic())
        await asyncio.sleep(chance.random() * 0.02)


async def overwrite(number):
    """Each value of a secret has a variable of its own name; afterwards the last one acknowledged is there, and the one before it is not."""
    caller, n, name = Caller(), 0, f"history-{number}"

    async def has(variable):
        try:
            await caller.call("SecretGetOrCreate", api_pb2.SecretGetOrCreateRequest(deployment_name=name, required_keys=[variable]))
            return True
        except GRPCError as error:
            if error.status != Status.FAILED_PRECONDITION:
                raise
            return False

    while not stopped() or n < 2:
        n += 1
        await caller.call("SecretGetOrCreate", api_pb2.SecretGetOrCreateRequest(
            deployment_name=name, object_creation_type=api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS, env_dict={f"V{n}": "value"}))
        await asyncio.sleep(chance.random() * 0.02)
    note(secret=number, values=n, last=await has(f"V{n}"), before=await has(f"V{n - 1}"))


async def main():
    first = Caller()
    ephemeral = api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL
    queue = (await first.call("QueueGetOrCreate", api_pb2.QueueGetOrCreateRequest(object_creation_type=ephemeral))).queue_id
    dictionary = (await first.call("DictGetOrCreate", api_pb2.DictGetOrCreateRequest(object_creation_type=ephemeral))).dict_id
    producers = [asyncio.create_task(produce(queue, n)) for n in range(6)]
    others = [asyncio.create_task(consume(queue, n, producers)) for n in range(6)] + [asyncio.create_task(use(dictionary, n)) for n in range(4)]
    others += [asyncio.create_task(overwrite(n)) for n in range(2)]
    note(ready=True)
    await asyncio.gather(*producers, *others)


asyncio.run(main())
