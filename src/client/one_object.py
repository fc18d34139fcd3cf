#!/usr/bin/env python3
"""usage: one_object.py OUT.a WORK_FOLDER CLIENT.a OTHER.a…

Links the library and all it stands on into one relocatable object in which every symbol outside of ionian::v0 is
local: a program's own protobuf, gRPC, abseil or OpenSSL, of whatever version, never meets ours."""
import pathlib
import re
import struct
import subprocess
import sys

# What belongs to the C library stays for the program's own link, where it is shared.
SHARED = {"-ldl", "-lrt", "-lm", "-lpthread", "-latomic"}
OURS = re.compile(r"_Z(?:T[ISV])?N?K?N?K?6ionian2v0|_ZT[ISV]N6ionian2v0")
GNU_UNIQUE, GLOBAL, SYMTAB = 10, 1, 2


def run(*words):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True).stdout


def uniques_to_globals(path):
    """objcopy cannot make a symbol local that is unique in a process; one that is global it can."""
    data = bytearray(path.read_bytes())
    sections, size, count = struct.unpack_from("<Q", data, 40)[0], *struct.unpack_from("<HH", data, 58)
    if count == 0:  # more than 65,279 sections: the number is in the first one
        count = struct.unpack_from("<Q", data, sections + 32)[0]
    for i in range(count):
        kind, offset, length = (struct.unpack_from("<I", data, sections + i * size + 4)[0],
                                *struct.unpack_from("<QQ", data, sections + i * size + 24))
        if kind != SYMTAB:
            continue
        for at in range(offset + 4, offset + length, 24):
            if data[at] >> 4 == GNU_UNIQUE:
                data[at] = GLOBAL << 4 | data[at] & 15
    path.write_bytes(data)


def main(out, work, client, *others):
    work, out = pathlib.Path(work), pathlib.Path(out)
    work.mkdir(parents=True, exist_ok=True)
    whole, final, keep = work / "all.o", work / "ionian.o", work / "exported.txt"
    foreign = sorted(set(run("pkg-config", "--static", "--libs-only-l", "grpc++").split()) - SHARED)
    # Groups of equal inline functions are resolved here, or the program's link would throw away ours for its own.
    run("ld.bfd", "-r", "-d", "--force-group-allocation", "-o", whole, f"-L/usr/lib/{run('gcc', '-print-multiarch').strip()}",
        "-Bstatic", "--whole-archive", client, "--no-whole-archive", "--start-group", *others, *foreign, "-lprotobuf", "-lsodium", "-lssl",
        "-lcrypto", "--end-group")
    uniques_to_globals(whole)
    names = run("nm", "--defined-only", "--extern-only", "--format=just-symbols", whole).split()
    keep.write_text("\n".join(n for n in names if OURS.match(n)) + "\n")
    run("objcopy", f"--keep-global-symbols={keep}", "--strip-debug", whole, final)
    whole.unlink()
    out.unlink(missing_ok=True)
    run("ar", "rcs", out, final)


if __name__ == "__main__":
    main(*sys.argv[1:])
