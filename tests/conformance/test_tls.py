"""TLS on both listeners: each client language with a private authority, and certificates renewed while the server runs."""
import json
import os
import socket
import ssl
import subprocess
import textwrap
import urllib.request

import pytest

from conftest import CLIENTS, IONIAN, Client, Server
from test_languages import COMMANDS


def openssl(*words):
    out = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root.pem"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2, "-subj", "/CN=Test authority",
                "-keyout", folder / "root.key", "-out", self.root)

    def certify(self, certificate, key):
        """A fresh pair for this machine, first beside the files and then in their place, as renewals do it."""
        request = self.folder / "request.pem"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-keyout", f"{key}.new", "-out", request)
        names = self.folder / "names"
        names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self.folder / "root.key", "-CAcreateserial", "-days", 2,
                "-extfile", names, "-out", f"{certificate}.new")
        os.chmod(f"{key}.new", 0o600)
        os.rename(f"{key}.new", key)
        os.rename(f"{certificate}.new", certificate)


@pytest.fixture(scope="module")
def tls(tmp_path_factory, built):
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder)
    certificate, key = folder / "server.pem", folder / "server.key"
    authority.certify(certificate, key)
    server = Server(folder).take_over(built).start("--tls-cert", str(certificate), "--tls-key", str(key))
    server.authority, server.certificate, server.key = authority, certificate, key
    yield server
    assert server.stop() == 0


def served(server, url, protocol):
    """The certificate that a new connection gets."""
    host, port = server.ready[url].removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=server.authority.root)
    context.set_alpn_protocols([protocol])
    with socket.create_connection((host, int(port)), timeout=10) as tcp, context.wrap_socket(tcp, server_hostname=host) as connection:
        assert connection.selected_alpn_protocol() == protocol
        return ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True)).strip()


def both(server):
    return {served(server, "grpc_url", "h2"), served(server, "http_url", "http/1.1")}


def test_the_urls_say_https_and_plain_text_gets_nothing(tls):
    assert tls.ready["grpc_url"].startswith("https://") and tls.ready["http_url"].startswith("https://")
    with pytest.raises(OSError):
        urllib.request.urlopen(tls.ready["http_url"].replace("https:", "http:") + "/sign-in", timeout=10)
    context = ssl.create_default_context(cafile=tls.authority.root)
    with urllib.request.urlopen(tls.ready["http_url"] + "/sign-in", timeout=10, context=context) as page:
        assert page.status == 200 and page.headers["Strict-Transport-Security"] == "max-age=31536000"


def trusting(tls, folder):
    """The client trusts what certifi says, and nothing else."""
    bundle = folder / "bundle/certifi"
    bundle.mkdir(parents=True)
    (bundle / "__init__.py").write_text(f"def where():\n    return {str(tls.authority.root)!r}\n")
    return {"PYTHONPATH": str(bundle.parent), "SSL_CERT_FILE": str(tls.authority.root)}


def test_python_runs_a_program_once_its_bundle_knows_the_authority(tls, tmp_path):
    client = Client(tls, tmp_path)
    refused = client.run("token", "info", check=False)
    assert refused.returncode == 1
    client.env |= trusting(tls, tmp_path)
    assert client.env["MODAL_TOKEN_ID"] in client.run("token", "info").stdout
    program = client.write("""
        import modal
        app = modal.App("secure")

        @app.function()
        def size(data):
            return len(data)

        @app.local_entrypoint()
        def main():
            print("came", size.remote(b"x" * 3_000_000))  # by a blob, over the other listener
    """)
    assert "came 3000000" in client.run("run", program).stdout


def test_python_runs_commands_in_containers(tls, tmp_path):
    client = Client(tls, tmp_path)
    client.env |= trusting(tls, tmp_path)
    client.run("deploy", client.write("""
        import modal
        app = modal.App("secure-commands")

        @app.function(scaledown_window=1200)
        def warm():
            return 1
    """, "deployed.py"))
    client.python(client.write("import modal\nmodal.Function.from_name('secure-commands', 'warm').remote()\n", "call.py"))
    [task] = [row["container_id"] for row in json.loads(client.run("container", "list", "--json").stdout) if row["app_name"] == "secure-commands"]
    lines = client.run("container", "exec", "--no-pty", task, "--", "sh", "-c", "hostname; seq 500000").stdout.split()
    assert lines[0] == "modal" and lines[-1] == "500000" and len(lines) == 500001, (len(lines), lines[:3])
    # Several at a time, each by a connection of its own.
    running = [subprocess.Popen([client.venv / "bin/modal", "container", "exec", "--no-pty", task, "--", "echo", str(n)],
                                stdout=subprocess.PIPE, text=True, env=client.env, cwd=client.folder) for n in range(4)]
    assert [each.communicate(timeout=240)[0].strip() for each in running] == ["0", "1", "2", "3"]


