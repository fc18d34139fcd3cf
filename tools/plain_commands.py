"""How each file is compiled, as any compiler can read it: alone, without launchers and precompiled headers."""
import json
import pathlib
import re
import shlex

# What only GCC knows, or only files with precompiled headers need.
DROPPED = {"-Winvalid-pch", "-fpch-preprocess"}
SOURCES = pathlib.Path(__file__).resolve().parents[1] / "src"


def plain_words(command):
    words = shlex.split(command)
    compiler = next((i for i, word in enumerate(words) if pathlib.Path(word).name in {"c++", "cc"} or "++" in pathlib.Path(word).name), 0)
    kept = []
    rest = iter(words[compiler:])
    for word in rest:
        if word == "-include":
            next(rest)
        elif word not in DROPPED and not word.startswith("--param="):
            kept.append(word)
    return kept


def files_of(file, build):
    """The file, or those of ours that a batch of them includes (cmake/Batches.cmake)."""
    if not file.is_relative_to(build / "batches"):
        return [file]
    return [SOURCES / name for name in re.findall(r'^#include "(.+)"$', file.read_text(), re.M)]


def plain_commands(build):
    """Entries of compile_commands.json, with `arguments` in place of `command`; not those that make precompiled headers."""
    build = pathlib.Path(build).resolve()
    plain = []
    for entry in json.loads((build / "compile_commands.json").read_text()):
        if "cmake_pch" in pathlib.Path(entry["file"]).name:
            continue
        words = plain_words(entry["command"])
        for file in files_of(pathlib.Path(entry["file"]), build):
            plain.append({"directory": entry["directory"], "file": str(file),
                          "arguments": [str(file) if word == entry["file"] else word for word in words]})
    return plain
