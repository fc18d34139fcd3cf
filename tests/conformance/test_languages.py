"""Identity as programs in JavaScript and Go see it: where credentials come from, and what a server says to wrong ones."""
import itertools
import json
import os
import pathlib
import subprocess

import pytest

FLOWS = pathlib.Path(os.environ["IONIAN_FLOWS"])
COMMANDS = {"js": ["node", str(FLOWS / "flows.mjs")], "go": [str(FLOWS / "flows-go")]}


WORKSPACES = itertools.count()


class Program:
    """A program of a language, in a workspace of its own."""

    def __init__(self, language, server, folder):
        self.language, self.server, self.folder = language, server, folder
        self.workspace = f"{language}-{next(WORKSPACES)}"
        server.admin("workspace", "create", self.workspace)
        self.file = folder / "modal.toml"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "MODAL_CONFIG_PATH": str(self.file)}

    def profile(self, name, pair, *more):
        more = more or (("active = true",) if name == "default" else ())
        with open(self.file, "a") as file:
            file.write(f'[{name}]\nserver_url = "{self.server.ready["grpc_url"]}"\n'
                       f'token_id = "{pair["token_id"]}"\ntoken_secret = "{pair["token_secret"]}"\n' + "\n".join(more) + "\n")

    def do(self, *steps, **env):
        out = subprocess.run([*COMMANDS[self.language], json.dumps(steps)], capture_output=True, text=True, timeout=60,
                             env=self.env | env, cwd=self.folder)
        assert out.returncode == 0, out.stderr
        return [json.loads(line) for line in out.stdout.splitlines() if line.startswith("{")]

    def token(self, *options):
        return self.server.admin("token", "create", "--name", "languages", "--workspace", self.workspace, *options)

    def client(self, pair):
        """Options of a client with this pair, as the language spells them."""
        names = ("tokenId", "tokenSecret") if self.language == "js" else ("TokenID", "TokenSecret")
        return {names[0]: pair["token_id"], names[1]: pair["token_secret"]}


@pytest.fixture(params=["js", "go"])
def program(request, server, tmp_path):
    return Program(request.param, server, tmp_path)


def test_a_profile_of_the_file_is_enough(server, program):
    program.profile("default", program.token())
    assert program.do({"do": "list"}) == [{"ok": ["main"]}]


def test_the_active_profile_and_modal_profile(server, program):
    other = Program(program.language, server, program.folder)
    program.profile("one", program.token(), "active = true")
    program.profile("two", other.token())
    assert program.do({"do": "create", "name": "only-here"}, MODAL_PROFILE="two") == [{"ok": "only-here"}]
    assert "only-here" not in program.do({"do": "list"})[0]["ok"]
    assert program.do({"do": "list"}, MODAL_PROFILE="two") == [{"ok": ["main", "only-here"]}]


def test_variables_win_over_the_file_and_the_program_over_both(server, program):
    wrong = {"token_id": "ak-nobody", "token_secret": "as-nothing"}
    right = program.token()
    program.profile("default", wrong)
    assert "not known to this server" in program.do({"do": "list"})[0]["error"]
    variables = {"MODAL_TOKEN_ID": right["token_id"], "MODAL_TOKEN_SECRET": right["token_secret"]}
    assert program.do({"do": "list"}, **variables) == [{"ok": ["main"]}]
    answers = program.do({"do": "list", "client": program.client(wrong)}, {"do": "list"}, **variables)
    assert "not known to this server" in answers[0]["error"] and answers[1] == {"ok": ["main"]}


def test_two_accounts_side_by_side(server, program):
    program.profile("default", program.token())
    there = program.client(Program(program.language, server, program.folder).token())
    steps = [{"do": "create", "name": "x", "client": there}, {"do": "list"}, {"do": "list", "client": there}, {"do": "delete", "name": "x", "client": there}]
    assert program.do(*steps) == [{"ok": "x"}, {"ok": ["main"]}, {"ok": ["main", "x"]}, {"ok": "x"}]


def test_a_revoked_token_and_an_expired_one(server, program):
    pair = program.token()
    program.profile("default", pair)
    server.admin("token", "revoke", pair["token_id"])
    assert "was revoked at 20" in program.do({"do": "list"})[0]["error"]


def test_a_wrong_secret_and_an_unknown_token_read_the_same(server, program):
    pair = program.token()
    wrong = [program.client({"token_id": pair["token_id"], "token_secret": "as-wrong"}), program.client({"token_id": "ak-nobody", "token_secret": "as-wrong"})]
    program.profile("default", pair)
    answers = program.do(*[{"do": "list", "client": client} for client in wrong])
    assert answers[0] == answers[1] and "not known to this server" in answers[0]["error"]


def test_what_a_viewer_may_not(server, program):
    program.profile("default", program.token("--role", "viewer"))
    answers = program.do({"do": "list"}, {"do": "create", "name": "no"})
    assert answers[0] == {"ok": ["main"]}
    assert "needs the role manager" in answers[1]["error"]


def test_a_token_for_one_environment_finds_no_other(server, program):
    owner = program.client(program.token())
    assert program.do({"do": "create", "name": "inside", "client": owner}, MODAL_SERVER_URL=server.ready["grpc_url"]) == [{"ok": "inside"}]
    program.profile("default", program.token("--environment", "inside"))
    found, hidden, missing = program.do({"do": "look", "name": "inside"}, {"do": "look", "name": "main"}, {"do": "look", "name": "nowhere"})
    assert found == {"ok": "inside"}
    assert hidden["error"].replace("main", "nowhere") == missing["error"]


def test_no_credentials_and_no_server(server, program):
    program.file.write_text(f'[default]\nserver_url = "{server.ready["grpc_url"]}"\n')
    assert "credentials" in program.do({"do": "list"})[0]["error"]
