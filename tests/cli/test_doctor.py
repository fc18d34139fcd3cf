"""`doctor`: every cause that a person meets, provoked; its line, and the mend."""
import base64
import json
import socket
import subprocess
import threading
import time

import pytest

GOOD = {"ClientHello": {}, "TokenInfoGet": {"token_id": "ak-1", "workspace_name": "halcyon", "workspace_id": "ac-1"}, "TokensList": {},
        "EnvironmentGetOrCreate": {"environment_id": "en-1"}}
PAIR = {"MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-HIDDEN"}


def jwt(seconds_from_now):
    payload = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds_from_now}).encode()).decode().rstrip("=")
    return {"AuthTokenGet": {"token": f"e30.{payload}.x"}}


def examine(home, code, **env):
    out = home.run("doctor", "--json", code=code, **env)
    assert "HIDDEN" not in out.stdout + out.stderr
    return {f["check"]: f for f in json.loads(out.stdout)}


def failing(home, check, says, mend="", **env):
    """That only this check fails, with these words."""
    found = examine(home, 1, **env)
    bad = [c for c, f in found.items() if f["status"] == "failed"]
    assert bad == [check], found
    assert says in found[check]["message"] and mend in (found[check]["mend"] or ""), found[check]


def test_all_is_well(home, server):
    pair = home.sign_in(server)
    found = examine(home, 0)
    assert list(found) == ["version", "file", "permissions", "profile", "credentials", "address", "name", "connection", "tls", "protocol",
                           "token", "clock", "workspace", "environment"]
    assert {f["status"] for f in found.values()} == {"ok"}
    assert f"token_id from {home.file}, profile home, line" in found["credentials"]["message"]
    assert pair["token_id"] in found["token"]["message"] and pair["workspace"] in found["workspace"]["message"]
    lines = home.run("doctor").stdout.splitlines()
    assert len(lines) == 14 and all(line.startswith("✓ ") for line in lines)


def test_file(home):
    home.write("[a]\nx = \n")
    failing(home, "file", f"{home.file}: line 2", "Mend that line")
    home.file.unlink()
    home.file.mkdir()  # what even root cannot read
    failing(home, "file", str(home.file), "MODAL_CONFIG_PATH")


def test_permissions(home, server):
    home.sign_in(server)
    home.file.chmod(0o644)
    found = examine(home, 0)["permissions"]
    assert found["status"] == "warning" and found["mend"] == f"chmod 600 {home.file}"


def test_profile_and_credentials(home, server):
    env = {"MODAL_SERVER_URL": server.url}
    failing(home, "credentials", "no credentials", **env)
    failing(home, "credentials", "token_secret is missing: token_id comes from environment variable MODAL_TOKEN_ID", MODAL_TOKEN_ID="ak-1", **env)
    failing(home, "credentials", "white space", MODAL_TOKEN_ID="ak 1", MODAL_TOKEN_SECRET="as-HIDDEN", **env)
    failing(home, "credentials", "OAuth", "token pairs", MODAL_OAUTH_REFRESH_TOKEN="HIDDEN", MODAL_OAUTH_CLIENT_ID="i", MODAL_OAUTH_CLIENT_SECRET="HIDDEN", **env)
    home.write('[a]\ntoken_id = "ak-1"\n[b]\n')
    failing(home, "credentials", "no profile is active", **env)
    home.write("[a]\nactive = true\n[b]\nactive = true\n")
    failing(home, "credentials", "more than one profile is active. Run `ionian profile activate NAME`", **env)
    home.write("[a]\nactive = true\n")
    found = examine(home, 1, MODAL_PROFILE="nobody", **env)
    assert found["profile"]["status"] == "warning" and "MODAL_PROFILE names 'nobody'" in found["profile"]["message"]
    assert "nobody" in found["credentials"]["message"]


def test_address(home):
    failing(home, "address", "must be a URL", "http://127.0.0.1:8713", MODAL_SERVER_URL="ftp://x", **PAIR)
    failing(home, "name", "the port is no number", MODAL_SERVER_URL="http://x:y", **PAIR)


def test_no_address_is_for_our_own_tools_alone(home):
    found = examine(home, 1, **PAIR)["address"]
    assert found["status"] == "warning" and "official clients" in found["message"] and "config set server_url" in found["mend"]


def test_name_and_connection(home):
    failing(home, "name", "the name 'nowhere.invalid' has no address", "spelling", MODAL_SERVER_URL="http://nowhere.invalid:1", **PAIR)
    failing(home, "connection", "connection refused", "Is the server running?", MODAL_SERVER_URL="http://127.0.0.1:1", **PAIR)
    failing(home, "connection", "no such socket", MODAL_SERVER_URL=f"unix://{home.folder}/none", **PAIR)
    # Packets to this address, which is for documents, go nowhere; a machine without routes says so at once.
    found = examine(home, 1, MODAL_SERVER_URL="http://192.0.2.1:8713", **PAIR)
    assert found["connection"]["status"] == "failed" and "192.0.2.1" in found["connection"]["message"]


class Listener:
    """Answers each connection with the same bytes, or with nothing."""

    def __init__(self, answer):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        if answer:
            threading.Thread(target=self.serve, args=(answer,), daemon=True).start()

    def serve(self, answer):
        while True:
            connection, _ = self.socket.accept()
            connection.recv(1000)
            connection.sendall(answer)


def test_protocol(home, server):
    for answer, says, mend in ((b"HTTP/1.1 404 Not Found\r\n\r\n", "a web server answers", "gRPC address"), (b"\x15\x03\x01\x00\x02", "speaks TLS", "https://"),
                               (b"SSH-2.0-x\r\n", "not a server of Ionian or Modal", "Check the address"), (b"", "timeout", "may hang")):
        listener = Listener(answer)
        failing(home, "protocol", says, mend, MODAL_SERVER_URL=listener.url, **PAIR)
    failing(home, "protocol", "a web server answers", "gRPC address", MODAL_SERVER_URL=server.pages, **PAIR)


