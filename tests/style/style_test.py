#!/usr/bin/env python3
"""The rules of the house that a machine can check. `ratchet.txt` has today's exceptions; it only shrinks.

    tests/style/style_test.py          checks the tree
    tests/style/style_test.py --self   checks the checks
"""
import pathlib
import re
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILE_LINES, FILE_LINES_HARD, FUNCTION_LINES, COLUMNS = 400, 600, 70, 100

# What is not used, where it may stand all the same, and what stands in its place.
BANNED = [
    (r"\bv?sprintf\s*\(", (), "base/cat.h, or snprintf where C is spoken"),
    (r"\bstr(?:cpy|cat|tok)\s*\(", (), "std::string"),
    (r"(?<![\w.>])system\s*\(", (), "images/subprocess.h, without a shell"),
    (r"\bpopen\s*\(", (), "images/subprocess.h, without a shell"),
    (r"(?<![\w.>])s?rand\s*\(", (), "base/random.h"),
    (r"\bstd::(?:mt19937\w*|random_device)\b", ("src/base/random.h", "_test.cc"), "base/random.h"),
    (r"(?<![\w.>])(?:u|nano)?sleep\s*\(", (), "a wait for what is meant: a condition, an event, poll with a deadline"),
    (r"\bsleep_(?:for|until)\s*\(", (), "a wait for what is meant: a condition, an event, poll with a deadline"),
    (r"\bstd::(?:cout|cerr)\b", ("src/cli/",), "base/log.h; commands print in cli/"),
    (r"\b(?:atoi|atol|atof)\s*\(", ("_test.cc",), "std::from_chars"),
    (r"\bsystem_clock::now\s*\(", ("src/base/", "_test.cc", "_fixture.h", "_main.cc", "src/rpc/client.cc"), "base/clock.h"),
    (r"^(?!.*unique_ptr).*\bnew\s+[A-Z]\w*", (), "std::make_unique, or `unique_ptr<T> x(new T)` on one line"),
    (r"\bthrow\s+\w", ("_test.cc", "_fixture.h", "src/client/", "src/cli/"), "Result<T> (base/result.h)"),
]
# What one folder alone does, and what helps tests.
ONLY = [
    (r'#include [<"]sqlite3\.h[>"]', "src/store/", "knows SQLite"),
    (r"\bCallbackGenericService\b", "src/rpc/", "knows gRPC's server"),
    (r"(?<!\w)::mount\s*\(|\b(?:sys_|SYS_)clone3\b|\bCLONE_NEW\w+", "src/container/", "clones and mounts"),
]
HELPS_TESTS = re.compile(r"_(?:test|fixture)\.\w+$|/(?:test|fake)_\w+\.h$|^tests/")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
HOST_PATH = re.compile(r"(?<![\w.])/(?:work|tmp/build[\w-]*)/")


def tracked():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [n for n in names.split("\0") if n and (ROOT / n).is_file()]


def is_code(name):
    return name.endswith((".cc", ".h", ".c"))


def text_of(name):
    return (ROOT / name).read_text(errors="replace")


def without_comments(text):
    """The same lines, with comments and the insides of strings gone."""
    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] * 2
        return "\n" * token.count("\n")
    return re.sub(r'R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<!\w)\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/', blank, text)


def folders_in_order():
    return re.findall(r"^\| `(\w+)/` \|", text_of("src/README.md"), re.M)


def upward_includes(name, text, order):
    """Includes of a folder that stands higher in the list than the file's own."""
    folder = name.split("/")[1]
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'#include "(\w+)/[^"]+"', line)
        target = match.group(1) if match else None
        if target in order and folder in order and order.index(target) < order.index(folder):
            yield number, f"{folder}/ must not include {target}/: it stands above it in src/README.md"


def of_another_folder(name, text):
    """What only another folder does."""
    for number, line in enumerate(text.splitlines(), 1):
        line = line if line.startswith("#include") else without_comments(line)
        for pattern, folder, what in ONLY:
            if re.search(pattern, line) and not name.startswith(folder) and not HELPS_TESTS.search(name):
                yield number, f"only {folder} {what}"


