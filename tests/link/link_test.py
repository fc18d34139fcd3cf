#!/usr/bin/env python3
"""usage: link_test.py LIBIONIAN_FOLDER SERVER CXX

A program with a protobuf of its own is linked with libionian.a, in both orders, and talks to a server; what the library
exports; what its header costs a compiler."""
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"
GUIDE = HERE.parents[1] / "docs/guide/cpp.md"
FOLDER, SERVER, CXX = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
INCLUDE_SECONDS_MAX = 1.0


def compiler_seconds(folder, text):
    """The least CPU time of three compilations, which a busy machine does not change much."""
    source = pathlib.Path(folder) / "include.cc"
    source.write_text(text)

    def once():
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([CXX, "-std=c++20", "-fsyntax-only", f"-I{INCLUDE}", source], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return min(once() for _ in range(3))


class Link(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def build(self, *libraries, source=HERE / "link_main.cc"):
        program = self.folder / "program"
        subprocess.run([CXX, "-std=c++20", f"-I{INCLUDE}", source, "-o", program, f"-L{FOLDER}", *libraries], check=True)
        return program

    def run_program(self, program, *words, secret="as-right", **more):
        env = {"MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": secret, "HOME": str(self.folder), "PATH": os.environ["PATH"], **more}
        return subprocess.run([program, *words], env=env, capture_output=True, text=True, timeout=60)

    def test_beside_another_protobuf_in_both_orders(self):
        server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().strip()
            for libraries in (("-lionian", "-lprotobuf"), ("-lprotobuf", "-lionian")):
                program = self.build(*libraries)
                out = self.run_program(program, url)
                self.assertEqual((out.returncode, out.stdout, out.stderr), (0, "ak-1 linked\n", ""), libraries)
                wrong = self.run_program(program, url, secret="as-wrong")
                self.assertEqual((wrong.returncode, wrong.stderr), (4, "AuthError: not known\n"))
        finally:
            server.communicate()

    def test_the_programs_of_the_guide(self):
        programs = re.findall(r"```cpp\n(.*?)```", GUIDE.read_text(), re.S)
        server = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().strip()
            for text, says in zip(programs, ("ak-1, workspace linked\n", "ak-shop\nak-yard\n"), strict=True):
                source = self.folder / "guide.cc"
                source.write_text(text)
                program = self.build("-lionian", source=source)
                out = self.run_program(program, MODAL_SERVER_URL=url)
                self.assertEqual((out.returncode, out.stdout, out.stderr), (0, says, ""))
        finally:
            server.communicate()

    def test_exports_only_what_its_headers_declare(self):
        names = subprocess.run(["nm", "-C", "--defined-only", "--extern-only", "--format=just-symbols", pathlib.Path(FOLDER) / "libionian.a"],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        names = [n for n in names if n and n != "ionian.o:"]
        self.assertIn("ionian::v0::Client::hello() const", names)
        kinds = ("ionian::v0::", "typeinfo for ionian::v0::", "typeinfo name for ionian::v0::", "vtable for ionian::v0::")
        self.assertEqual([n for n in names if not n.startswith(kinds)], [])

    def test_the_header_is_light(self):
        empty = compiler_seconds(self.folder, "int main() {}\n")
        full = compiler_seconds(self.folder, "#include <ionian/client.hpp>\nint main() {}\n")
        print(f"including <ionian/client.hpp>: {full - empty:.2f} s of CPU")
        self.assertLess(full - empty, INCLUDE_SECONDS_MAX)


if __name__ == "__main__":
    unittest.main()
