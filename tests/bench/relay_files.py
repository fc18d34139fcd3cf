"""usage: relay_files.py FOLDER TAG...    Fills the relay's folder with what the server of this environment says of the functions of `bench`."""
import asyncio
import pathlib
import sys

from modal._serialization import serialize
from modal.client import _Client
from modal_proto import api_pb2


def arguments_of(tag, found):
    """What a container of the function is told."""
    definition = found.function.ranked_functions[0].function
    arguments = api_pb2.ContainerArguments(task_id="ta-bench", function_id=found.function_id, app_id="ap-bench", function_def=definition,
                                           environment_name="main")
    arguments.app_layout.function_ids[tag] = found.function_id
    arguments.app_layout.objects.add(object_id=found.function_id, function_handle_metadata=found.handle_metadata)
    for dependency in definition.object_dependencies:
        arguments.app_layout.objects.add(object_id=dependency.object_id)
    return arguments


async def main():
    folder = pathlib.Path(sys.argv[1])
    stub = (await _Client.from_env())._stub
    for tag in sys.argv[2:]:
        found = await stub.FunctionGet(api_pb2.FunctionGetRequest(app_name="bench", object_tag=tag))
        (folder / f"{tag}.arguments").write_bytes(arguments_of(tag, found).SerializeToString())
        (folder / f"{tag}.function").write_bytes(found.SerializeToString())
    found.function_id = "fu-instant"
    (folder / "instant.function").write_bytes(found.SerializeToString())
    result = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS, data=serialize(0))
    (folder / "instant.result").write_bytes(result.SerializeToString())


asyncio.run(main())
