"""Our Config and the official modal.config, side by side.

usage: config_test.py PROBE [--cases N] [--seed S]

Generated files, environments and questions go to both; every difference must have a name in betters.py. After each
change of the file its data, its comments and its readability by the official client are compared too.
"""
import argparse
import collections
import json
import math
import pathlib
import random
import re
import subprocess
import tempfile
import time
import types

import betters
import official
from generate import KEYS, Generator


class Probe:
    def __init__(self, program, path):
        self.process = subprocess.Popen([program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", env={})

    def ask(self, case):
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the probe ended: {self.process.wait()}\n{json.dumps(case)}"
        return json.loads(line)


def plain(value):
    """A value of Python as the probe writes it."""
    if isinstance(value, float) and math.isinf(value):
        return {"float": "inf" if value > 0 else "-inf"}
    return list(value) if isinstance(value, tuple) else value


def inactive_dropped(data):
    """`active = false`, kept where a comment stands on its line, means the same as no key at all."""
    return {name: {k: v for k, v in p.items() if not (k == "active" and v is False)} for name, p in data.items()}


def comments_of(text):
    return re.findall(r"# c\d+", text)


class Comparison:
    def __init__(self):
        self.failures, self.excused, self.answers, self.changes = {}, collections.Counter(), 0, 0

    def fail(self, what, case, question, theirs, ours):
        self.failures.setdefault(json.dumps(case), f"{what}\n  question {question}\n  official {theirs}\n  ours     {ours}\n  env {case['env']}\n{case['file']}")

    def case(self, case, reference, probe):
        reference.start(case)
        reply = probe.ask(case)
        overrides = {}
        for question, ours in zip(case["questions"], reply["answers"], strict=True):
            self.answers += 1
            if "as-SECRET" in ours.get("message", ""):
                self.fail("a secret in a message", case, question, None, ours)
            if question["op"] == "to_dict":
                self.dictionary(case, reference, question, ours, overrides)
                continue
            theirs = reference.answer(question)
            self.compare(case, reference, question, theirs, ours, overrides)
            if question["op"] == "override":
                overrides["MODAL_" + question["key"].upper()] = question["value"]
        self.file(case, reference, reply)

    def compare(self, case, reference, question, theirs, ours, overrides):
        if {k: plain(v) for k, v in theirs.items()} == {k: v for k, v in ours.items() if k != "message"}:
            return
        key, env, data = question.get("key"), case["env"] | overrides, reference.data or {}
        profile = question.get("profile") or (official.config._profile if reference.data is not None else "")
        source, raw = "default", None
        if key and question.get("use_env", True) and "MODAL_" + key.upper() in env:
            source, raw = "env", env["MODAL_" + key.upper()]
        elif key in data.get(profile, {}):
            source, raw = "file", data[profile][key]
        context = types.SimpleNamespace(op=question["op"], key=key, source=source, raw=raw, env=case["env"], data=data, official=theirs, ours=ours,
                                        if_only_true_were_active=lambda: reference.answer_if_only_true_were_active(question))
        name = betters.excuse(context)
        if name:
            self.excused[name] += 1
        else:
            self.fail("different answers", case, question, theirs, ours)

    def dictionary(self, case, reference, question, ours, overrides):
        """to_dict fails exactly if one of its look-ups does, and else agrees with each."""
        if "ok" not in ours:
            asked = [reference.answer({"op": "get", "key": key, "use_env": True}) for key in KEYS if key != "automount"]
            if all("ok" in a for a in asked) and not any(word in ours["message"] for word in ("must be", "must have")):
                self.fail("to_dict failed alone", case, question, None, ours)
            return
        for key, value in ours["ok"].items():
            get = {"op": "get", "key": key, "use_env": True}
            self.compare(case, reference, get, reference.answer(get), {"ok": value}, overrides)

    def file(self, case, reference, reply):
        change, answer, after = case["questions"][-1], reply["answers"][-1], reply["file"]
        if "ok" not in answer:
            if after != case["file"]:
                self.fail("a failed change wrote", case, change, None, after)
            return
        self.changes += 1
        data = official.strict(after)
        wanted = reference.written
        if data is None or wanted is None or not official.same(inactive_dropped(data), inactive_dropped(wanted)):
            self.fail("the file holds something else", case, change, wanted, after)
        if comments_of(case["file"]) != [c for c in comments_of(after) if c in comments_of(case["file"])]:
            self.fail("a comment is lost", case, change, None, after)
        if ("\r\n" in case["file"]) != ("\r\n" in after) or "\r\n" in after and re.search(r"[^\r]\n", after) and not re.search(r"[^\r]\n", case["file"]):
            self.fail("line ends are mixed", case, change, None, after)
        if official.same(reference.lax, official.strict(case["file"])) and case["file"] and not official.same(official.lax(after), data):
            self.fail("the official client reads something else", case, change, data, after)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("probe", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=20261122)
    options = parser.parse_args()
    started = time.monotonic()
    comparison = Comparison()
    with tempfile.TemporaryDirectory(prefix="ionian-config.") as folder:
        reference, probe = official.Official(f"{folder}/official.toml"), Probe(options.probe.resolve(), f"{folder}/ours.toml")
        generator = Generator(random.Random(options.seed))
        for _ in range(options.cases):
            comparison.case(generator.case(), reference, probe)
        probe.process.stdin.close()
        assert probe.process.wait() == 0
    for failure in list(comparison.failures.values())[:10]:
        print(failure, "\n")
    print(f"{options.cases} cases, {comparison.answers} answers, {comparison.changes} changes of the file, {time.monotonic() - started:.1f} s (seed {options.seed})")
    for name, rule, _ in betters.BETTERS:
        print(f"  {comparison.excused[name]:6} {name}: {rule}")
    if comparison.failures:
        raise SystemExit(f"{len(comparison.failures)} cases with differences that have no name")


if __name__ == "__main__":
    main()
