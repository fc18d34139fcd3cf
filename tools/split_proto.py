#!/usr/bin/env python3
"""Splits the protocol of the published `modal` wheel by resource, ready for protoc.

usage: split_proto.py WHEEL OUT_DIR

The wheel carries no .proto file; its *_pb2.py files hold the serialized descriptors. Writes to OUT_DIR:
  modal.bin      one FileDescriptorSet, for protoc --descriptor_set_in
  methods.inc    one C++ initializer a method: path, request type, reply type, client stream, server stream

A type goes to the file of its resource, which is the prefix of its name. What two resources share, and all that it
refers to, goes to common.proto, so every resource file imports common.proto alone and no cycle can arise.
Names, packages and numbers stay as they are, and with them the wire.
"""
import ast
import pathlib
import re
import sys
import zipfile
from collections import defaultdict

from google.protobuf import any_pb2, descriptor_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2

RESOURCES = [
    "App", "Auth", "Blob", "Class", "Client", "Container", "Dict", "Domain", "Environment", "Function", "Image", "Map",
    "Mount", "Proxy", "Queue", "Sandbox", "Secret", "SharedVolume", "Task", "Token", "Tunnel", "Volume", "Workspace",
]
PACKAGE_PREFIX = ".modal.client."


def read_descriptor(wheel, module):
    text = wheel.read(f"modal_proto/{module}_pb2.py").decode()
    literal = re.search(r"AddSerializedFile\((b(['\"]).*?\2)\)\n", text, re.S)
    if not literal:
        sys.exit(f"{module}_pb2.py of this wheel holds no serialized descriptor")
    return descriptor_pb2.FileDescriptorProto.FromString(ast.literal_eval(literal[1]))


def references(message):
    own = {f.type_name.removeprefix(PACKAGE_PREFIX).split(".")[0]
           for f in message.field if f.type_name.startswith(PACKAGE_PREFIX)}
    return own.union(*map(references, message.nested_type))


def home_of_types(api, router):
    """Maps each top-level type of `api` to the name of the file that will define it."""
    uses = {m.name: references(m) for m in api.message_type} | {e.name: set() for e in api.enum_type}
    home = {n: max((r for r in RESOURCES if n.startswith(r)), key=len, default="common").lower() for n in uses}
    queue = [n for n in uses if home[n] == "common"]
    queue += [used for n in uses for used in uses[n] if home[used] != home[n]]
    queue += set().union(*(references(m) for m in router.message_type)) - {m.name for m in router.message_type}
    while queue:
        name = queue.pop()
        home[name] = "common"
        queue += [used for used in uses[name] if home[used] != "common"]
    return home


def rename_macros(enum):
    for value in enum.value:  # SEEK_SET and its like are macros of <cstdio>
        if value.name.startswith("SEEK_"):
            value.name = "WHENCE_" + value.name


def split(api, router):
    by_file = defaultdict(list)
    types = {x.name: x for x in [*api.message_type, *api.enum_type]}
    for name, file in home_of_types(api, router).items():
        by_file[file].append(types[name])
    files = descriptor_pb2.FileDescriptorSet()
    for standard in [any_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2]:
        standard.DESCRIPTOR.CopyToProto(files.file.add())
    for file in ["common", *sorted(set(by_file) - {"common"})]:
        out = files.file.add(name=f"modal_proto/{file}.proto", package=api.package, syntax=api.syntax)
        out.dependency.extend(api.dependency)
        if file != "common":
            out.dependency.append("modal_proto/common.proto")
        for x in by_file[file]:
            if isinstance(x, descriptor_pb2.DescriptorProto):
                out.message_type.append(x)
            else:
                rename_macros(x)
                out.enum_type.append(x)
    dependencies = ["modal_proto/common.proto" if d == "modal_proto/api.proto" else d for d in router.dependency]
    router_types = files.file.add()
    router_types.CopyFrom(router)
    del router_types.service[:], router_types.dependency[:]
    router_types.dependency.extend(dependencies)
    return files


def method_lines(file):
    for service in file.service:
        for m in service.method:
            yield (f'{{"/{file.package}.{service.name}/{m.name}", "{m.input_type[1:]}", "{m.output_type[1:]}", '
                   f"{str(m.client_streaming).lower()}, {str(m.server_streaming).lower()}}},\n")


def write_if_changed(path, data):
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def main(wheel_path, out_dir):
    wheel = zipfile.ZipFile(wheel_path)
    api, router = read_descriptor(wheel, "api"), read_descriptor(wheel, "task_command_router")
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    write_if_changed(out / "methods.inc", "".join([*method_lines(api), *method_lines(router)]).encode())
    write_if_changed(out / "modal.bin", split(api, router).SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
