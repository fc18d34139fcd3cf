"""Commands in containers, started by containers: the official client inside a function."""
import json

import pytest

from conftest import Client

APP = """
    import asyncio
    import os
    import uuid

    import modal

    app = modal.App("inside")

    async def command(task, *args, words=b""):
        from modal.client import _Client
        from modal.sandbox._sandbox import v1_command_router_access_fetcher
        from modal.sandbox._task_command_router_client import TaskCommandRouterClient
        from modal_proto import task_command_router_pb2 as pb

        client = await _Client.from_env()
        router = await TaskCommandRouterClient.connect(client, task, v1_command_router_access_fetcher(client, task))
        exec_id = str(uuid.uuid4())
        await router.exec_start(pb.TaskExecStartRequest(task_id=task, exec_id=exec_id, command_args=args, stdout_config=1))
        if words:
            await router.exec_stdin_write(task, exec_id, 0, words, True)
        ended = await router.exec_wait(task, exec_id)
        out = b"".join([part.data async for part in router.exec_stdio_read(task, exec_id, 1)])
        await router.close()
        return ended.code, out.decode()

    def run(task, *args, **more):
        # A client of its own, as a program of the user's has one.
        from modal._utils.async_utils import synchronizer

        @synchronizer.create_blocking
        async def there():
            try:
                return await command(task, *args, **more)
            except Exception as error:
                return type(error).__name__, str(error)

        return there()

    @app.function(secrets=[modal.Secret.from_dict({"COLOUR": "red"})], scaledown_window=1200, timeout=1200)
    def target():
        open("/tmp/seen", "w").write("by the target")
        return os.environ["MODAL_TASK_ID"]

    @app.function()
    def outside(task, *args):
        return run(task, *args)

    @app.function(block_network=True)
    def blocked(task, *args):
        return run(task, *args)

    @app.function()
    def of_its_own():
        open("/tmp/own", "w").write("kept")
        return run(os.environ["MODAL_TASK_ID"], "sh", "-c", "cat; cat /tmp/own; exit 3", words=b"said, ")

    @app.function()
    def much(task):
        return len(run(task, "seq", "1000000")[1])
"""

CALL = """
    import json, sys
    import modal

    function, *args = sys.argv[1:]
    print(json.dumps(modal.Function.from_name("inside", function).remote(*args)))
"""


@pytest.fixture(scope="module")
def client(own, tmp_path_factory):
    client = Client(own, tmp_path_factory.mktemp("client"))
    client.run("deploy", client.write(APP, "inside.py"))
    client.write(CALL, "call.py")
    return client


def call(client, *words, **env):
    return json.loads(client.python(client.folder / "call.py", *words, **env).stdout)


@pytest.fixture(scope="module")
def task(client):
    return call(client, "target")


@pytest.mark.parametrize("function", ["outside", "blocked"])
def test_in_another_container_with_and_without_a_network(client, task, function):
    assert call(client, function, task, "sh", "-c", "echo $COLOUR; cat /tmp/seen; exit 4") == [4, "red\nby the target"]


def test_in_its_own_container(client):
    assert call(client, "of_its_own") == [3, "said, kept"]


def test_much_output(client, task):
    assert call(client, "much", task) == len("".join(f"{n}\n" for n in range(1, 1000001)))


def test_who_ran_it_is_in_the_audit_log(own, client, task):
    call(client, "outside", task, "true")
    entry = [e for e in own.admin("audit", "--since", "1h") if e["action"] == "container.exec"][0]
    assert entry["actor"].startswith("ta-") and (entry["target"], entry["detail"]) == (task, "true"), entry


def test_a_container_reaches_what_its_environment_may_and_no_more(client, task):
    client.run("environment", "create", "--restricted", "apart")
    client.run("deploy", "--env", "apart", client.folder / "inside.py")
    apart = call(client, "target", MODAL_ENVIRONMENT="apart")
    assert call(client, "outside", apart, "true", MODAL_ENVIRONMENT="apart") == [0, ""]
    # What it may not see reads as what is not there.
    hidden = call(client, "outside", apart, "true")
    unknown = "ta-" + "0" * 26
    assert hidden[0] == "NotFoundError" and hidden == [part.replace(unknown, apart) for part in call(client, "outside", unknown, "true")], hidden