def test_the_second_url_is_a_way_out(home, server):
    home.sign_in(server)
    found = json.loads(home.run("doctor", "--json", MODAL_SERVER_URL=f"http://127.0.0.1:1,{server.url}").stdout)
    assert [f["status"] for f in found if f["check"] == "connection"] == ["warning", "ok"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, and certificates of it: right, of another name, of the past."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority", "-days", "2")
    (folder / "serial").write_text("01\n")
    (folder / "index").touch()
    (folder / "ca.conf").write_text("[ca]\ndefault_ca = d\n[d]\ndatabase = index\nserial = serial\nnew_certs_dir = .\ndefault_md = sha256\n"
                                    "policy = p\nunique_subject = no\n[p]\ncommonName = supplied\n")
    for name, address, ends in (("good", "127.0.0.1", "20991231000000Z"), ("other", "127.0.0.2", "20991231000000Z"), ("old", "127.0.0.1", "20200102000000Z")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName = IP:{address}\n")
        openssl("ca", "-batch", "-config", "ca.conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", f"{name}.csr", "-out", f"{name}.pem",
                "-extfile", "ext", "-startdate", "20200101000000Z", "-enddate", ends)
    return folder


def test_tls(home, fake, server, certificates):
    def failing_with(name, says, mend, **env):
        running = fake(GOOD | jwt(3600), certificates / f"{name}.pem", certificates / f"{name}.key")
        failing(home, "tls", says, mend, MODAL_SERVER_URL=running.url, **PAIR, **env)
    trusted = {"SSL_CERT_FILE": str(certificates / "ca.pem")}
    failing_with("good", "the server's certificate is not accepted", "SSL_CERT_FILE")
    failing_with("other", "mismatch", "another name", **trusted)
    failing_with("old", "expired", "clock", **trusted)
    failing_with("good", "cannot be read", "exists", SSL_CERT_FILE="/none")
    failing(home, "tls", "TLS failed", "http://", MODAL_SERVER_URL=server.url.replace("http:", "https:"), **PAIR)
    right = fake(GOOD | jwt(3600), certificates / "good.pem", certificates / "good.key")
    found = examine(home, 0, MODAL_SERVER_URL=right.url, **PAIR, **trusted)
    assert "TLSv1.3, certificate accepted" in found["tls"]["message"] and found["token"]["status"] == "ok"
    # The other commands say the same.
    err = home.run("token", "info", code=1, MODAL_SERVER_URL=right.url, **PAIR).stderr
    assert "TLS failed: the server's certificate is not accepted" in err and "SSL_CERT_FILE" in err and "server_url" in err


def test_token_of_a_real_server(home, server):
    def env(pair):
        return {"MODAL_SERVER_URL": server.url, "MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}
    pair = server.token("sick")
    failing(home, "token", "not known", "config show --origin", **env(pair | {"token_secret": "as-HIDDEN"}))
    home.sign_in(server)
    home.run("workspace", "member-tokens", "disable", pair["token_id"], "-y")
    failing(home, "token", "disabled", "member-tokens enable", **env(pair))
    server.admin("token", "revoke", pair["token_id"])
    failing(home, "token", "revoked", "`ionian setup`", **env(pair))
    short = home.json("workspace", "service-users", "create", "brief", "--expires-in", "1", "--json")
    while "expired" not in home.json("doctor", "--json", code=None, **env(short))[10]["message"]:
        pass  # its second passes
    failing(home, "token", "expired", "`ionian setup`", **env(short))
    home.run("workspace", "service-users", "delete", "brief", "-y")


def test_token_that_ends_soon_and_refused_versions(home, fake):
    soon = {"TokenInfoGet": GOOD["TokenInfoGet"] | {"expires_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))}}
    found = examine(home, 0, MODAL_SERVER_URL=fake(GOOD | jwt(3600) | soon).url, **PAIR)["token"]
    assert found["status"] == "warning" and "token rotate" in found["mend"]
    old = fake(GOOD | {"ClientHello": {"error": ["FAILED_PRECONDITION", "your client is too old"]}})
    failing(home, "token", "your client is too old", "version", MODAL_SERVER_URL=old.url, **PAIR)
    foreign = fake({})
    failing(home, "token", "not one of Ionian or Modal", MODAL_SERVER_URL=foreign.url, **PAIR)


def test_clock(home, fake):
    for seconds, says in ((90000, "24 hours ahead of"), (-82800, "24 hours behind"), (3600 + 900, "minutes ahead of")):
        failing(home, "clock", says, "Set the one that is wrong", MODAL_SERVER_URL=fake(GOOD | jwt(seconds)).url, **PAIR)
    stated = jwt(3600)["AuthTokenGet"] | {"metadata": {"x-ionian-time": str(time.time() + 86460)}}
    failing(home, "clock", "24 hours ahead of", MODAL_SERVER_URL=fake(GOOD | {"AuthTokenGet": stated}).url, **PAIR)
    found = examine(home, 0, MODAL_SERVER_URL=fake(GOOD).url, **PAIR)["clock"]
    assert found["status"] == "skipped"


def test_environment(home, server):
    home.sign_in(server)
    failing(home, "environment", "nowhere", "environment variable MODAL_ENVIRONMENT", MODAL_ENVIRONMENT="nowhere")
    assert examine(home, 0, MODAL_ENVIRONMENT="main")["environment"]["message"] == "main, from environment variable MODAL_ENVIRONMENT"
