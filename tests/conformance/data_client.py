"""Many callers of one queue, one dict and one secret at once, over gRPC and with none of the clients' comforts: each call is repeated with its idempotency key until
it is answered. Beside them a producer, a taker and a user of the dict with the official client. Prints what was asked, what came, and when, as one JSON line a call.   data_client.py HOST PORT TOKEN SECRET SEED STOP_FILE"""
import asyncio
import json
import os
import queue as queues
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
os.environ |= {"MODAL_SERVER_URL": f"http://{HOST}:{PORT}", "MODAL_TOKEN_ID": TOKEN, "MODAL_TOKEN_SECRET": SECRET, "MODAL_CONFIG_PATH": "/nowhere"}
import modal  # noqa: E402  (it reads them)

AGAIN = (Status.UNAVAILABLE, Status.CANCELLED, Status.INTERNAL, Status.UNKNOWN, Status.DEADLINE_EXCEEDED)
# What the official client raises once it has asked often enough.
GAVE_UP = modal.exception.Error, StreamTerminatedError, ConnectionError, AttributeError
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
                went_away(error)
            if self.channel:
                self.channel.close()
            self.channel = None
            await asyncio.sleep(0.02)


def went_away(error):
    """grpclib's own way to say that the connection went away between its making and the request is an AttributeError; others are mistakes."""
    if isinstance(error, AttributeError) and error.name != "_transport":
        raise error


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
        began = time.monotonic()
        await caller.call("QueuePut", api_pb2.QueuePutRequest(queue_id=queue, values=values, partition_key=partition))
        note(put=[v.decode() for v in values], partition=partition.decode(), began=began, ended=time.monotonic())
        await asyncio.sleep(chance.random() * 0.02)
    note(produced=number)


async def consume(queue, number, producers):
    caller, partition = Caller(), PARTITIONS[number % len(PARTITIONS)]
    while True:
        last, began = all(p.done() for p in producers), time.monotonic()
        reply = await caller.call("QueueGet", api_pb2.QueueGetRequest(queue_id=queue, timeout=0.5, n_values=chance.choice([1, 2, 4, 60]), partition_key=partition))
        if reply.values:
            note(got=[v.decode() for v in reply.values], partition=partition.decode(), by=number, began=began, ended=time.monotonic())
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


async def keep_secret(number):
    """One of several that write the same secret. Values never come out; the names of the variables do, and each is written once."""
    caller, n, secret_id = Caller(), 0, ""
    while not stopped():
        what = chance.choice(["write", "merge", "merge", "merge", "read", "read", "read", "delete"]) if secret_id else chance.choice(["write", "read"])
        n += 1
        known, variable, began = secret_id, f"V{number}_{n}", time.monotonic()
        try:
            if what in ("write", "read"):
                request = api_pb2.SecretGetOrCreateRequest(deployment_name="history")
                if what == "write":
                    request.object_creation_type = api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS
                    request.env_dict[variable] = "value"
                reply = await caller.call("SecretGetOrCreate", request)
                secret_id = reply.secret_id
                result = [secret_id, *sorted(reply.metadata.keys)]
            elif what == "merge":
                update = api_pb2.SecretUpdateRequest.Update(key=variable, value="value")
                await caller.call("SecretUpdate", api_pb2.SecretUpdateRequest(secret_id=secret_id, updates=[update]))
                result = True
            else:
                await caller.call("SecretDelete", api_pb2.SecretDeleteRequest(secret_id=secret_id))
                result = True
        except GRPCError as error:
            if error.status != Status.NOT_FOUND:
                raise
            result, secret_id = None, ""
        note(secret=what, id=known, variable=variable, result=result, began=began, ended=time.monotonic())
        await asyncio.sleep(chance.random() * 0.02)


OFFICIAL = 9  # its number as a producer and a taker, in a partition of its own


async def produce_officially(queue):
    """A client that gives up leaves it open whether the items are there."""
    n = 0
    while not stopped():
        values = [f"{OFFICIAL}-{n + i}" for i in range(chance.choice([1, 2, 40]))]
        n += len(values)
        began = time.monotonic()
        try:
            await queue.put_many.aio(values, partition="official")
            note(put=values, partition="official", began=began, ended=time.monotonic())
        except GAVE_UP as error:
            went_away(error)
            note(maybe=values, partition="official", began=began, why=repr(error))
        await asyncio.sleep(chance.random() * 0.05)
    note(produced=OFFICIAL)


async def consume_officially(queue, producers):
    while True:
        last, most, began = all(p.done() for p in producers), chance.choice([1, 4, 60]), time.monotonic()
        try:
            values = await queue.get_many.aio(most, timeout=0.5, partition="official")
            note(got=values, partition="official", by=OFFICIAL, began=began, ended=time.monotonic())
        except queues.Empty:
            if last:
                return
        except GAVE_UP as error:
            went_away(error)
            note(gave_up=most, partition="official", why=repr(error))


async def use_officially(dictionary):
    """The only one that has this key; the others clear it. What it gave up on it does again, until it knows: nobody else saw the first."""
    n = 0
    while not stopped():
        what, value, began = chance.choice(["put", "get"]), f"{OFFICIAL}-{n}", time.monotonic()
        n += 1
        while True:
            try:
                result = await (dictionary.put.aio("c", value) if what == "put" else dictionary.get.aio("c"))
                break
            except GAVE_UP as error:
                went_away(error)
        note(keys=["c"], what=what, value=value, result=result, began=began, ended=time.monotonic())
        await asyncio.sleep(chance.random() * 0.05)


async def main():
    first = Caller()
    ephemeral = api_pb2.OBJECT_CREATION_TYPE_EPHEMERAL
    queue = (await first.call("QueueGetOrCreate", api_pb2.QueueGetOrCreateRequest(object_creation_type=ephemeral))).queue_id
    dictionary = (await first.call("DictGetOrCreate", api_pb2.DictGetOrCreateRequest(object_creation_type=ephemeral))).dict_id
    producers = [asyncio.create_task(produce(queue, n)) for n in range(6)]
    others = [asyncio.create_task(consume(queue, n, producers)) for n in range(6)] + [asyncio.create_task(use(dictionary, n)) for n in range(4)]
    others += [asyncio.create_task(keep_secret(n)) for n in range(2)]
    official = modal.Queue.from_id(queue)
    producers.append(asyncio.create_task(produce_officially(official)))
    others += [asyncio.create_task(consume_officially(official, producers[-1:])), asyncio.create_task(use_officially(modal.Dict.from_id(dictionary)))]
    note(ready=True)
    await asyncio.gather(*producers, *others)


asyncio.run(main())