def functions(text):
    """(name, first line, number of lines) of what looks like a function, by the shape that clang-format gives it."""
    lines = without_comments(text).splitlines()
    for i, line in enumerate(lines):
        if not line.rstrip().endswith("{"):
            continue
        begin = i
        while begin > 0 and lines[begin - 1].strip() and not lines[begin - 1].rstrip().endswith((";", "}", "{", ":", ">")):
            begin -= 1
        head = " ".join(lines[begin:i + 1])
        match = re.match(r"( {0,2})(?!namespace|struct|class|enum|union|extern|if\b|for\b|while\b|switch\b|do\b|else\b|return\b)"
                         r"[\w:].*?([\w:~]+|operator\S+)\s*\(", head)
        if not match or re.search(r"\[[^\]]*\]\s*\(", head):  # a lambda is part of its function
            continue
        close = match.group(1) + "}"
        end = next((j for j in range(i + 1, len(lines)) if lines[j].rstrip(";") == close), None)
        if end is not None:
            yield match.group(2), begin + 1, end - begin + 1


def exceptions(section):
    found, here = {}, None
    for line in text_of("tests/style/ratchet.txt").splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("["):
            here = line.strip("[]")
        elif line and here == section:
            key, _, most = line.rpartition(" ") if re.search(r" \d+$", line) else (line, "", "0")
            found[key] = int(most)
    return found