def test_what_the_pages_listener_takes_of_grpc(tls):
    """Calls to the command router with its token, and nothing else."""
    script = """
        import asyncio, ssl, sys
        from grpclib.client import Channel
        from grpclib.exceptions import GRPCError
        from modal_proto import api_pb2, task_command_router_pb2 as router_pb2
        from modal_proto.api_grpc import ModalClientStub
        from modal_proto.task_command_router_grpc import TaskCommandRouterStub

        async def status(call):
            try:
                await call
            except GRPCError as error:
                print(error.status.name)

        async def main(port, root, token, secret):
            channel = Channel("127.0.0.1", int(port), ssl=ssl.create_default_context(cafile=root))
            poll = router_pb2.TaskExecPollRequest(task_id="ta-1", exec_id="x")
            await status(TaskCommandRouterStub(channel).TaskExecPoll(poll))
            await status(TaskCommandRouterStub(channel).TaskExecPoll(poll, metadata={"authorization": "Bearer a.b.c"}))
            await status(ModalClientStub(channel).AppList(api_pb2.AppListRequest(), metadata={
                "x-modal-client-version": "1.6.4", "x-modal-client-type": "1", "x-modal-token-id": token, "x-modal-token-secret": secret}))
            channel.close()

        asyncio.run(main(*sys.argv[1:]))
    """
    pair = tls.token()
    port = tls.ready["http_url"].rsplit(":", 1)[1]
    out = subprocess.run([CLIENTS["new"] / "bin/python", "-c", textwrap.dedent(script), port, str(tls.authority.root), pair["token_id"], pair["token_secret"]],
                         capture_output=True, text=True, timeout=240)
    assert out.stdout.split() == ["UNAUTHENTICATED"] * 3, out


@pytest.mark.parametrize("language, trust", [("js", "NODE_EXTRA_CA_CERTS"), ("go", "SSL_CERT_FILE")])
def test_javascript_and_go(tls, tmp_path, language, trust):
    pair = tls.token()
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MODAL_SERVER_URL": tls.ready["grpc_url"], "MODAL_TOKEN_ID": pair["token_id"],
           "MODAL_TOKEN_SECRET": pair["token_secret"], "MODAL_CONFIG_PATH": str(tmp_path / "none.toml")}
    command = [*COMMANDS[language], json.dumps([{"do": "list"}])]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env | {trust: str(tls.authority.root)})
    assert json.loads(out.stdout.splitlines()[-1]) == {"ok": ["main"]}, out.stderr


def test_our_own_commands(tls, tmp_path):
    pair = tls.token("own")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MODAL_SERVER_URL": tls.ready["grpc_url"], "MODAL_TOKEN_ID": pair["token_id"],
           "MODAL_TOKEN_SECRET": pair["token_secret"]}
    out = subprocess.run([IONIAN, "token", "info"], capture_output=True, text=True, timeout=60, env=env | {"SSL_CERT_FILE": str(tls.authority.root)})
    assert out.returncode == 0 and pair["token_id"] in out.stdout and "owner" in out.stdout, out.stderr
    refused = subprocess.run([IONIAN, "token", "info"], capture_output=True, text=True, timeout=60, env=env)
    assert refused.returncode == 1 and "certificate" in refused.stderr


def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(tls):
    first = both(tls)
    assert first == {tls.certificate.read_text().strip()}
    tls.authority.certify(tls.certificate, tls.key)
    second = both(tls)
    assert second == {tls.certificate.read_text().strip()} and second != first
    good = tls.certificate.read_bytes()
    tls.certificate.write_text("half a fi")
    assert both(tls) == second
    assert f"the certificate stays the one from before: {tls.certificate}: holds no certificate" in tls.log_text()
    tls.certificate.write_bytes(good)
    assert both(tls) == second


def test_a_pair_that_does_not_fit_ends_the_start_with_its_name(tmp_path):
    authority = Authority(tmp_path)
    authority.certify(tmp_path / "a.pem", tmp_path / "a.key")
    authority.certify(tmp_path / "b.pem", tmp_path / "b.key")
    def start(*options):
        return subprocess.run([IONIAN, "serve", "--data", str(tmp_path / "data"), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", *options],
                              capture_output=True, text=True, timeout=60)
    out = start("--tls-cert", str(tmp_path / "a.pem"), "--tls-key", str(tmp_path / "b.key"))
    assert out.returncode == 1 and f"{tmp_path / 'b.key'}: is not the key of the certificate" in out.stderr
    out = start("--tls-cert", str(tmp_path / "a.pem"))
    assert out.returncode == 1 and "belong together" in out.stderr
