"""TaskReloadVolumes, of the task command router: a client has a container's volumes committed and shown in their newest version."""
import json

import pytest

from conftest import Client
from test_run import wait_for

APP = """
    import os, time
    import modal

    app = modal.App("reloads")
    shelf = modal.Volume.from_name("shelf", create_if_missing=True)
    other = modal.Volume.from_name("other", create_if_missing=True)

    @app.function(volumes={"/shelf": shelf, "/other": other}, timeout=1200)
    def hold():
        for place in "/shelf", "/other":
            open(place + "/mine", "w").write("of the container")
        while not (os.path.exists("/shelf/theirs") and os.path.exists("/other/theirs")):
            time.sleep(0.05)
        reading = open("/shelf/theirs")
        print("holds it open", flush=True)
        while not os.path.exists("/tmp/let-go"):
            time.sleep(0.05)
        return reading.read()
"""

RELOAD = """
    import asyncio, io, os, subprocess, sys
    from grpclib.client import Channel
    from grpclib.exceptions import GRPCError
    import modal
    from modal_proto import api_pb2, task_command_router_pb2 as router_pb2
    from modal_proto.api_grpc import ModalClientStub
    from modal_proto.task_command_router_grpc import TaskCommandRouterStub

    async def reload(channel, token, task, **more):
        request = router_pb2.TaskReloadVolumesRequest(task_id=task, **more)
        try:
            await TaskCommandRouterStub(channel).TaskReloadVolumes(
                request, metadata={"authorization": f"Bearer {token}"} if token else {})
            return "OK"
        except GRPCError as error:
            return error.status.name

    async def main(task):
        host, port = os.environ["MODAL_SERVER_URL"].split("//")[1].split(":")
        channel = Channel(host, int(port))
        access = await ModalClientStub(channel).TaskGetCommandRouterAccess(
            api_pb2.TaskGetCommandRouterAccessRequest(task_id=task), metadata={
                "x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": os.environ["MODAL_TOKEN_ID"],
                "x-modal-token-secret": os.environ["MODAL_TOKEN_SECRET"]})
        print(await reload(channel, "", task), await reload(channel, access.jwt[:-4] + "AAAA", task),
              await reload(channel, access.jwt, "ta-" + "1" * 26), await reload(channel, access.jwt, task, container_id="side"))
        print(await reload(channel, access.jwt, task))
        channel.close()

    asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
def client(own, tmp_path):
    return Client(own, tmp_path)


def test_a_client_reloads_the_volumes_of_a_container(client):
    client.run("deploy", client.write(APP, "reloads.py"))
    program = client.write(RELOAD, "reload.py")
    call = client.python(client.write("""
        import modal
        print(modal.Function.from_name("reloads", "hold").spawn().object_id)
    """, "spawn.py")).stdout.strip()
    task = wait_for(lambda: [row["container_id"] for row in json.loads(client.run("container", "list", "--json").stdout)])[0]

    def reload():
        refused, done = client.python(program, task).stdout.splitlines()
        assert refused == "UNAUTHENTICATED UNAUTHENTICATED NOT_FOUND NOT_FOUND", refused
        return done

    def names(volume):
        return client.run("volume", "ls", volume).stdout.split()

    # What the container has written is committed, of both.
    wait_for(lambda: reload() == "OK" and "mine" in names("shelf") and "mine" in names("other"))
    theirs = client.folder / "theirs"
    theirs.write_text("of a client")
    for volume in "shelf", "other":
        client.run("volume", "put", volume, theirs, "/theirs")
    # What others have written is shown.
    assert reload() == "OK"
    wait_for(lambda: "holds it open" in client.run("app", "logs", "reloads", check=False, timeout=60).stdout)
    assert reload() == "FAILED_PRECONDITION"
    client.run("container", "exec", "--no-pty", task, "--", "touch", "/tmp/let-go")
    out = client.python(client.write(f"import modal\nprint(modal.FunctionCall.from_id({call!r}).get())\n", "get.py")).stdout
    assert out == "of a client\n"
