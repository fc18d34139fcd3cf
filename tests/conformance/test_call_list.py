"""The calls of one function, as FunctionCallList gives them. No official client asks for it, so the stub of one does."""
import json

APP = """
    import modal

    app = modal.App("listed")

    @app.function(max_containers=1, retries=0, {options})
    def work(fails):
        if fails:
            raise ValueError("no")

    @app.function()
    def other():
        pass
"""
LIST = """
    import json, sys
    import modal
    from modal_proto import api_pb2
    from modal.client import _Client
    from modal._utils.async_utils import synchronizer

    work, other = modal.Function.from_name("listed", "work"), modal.Function.from_name("listed", "other")
    made = [work.spawn(False), work.spawn(True), work.experimental_spawn_map([False, False, True])]
    other.spawn()
    # One container: what came last is done last.
    for call in made:
        try:
            call.get(timeout=120, **({"index": 2} if call is made[2] else {}))
        except ValueError:
            pass

    @synchronizer.create_blocking
    async def listed(function_id):
        stub = (await _Client.from_env())._stub
        found = await stub.FunctionGet(api_pb2.FunctionGetRequest(app_name="listed", object_tag="work", environment_name="main"))
        print(json.dumps(dict(found.function.experimental_options)))
        try:
            reply = await stub.FunctionCallList(api_pb2.FunctionCallListRequest(function_id=function_id))
        except Exception as error:
            return print(json.dumps(type(error).__name__ + ": " + str(error)))
        print(json.dumps([[c.function_call_id, c.idx, c.total_inputs, c.succeeded_inputs.total, c.failed_inputs.total] for c in reply.function_calls]))

    listed(work.object_id)
    listed("fu-" + "0" * 22)
    print(json.dumps([call.object_id for call in made]))
"""


def test_calls_of_a_function_and_its_experimental_options(client):
    client.run("deploy", client.write(APP.format(options='experimental_options={"flavour": "plum"}'), "listed.py"))
    lines = [json.loads(line) for line in client.python(client.write(LIST, "list.py")).stdout.splitlines()]
    options, calls, _, unknown, made = lines
    assert options == {"flavour": "plum"}
    assert calls == [[made[2], 0, 3, 2, 1], [made[1], 1, 1, 0, 1], [made[0], 2, 1, 1, 0]]
    assert unknown.startswith("NotFoundError") and "does not exist, or its app is stopped" in unknown
