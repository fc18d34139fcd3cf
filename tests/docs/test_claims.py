"""What the guides claim in tables and sentences, where no snippet shows it."""
import json
import pathlib
import re
import socket
import sqlite3
import subprocess
import threading

import pytest
from blocks import GUIDES
from world import IONIAN, World

URL = "http://127.0.0.1:8713"
ACCOUNT = "halcyon"


@pytest.fixture
def world():
    here = World()
    yield here
    here.end()


def rows_below(guide, head):
    """The rows of the table with this head, as lists of cells."""
    lines = guide.read_text().splitlines()
    at = lines.index(head) + 2
    rows = []
    while at < len(lines) and lines[at].startswith("|"):
        rows.append([cell.strip() for cell in lines[at].strip("|").split("|")])
        at += 1
    return rows


class WebServer:
    """Answers each connection as a web server does."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self):
        while True:
            connection, _ = self.socket.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")


def broken_file(world):
    world.file.write_text("[a\n")


def open_file(world):
    world.file.chmod(0o644)


def no_credentials(world):
    world.file.write_text(f'[a]\nserver_url = "{URL}"\nactive = true\n')


def two_active(world):
    world.file.write_text("[a]\nactive = true\n[b]\nactive = true\n")


def no_server_url(world):
    world.file.write_text(re.sub("server_url = .*\n", "", world.file.read_text()))


def revoked(world):
    world.admin("token", "revoke", world.pair["token_id"])


def disabled(world):
    other = world.admin("token", "create", "--name", "manager")
    code, out = world.run(["ionian", "workspace", "member-tokens", "disable", world.pair["token_id"], "--yes"],
                          MODAL_TOKEN_ID=other["token_id"], MODAL_TOKEN_SECRET=other["token_secret"])
    assert code == 0, out


def expired(world):
    code, out = world.run(["ionian", "workspace", "service-users", "create", "brief", "--expires-in", "1", "--json"])
    assert code == 0, out
    pair = json.loads(out)
    env = {"MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}
    while "expired" not in world.run(["ionian", "token", "info"], **env)[1]:
        pass  # its second passes
    return env


# What each row of the table says, provoked; None: tests/cli/test_doctor.py does it with a server whose clock is wrong.
PROVOKED = {
    "line 1, column 3": broken_file,
    "can be read": open_file,
    "MODAL_PROFILE names": lambda world: {"MODAL_PROFILE": "nobody", "MODAL_SERVER_URL": URL},
    "no credentials": no_credentials,
    "token_secret is missing": lambda world: no_credentials(world) or {"MODAL_TOKEN_ID": "ak-1"},
    "more than one": two_active,
    "OAuth": lambda world: no_credentials(world) or {"MODAL_OAUTH_REFRESH_TOKEN": "r", "MODAL_OAUTH_CLIENT_ID": "i", "MODAL_OAUTH_CLIENT_SECRET": "s"},
    "no server_url": no_server_url,
    "the name": lambda world: {"MODAL_SERVER_URL": "http://nowhere.invalid:1"},
    "connection refused": lambda world: {"MODAL_SERVER_URL": "http://127.0.0.1:1"},
    "TLS failed": lambda world: {"MODAL_SERVER_URL": URL.replace("http:", "https:")},
    "a web server": lambda world: {"MODAL_SERVER_URL": WebServer().url},
    "token is not known": lambda world: {"MODAL_TOKEN_SECRET": "as-wrong"},
    "was revoked": revoked,
    "expired": expired,
    "is disabled": disabled,
    "the server's clock": None,
    "environment 'nowhere'": lambda world: {"MODAL_ENVIRONMENT": "nowhere"},
}
TABLE = rows_below(GUIDES[0], "| line | it says | what mends it |")


@pytest.mark.parametrize("check, says", [row[:2] for row in TABLE], ids=lambda cell: cell.strip("`")[:30])
def test_what_the_doctor_says(world, check, says):
    says = says.strip("`")
    provoke = next(value for start, value in PROVOKED.items() if says.startswith(start))
    if provoke is None:
        return
    world.given_a_profile()
    world.file = world.home / ".modal.toml"
    code, out = world.run(["ionian", "doctor", "--json"], **(provoke(world) or {}))
    found = {line["check"]: line for line in json.loads(out)}[check]
    assert says in found["message"] and found["status"] in ("failed", "warning"), found


def test_every_row_is_provoked():
    assert len(TABLE) == len(PROVOKED)


def test_what_each_client_takes_for_unset(world):
    """Empty variables, and a profile named default that is not active."""
    world.given_a_profile()
    world.given_the_programs()
    programs = {"python": ["modal", "environment", "list"], "javascript": ["node", "program.mjs"], "go": ["./program-go"], "cpp": ["./program-cpp"]}
    empty = {name: world.run(words, MODAL_TOKEN_ID="")[0] for name, words in programs.items()}
    assert {name for name, code in empty.items() if code == 0} == {"javascript", "go"}
    file = world.home / ".modal.toml"
    file.write_text(file.read_text().replace(f"[{ACCOUNT}]", "[default]").replace("active = true\n", ""))
    inactive = {name: world.run(words)[0] for name, words in programs.items()}
    assert {name for name, code in inactive.items() if code == 0} == {"python", "cpp"}


def test_javascript_ignores_a_file_that_does_not_parse(world):
    world.given_a_profile()
    world.given_the_programs()
    (world.home / ".modal.toml").write_text("[a\n")
    code, out = world.run(["node", "program.mjs"])
    assert code != 0 and "missing credentials" in out and "line" not in out.split("missing credentials")[0]


def test_the_official_command_writes_the_file_anew(world):
    world.given_a_profile()
    file = world.home / ".modal.toml"
    file.write_text("# mine\n" + file.read_text())
    assert world.run(["ionian", "profile", "activate", ACCOUNT])[0] == 0 and file.read_text().startswith("# mine\n")
    assert world.run(["modal", "profile", "activate", ACCOUNT])[0] == 0 and "# mine" not in file.read_text()


def test_where_each_language_looks_for_authorities(world):
    world.given_a_server_with_certificates()
    world.given_the_programs()
    ca = world.folder / "etc/ionian/ca.pem"
    world.env["SSL_CERT_FILE"] = str(ca)
    trusted = "import grpclib.client; print([dict(x[0] for x in c['subject'])['commonName'] for c in grpclib.client.Channel('h', 1, ssl=True)._ssl.get_ca_certs()" \
              " if 'commonName' in dict(x[0] for x in c['subject'])])"
    code, names = world.run([f"{world.client}/bin/python", "-c", trusted])
    assert code == 0 and "Halcyon" not in names and len(names) > 1000
    world.given_a_python_environment()
    assert world.shell('cat /etc/ionian/ca.pem >> "$(python -c \'import certifi; print(certifi.where())\')"')[0] == 0
    assert "Halcyon" in world.run([f"{world.client}/bin/python", "-c", trusted])[1]
    code, out = world.run(["node", "program.mjs"])
    assert code != 0 and "certificate" in out
    del world.env["SSL_CERT_FILE"]
    for program in ("./program-go", "./program-cpp"):
        assert world.run([program])[0] != 0
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        system = f'cat {bundle} "{ca}" > both.pem; mount --bind both.pem {bundle}; exec {program}'
        code, out = world.run(["unshare", "--mount", "sh", "-ec", system])
        assert code == 0, out


def test_where_secrets_lie(world):
    """Neither the database nor a backup has a secret in the clear; the key has the mode and size of the text."""
    world.given_a_profile()
    key = world.data / "secret.key"
    assert key.stat().st_mode & 0o777 == 0o600 and key.stat().st_size == 32
    backup = world.folder / "var/backups/all.tar.zst"
    world.admin("backup", str(backup))
    records = subprocess.run(["tar", "--zstd", "-xOf", backup, "ionian.db"], capture_output=True, check=True).stdout
    names = subprocess.run(["tar", "--zstd", "-tf", backup], capture_output=True, check=True, text=True).stdout.split()
    assert "secret.key" not in names and world.pair["token_id"].encode() in records
    for secret in (world.pair["token_secret"].encode(), b"four unrelated words", key.read_bytes()):
        assert secret not in records
    world.stop()
    with sqlite3.connect(world.data / "ionian.db") as database:
        assert "$argon2id$" in database.execute("SELECT password_hash FROM users WHERE email = 'ada@example.com'").fetchone()[0]


def test_the_owners_password_has_twelve_characters(world):
    code, out = world.shell("echo short | ionian serve --data /var/lib/ionian --owner-email ada@example.com --owner-password-stdin")
    assert code != 0 and "12" in out


def test_the_libraries_that_the_server_needs():
    text = GUIDES[1].read_text()
    named = set(re.findall(r"`([^`]+)`", text[text.index("needs these packages:"):].split(". ")[0]))
    headers = subprocess.run(["readelf", "-d", IONIAN], capture_output=True, check=True, text=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", headers)
    linked = subprocess.run(["ldd", IONIAN], capture_output=True, check=True, text=True).stdout
    paths = [match[1] for name in needed if (match := re.search(rf"{re.escape(name)} => (\S+)", linked))]
    # By folder and name: libraries for other machines have the same names, and a merged /usr has two paths for each.
    files = (f"*/{path.parent.name}/{path.name}" for path in map(pathlib.Path, paths))
    owners = subprocess.run(["dpkg", "-S", *files], capture_output=True, check=True, text=True).stdout
    packages = {line.split(":")[0] for line in owners.splitlines()}
    assert packages - {"libc6", "libgcc-s1", "libstdc++6"} <= named, packages - named
