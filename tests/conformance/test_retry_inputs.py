"""FunctionRetryInputs as clients in JavaScript and Go send it: the failure of a call's one input goes, and it runs again."""
from grpc_call import raw

APP = """
    import modal
    app = modal.App("retried")
    tries = 0

    @app.function(max_containers=1, scaledown_window=60)
    def second_time(word):
        global tries
        tries += 1
        if tries < 2:
            raise ValueError("not yet")
        return word, tries
"""
BODY = """
    import pickle

    async def body(call):
        function = (await call("FunctionGet", app_name="retried", object_tag="second_time", environment_name="main")).function_id

        async def begin(kind, how, count=1):
            items = [api_pb2.FunctionPutInputsItem(idx=i, input=given("first")) for i in range(count)]
            return await call("FunctionMap", function_id=function, function_call_type=kind, function_call_invocation_type=how, pipelined_inputs=items)

        def given(word):
            return api_pb2.FunctionInput(args=pickle.dumps(((word,), {})), data_format=api_pb2.DATA_FORMAT_PICKLE)

        async def output(made):
            (item,) = (await call("FunctionGetOutputs", function_call_id=made.function_call_id, timeout=55, last_entry_id="0-0",
                                  max_values=1, clear_on_success=True)).outputs
            return item

        async def retry(made, call_jwt=None, input_jwt=None):
            jwt = input_jwt or made.pipelined_inputs[0].input_jwt
            item = api_pb2.FunctionRetryInputsItem(input_jwt=jwt, input=given("again"), retry_count=1)
            reply = await call("FunctionRetryInputs", function_call_jwt=call_jwt or made.function_call_jwt, inputs=[item])
            return reply if isinstance(reply, str) else list(reply.input_jwts) == [jwt]

        sync = await begin(1, 4)
        failed = await output(sync)
        print(failed.result.exception, await retry(sync))
        item = await output(sync)
        print(pickle.loads(item.result.data), item.retry_count, item.input_id == sync.pipelined_inputs[0].input_id)
        print((await retry(sync)).split(" ")[0])

        spawned = await begin(1, 3)
        await output(spawned)
        print((await retry(spawned)).split(" ")[0])
        print((await retry(sync, "nonsense")).split(" ")[0], (await retry(sync, None, "e30.e30.in-0")).split(" ")[0],
              (await retry(sync, spawned.function_call_jwt)).split(" ")[0])
"""


def test_an_input_is_retried_by_its_caller(server, client):
    client.run("deploy", client.write(APP, "retried.py"))
    assert raw(server, server.token(), BODY).splitlines() == [
        "ValueError('not yet') True",
        "('again', 2) 0 True",
        "FAILED_PRECONDITION",
        "FAILED_PRECONDITION",
        "INVALID_ARGUMENT NOT_FOUND NOT_FOUND"]
    client.run("app", "stop", "--yes", "retried")
