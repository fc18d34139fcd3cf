"""Where the snippets of a section run: a home, a machine's folders, a server, and somebody who approves in a browser."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/cli"))
from browser import Browser  # noqa: E402
from blocks import GUIDES, sections_of  # noqa: E402

IONIAN, CLIENT = os.environ["IONIAN"], os.environ["IONIAN_CLIENT"]
COMMAND_SECONDS_MAX = 100
PAGES = "http://127.0.0.1:8714"
# Folders of the machine that the text names; here they lie below the section's own.
FOLDERS = re.compile(r"(?<![\w./])/(?:var/(?:lib/ionian|cache/ionian|backups)|etc/(?:ionian|systemd/system)|usr/local/bin)\b")
FLOW = re.compile(r"/token-flow/(tc-\w+)(?:.|\n)*?\b([2-9A-Z]{4}-[2-9A-Z]{4})\b")
# `ionian serve` of a snippet goes on in the background; the snippet goes on when it serves.
WRAPPER = """#!/bin/sh
[ "$1" = serve ] || exec {ionian} "$@"
exec {python} -B {here}/serve.py {folder} "$@"
"""
SYSTEMCTL = """#!/bin/sh
exec {python} -B {here}/systemctl.py {folder} "$@"
"""
JOURNALCTL = """#!/bin/sh
exec cat {folder}/server.log
"""


def compile_cpp(text, program):
    source = program.with_suffix(".cc")
    source.write_text(text)
    subprocess.run(["c++", "-std=c++20", "-Wall", "-Werror", source, "-o", program, f"-I{ROOT}/include", os.environ["IONIAN_LIBRARY"]], check=True)


class World:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ionian-docs."))
        self.home = self.folder / "home/ada"
        self.data = self.folder / "var/lib/ionian"
        self.unit = self.folder / "etc/systemd/system/ionian.service"
        for folder in ("home/ada", "var/lib", "var/cache", "var/backups", "etc/ionian", "etc/systemd/system", "usr/local/bin"):
            (self.folder / folder).mkdir(parents=True)
        (self.folder / "home/ada/node_modules").symlink_to(pathlib.Path(os.environ["IONIAN_FLOWS"]) / "node_modules")
        bin = self.folder / "usr/local/bin"
        names = {"ionian": IONIAN, "python": sys.executable, "here": HERE, "folder": self.folder}
        for name, text in (("ionian", WRAPPER), ("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)):
            (bin / name).write_text(text.format(**names))
            (bin / name).chmod(0o755)
        self.env = {"HOME": str(self.home), "PATH": f"{bin}:{CLIENT}/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "BROWSER": "/bin/true",
                    "IONIAN": IONIAN, "IONIAN_CACHE": str(self.folder / "cache")}
        self.pair, self.owner, self.client = None, None, CLIENT

    def folders_in(self, text):
        """The text with this section's folders."""
        return FOLDERS.sub(lambda match: f"{self.folder}{match[0]}", text)

    def at_home(self, text):
        """The text of a snippet, with this section's folders and a real pair."""
        text = self.folders_in(text)
        return text.replace("ak-…", self.pair["token_id"]).replace("as-…", self.pair["token_secret"]) if self.pair else text

    def run(self, words, **env):
        """(exit code, what it printed). Requests for a token are approved as they appear."""
        with tempfile.TemporaryFile("w+") as nothing:
            process = subprocess.Popen(words, cwd=self.home, env=self.env | env, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        text, approved = "", set()
        watchdog = threading.Timer(COMMAND_SECONDS_MAX, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                text += line
                for flow, code in FLOW.findall(text):
                    if flow not in approved:
                        approved.add(flow)
                        self.approve(flow, code)
            return process.wait(), text
        finally:
            watchdog.cancel()
            process.kill()

    def shell(self, text):
        """A snippet in bash; what it exports stays."""
        exported = self.folder / "exported"
        code, out = self.run(["bash", "-euo", "pipefail", "-c", f'trap \'code=$?; env -0 >"{exported}"; exit $code\' EXIT\n{self.at_home(text)}'])
        for entry in exported.read_text().split("\0"):
            name, equals, value = entry.partition("=")
            if equals and name not in ("_", "SHLVL", "PWD", "OLDPWD"):
                self.env[name] = value
        return code, out

    def admin(self, *words):
        out = subprocess.run([IONIAN, "admin", *words, "--data", str(self.data), "--json"], capture_output=True, text=True)
        assert out.returncode == 0, out.stderr
        return json.loads(out.stdout)

    def sign_up(self):
        """The owner's account, by the link and the page."""
        self.owner = Browser(PAGES)
        page = self.owner.get(self.admin("owner-link")["url"])
        self.owner.submit(page, "/first-owner", name="Ada", email="ada@example.com", password="four unrelated words", workspace="halcyon")

    def approve(self, flow, code):
        assert self.owner, "nobody has an account who could approve"
        page = self.owner.submit(self.owner.get(f"/token-flow/{flow}"), f"/token-flow/{flow}", code=code, do="approve")
        assert "Approved" in page, page

    def stop(self):
        code, out = self.run([sys.executable, "-B", str(HERE / "systemctl.py"), str(self.folder), "stop", "ionian"])
        assert code == 0, out

    def end(self):
        self.stop()
        shutil.rmtree(self.folder)

    # What a section may begin with, by the words after `given`.

    def given_a_server(self):
        code, out = self.run(["ionian", "serve", "--data", str(self.data)])
        assert code == 0, out

    def given_an_owner(self):
        self.given_a_server()
        self.sign_up()

    def given_a_pair(self):
        """`ak-…` and `as-…` are real."""
        self.given_an_owner()
        self.pair = self.admin("token", "create", "--name", "laptop")

    def given_a_profile(self):
        self.given_a_pair()
        self.store()

    def given_a_stored_profile(self):
        """The same, where a server runs already."""
        self.sign_up()
        self.pair = self.admin("token", "create", "--name", "laptop")
        self.store()

    def store(self):
        """As after `ionian setup`."""
        code, out = self.run(["ionian", "token", "set", "--token-id", self.pair["token_id"], "--token-secret", self.pair["token_secret"]],
                             MODAL_SERVER_URL="http://127.0.0.1:8713")
        assert code == 0, out

    def given_a_python_environment(self):
        """One of its own, of which a snippet may change files."""
        bundle = self.folder / "site"
        shutil.copytree(next(pathlib.Path(CLIENT).glob("lib/python3*/site-packages/certifi")), bundle / "certifi")
        self.env["PYTHONPATH"] = str(bundle)


    def given_certificates(self):
        """Those that the section about a private authority makes."""
        script = next(block.text for section in sections_of(GUIDES[1]) if section.title == "A private authority" for block in section.blocks)
        code, out = self.run(["bash", "-euo", "pipefail", "-c", self.at_home(script)])
        assert code == 0, out

    def given_a_server_with_certificates(self):
        """As the section about encryption starts it; a pair in the variables, and the programs of authentication.md."""
        self.given_certificates()
        script = next(block.text for section in sections_of(GUIDES[1]) for block in section.blocks
                      if block.kind == "shell" and "--tls-cert" in block.text)
        code, out = self.run(["bash", "-c", self.at_home(script)])
        assert code == 0, out
        pair = self.admin("token", "create", "--name", "laptop")
        self.env |= {"MODAL_SERVER_URL": "https://ionian.example.org:8713", "MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}

    def given_the_programs(self):
        """Those of authentication.md, as files."""
        for block in next(section for section in sections_of(GUIDES[0]) if section.title == "In a program").blocks:
            if block.kind == "javascript":
                (self.home / "program.mjs").write_text(block.text)
            elif block.kind == "go":
                (self.home / "program-go").symlink_to(f"{os.environ['IONIAN_GO_PROGRAMS']}/{block.name}")
            elif block.kind == "cpp":
                compile_cpp(block.text, self.home / "program-cpp")

    def given_a_database_of_a_newer_version(self):
        self.given_a_server()
        self.stop()
        with contextlib.closing(sqlite3.connect(self.data / "ionian.db")) as database:
            database.execute("PRAGMA user_version = 999")

    def given_a_service(self):
        """The unit of the text, in its place, and started."""
        block = next(block for section in sections_of(GUIDES[1]) for block in section.blocks if block.kind == "unit")
        self.unit.write_text(self.at_home(block.text))
        code, out = self.run(["systemctl", "start", "ionian"])
        assert code == 0, out