class Style(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.files = tracked()
        cls.code = [n for n in cls.files if is_code(n)]

    def report(self, problems):
        self.assertEqual([], problems, "\n" + "\n".join(problems))

    def ratchet(self, section, found, limit):
        """found: what → size. Larger than `limit` only as far as the ratchet says, which says no more than needed."""
        allowed = exceptions(section)
        problems = [f"{what}: {size}, at most {allowed.get(what, limit)}" for what, size in found.items()
                    if size > max(limit, allowed.get(what, 0))]
        problems += [f"{what}: the ratchet says {most}, it is {found.get(what, 0)}: write the smaller number, or take the line out"
                     for what, most in allowed.items() if found.get(what, 0) < most]
        self.report(problems)

    def test_includes_point_down(self):
        order = folders_in_order()
        self.assertGreater(len(order), 5)
        # A program's main wires everything, so it stands above all.
        self.report([f"{n}:{line}: {why}" for n in self.code if n.startswith("src/") and not n.endswith("main.cc")
                     for line, why in upward_includes(n, text_of(n), order)])

    def test_every_folder_is_listed(self):
        found = {n.split("/")[1] for n in self.code if n.startswith("src/") and n.count("/") > 1}
        self.report([f"src/{f}/ is not in src/README.md" for f in sorted(found - set(folders_in_order()))])

    def test_what_one_folder_does_alone(self):
        self.report([f"{n}:{line}: {why}" for n in self.code for line, why in of_another_folder(n, text_of(n))])

    def test_every_folder_says_what_it_is(self):
        self.report([f"src/{f}/README.md is missing" for f in folders_in_order() if not (ROOT / "src" / f / "README.md").exists()])

    def test_files_are_short(self):
        found = {n: text_of(n).count("\n") for n in self.code}
        self.ratchet("files", found, FILE_LINES)
        self.report([f"{n}: {size} lines, at most {FILE_LINES_HARD}" for n, size in found.items() if size > FILE_LINES_HARD])

    def test_functions_fit_a_screen(self):
        found = {}
        for n in self.code:
            for name, _, size in functions(text_of(n)):
                found[f"{n} {name}"] = max(size, found.get(f"{n} {name}", 0))
        self.ratchet("functions", found, FUNCTION_LINES)

    def test_lines_are_short(self):
        unchecked = tuple(exceptions("columns"))
        problems, still_long = [], set()
        for n in self.code:
            for i, line in enumerate(text_of(n).splitlines(), 1):
                if len(line) <= COLUMNS:
                    continue
                folder = next((f for f in unchecked if n.startswith(f)), None)
                still_long.add(folder)
                if not folder:
                    problems.append(f"{n}:{i}: {len(line)} columns, at most {COLUMNS} (make fmt)")
        problems += [f"{f} has no long line any more: take it out of ratchet.txt" for f in unchecked if f not in still_long]
        self.report(problems)

    def test_banned(self):
        found, where = {}, {}
        for n in self.code:
            if n.startswith(("tests/", "examples/")):
                continue
            for i, line in enumerate(without_comments(text_of(n)).splitlines(), 1):
                for pattern, free, instead in BANNED:
                    if re.search(pattern, line) and not any(n.startswith(f) or n.endswith(f) for f in free):
                        found[n] = found.get(n, 0) + 1
                        where.setdefault(n, []).append(f"  {n}:{i}: {line.strip()}\n     instead: {instead}")
        allowed = exceptions("banned")
        for n, lines in where.items():
            if found[n] > allowed.get(n, 0):
                print("\n".join(lines))
        self.ratchet("banned", found, 0)

    def test_nothing_is_left_to_do(self):
        self.report([f"{n}:{i}: {line.strip()}" for n in self.code
                     for i, line in enumerate(text_of(n).splitlines(), 1) if UNFINISHED.search(line)])

    def test_no_path_of_this_machine(self):
        ours = [n for n in self.files if n.endswith((".cc", ".h", ".c", ".py", ".md", ".txt", ".cmake", ".sql", ".proto", ".js", ".go"))
                or "." not in n.rsplit("/", 1)[-1]]
        found = {}
        for n in ours:
            if n != "tests/style/style_test.py":
                count = sum(bool(HOST_PATH.search(line)) for line in text_of(n).splitlines())
                if count:
                    found[n] = count
        self.ratchet("paths", found, 0)


class Checks(unittest.TestCase):
    """The checks find what they look for."""

    def test_comments_and_strings_do_not_count(self):
        self.assertNotIn("rand", without_comments('a("rand()"); // rand()\n/* rand() */'))
        self.assertIn("rand", without_comments("int x = rand();"))

    def test_banned_calls(self):
        def hits(line):
            return [p for p, _, _ in BANNED if re.search(p, without_comments(line))]
        for bad in ["sprintf(b, x);", "::system(x);", "x = rand();", "sleep(1);", "std::this_thread::sleep_for(1s);",
                    "std::cout << x;", "auto* p = new Thing;", "throw Error();"]:
            self.assertTrue(hits(bad), bad)
        for good in ["snprintf(b, n, x);", "file_system(x);", "operand(x);", "std::unique_ptr<T> p(new T);", "clock.sleep(1);",
                     "std::string s;"]:
            self.assertFalse(hits(good), good)

    def test_includes(self):
        order = ["server", "core", "base"]
        self.assertTrue(list(upward_includes("src/base/a.h", '#pragma once\n#include "core/b.h"\n', order)))
        self.assertFalse(list(upward_includes("src/core/a.h", '#include "base/b.h"\n#include <core/x>\n', order)))

    def test_of_another_folder(self):
        for bad in ["#include <sqlite3.h>", "  grpc::CallbackGenericService* s;", "  ::mount(a, b);", "  ::unshare(CLONE_NEWNS);"]:
            self.assertTrue(list(of_another_folder("src/core/a.cc", bad)), bad)
            self.assertFalse(list(of_another_folder("src/core/a_test.cc", bad)), bad)
        self.assertFalse(list(of_another_folder("src/core/a.cc", "  c.mounts.mount(x);  // not ::mount(")))
        self.assertFalse(list(of_another_folder("src/store/a.cc", "#include <sqlite3.h>")))

    def test_functions(self):
        body = "\n".join(["  x();"] * 80)
        found = list(functions(f"namespace a {{\n\nint Thing::f(int a,\n      int b) {{\n{body}\n}}\n\n}}  // namespace a\n"))
        self.assertEqual([("Thing::f", 3, 83)], found)
        self.assertEqual([("g", 2, 3)], list(functions("class A {\n  int g() {\n    return 1;\n  }\n};\n")))


if __name__ == "__main__":
    if sys.argv[1:] == ["--self"]:
        sys.argv[1:] = ["Checks"]
    unittest.main()
