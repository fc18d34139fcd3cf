"""How each file is compiled, as any compiler can read it: without launchers and precompiled headers."""
import json
import pathlib
import shlex

# What only GCC knows, or only files with precompiled headers need.
DROPPED = {"-Winvalid-pch", "-fpch-preprocess"}


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


def plain_commands(build):
    """Entries of compile_commands.json, with `arguments` in place of `command`; not those that make precompiled headers."""
    entries = json.loads((pathlib.Path(build) / "compile_commands.json").read_text())
    return [{"directory": e["directory"], "file": e["file"], "arguments": plain_words(e["command"])}
            for e in entries if "cmake_pch" not in pathlib.Path(e["file"]).name]
