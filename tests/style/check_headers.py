#!/usr/bin/env python3
"""Compiles each header of ours alone: check_headers.py BUILD_FOLDER [HEADER...]"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
from plain_commands import plain_commands  # noqa: E402


def flags_by_folder(build):
    """The compiler and its flags for each folder that has a source, without what names the source."""
    flags = {}
    for entry in plain_commands(build):
        words = entry["arguments"]
        if "++" not in pathlib.Path(words[0]).name:
            continue
        kept = [w for w in words[:words.index("-c")] if w != "-o" and not w.endswith(".o")]
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
