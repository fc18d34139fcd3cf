#!/usr/bin/env python3
"""Compiles each header of ours alone: check_headers.py BUILD_FOLDER [HEADER...]"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def flags_by_folder(build):
    """The compiler and its flags for each folder that has a source, without what names the source."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        words = shlex.split(entry["command"])
        # A launcher such as ccache may stand before the compiler.
        compiler = next((i for i, w in enumerate(words[:3]) if "++" in pathlib.Path(w).name), None)
        if compiler is None:
            continue
        kept = [w for w in words[compiler:words.index("-c")] if w != "-o"]
        kept = [w for w in kept if not w.endswith(".o")]
        folder = str(pathlib.Path(entry["file"]).parent)
        # Those of tests have the definitions that fixtures need besides.
        if folder not in flags or entry["file"].endswith("_test.cc"):
            flags[folder] = (kept, entry["directory"])
    return flags


def check(header, command, directory):
    # Included twice from an empty source: it must stand alone and be guarded.
    source = f'#include "{header}"\n' * 2
    done = subprocess.run([*command, "-fsyntax-only", "-x", "c++", "-"], cwd=directory, input=source, capture_output=True,
                          text=True)
    return header, done.returncode, done.stderr


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    names = sys.argv[2:] or subprocess.run(["git", "ls-files", "src/**/*.h", "tests/**/*.h"], cwd=ROOT, capture_output=True,
                                           text=True, check=True).stdout.split()
    flags = flags_by_folder(build)
    fallback = flags[str(ROOT / "src/server")]
    jobs = [(ROOT / n, *flags.get(str((ROOT / n).parent), fallback)) for n in names]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, code, errors in pool.map(lambda job: check(*job), jobs):
            if code:
                failed += 1
                print(f"{header.relative_to(ROOT)} does not compile alone:\n{errors[:2000]}")
    print(f"{len(jobs)} headers, {failed} do not compile alone")
    return 1 if failed or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
