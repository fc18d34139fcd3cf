"""Tokens with less than their owner's rights, tokens that end while they are in use, and what the machine's owner may do."""
import json
import os
import re
import subprocess
import time

import grpc_call
from conftest import IONIAN, Client, Server

GRPC = """
    import asyncio, json, sys, time
    import modal
    from modal.client import _Client
    from modal_proto import api_pb2

    async def main():
        client = await _Client.from_env()
        {body}

    asyncio.run(main())
"""


def with_pair(client, pair):
    client.env |= {"MODAL_TOKEN_ID": pair["token_id"], "MODAL_TOKEN_SECRET": pair["token_secret"]}
    return client


def errors_of(out):
    return out.stdout + out.stderr


def test_a_waiting_poll_and_a_stream_of_a_revoked_token_end_within_five_seconds(server, client):
    pair = server.token("doomed")
    program = client.write("""
        import modal, time
        app = modal.App("waits")

        @app.function()
        def sleep():
            print("asleep", flush=True)
            time.sleep(600)

        @app.local_entrypoint()
        def main():
            sleep.remote()
    """)
    running = with_pair(client, pair).popen("run", program)
    for line in running.stdout:
        if "asleep" in line:
            break
    revoked = time.monotonic()
    server.admin("token", "revoke", pair["token_id"])
    rest = running.stdout.read()
    assert running.wait(60) != 0
    assert "was revoked at 20" in rest, rest
    # The poll and the log stream are told within five seconds; then the client says so and ends.
    ends = re.findall(r"(FunctionGetOutputs|AppGetLogs) UNAUTHENTICATED .* token \S+ was revoked", server.log_text())
    assert {"FunctionGetOutputs", "AppGetLogs"} <= set(ends), server.log_text()[-2000:]
    assert time.monotonic() - revoked < 30


def test_a_viewer_looks_and_starts_nothing(server, client):
    with_pair(client, server.admin("token", "create", "--name", "look", "--role", "viewer"))
    assert "main" in client.run("environment", "list").stdout
    program = client.write("""
        import modal
        app = modal.App("no")

        @app.function()
        def f():
            return 1

        @app.local_entrypoint()
        def main():
            print(f.remote())
    """)
    out = client.run("run", program, check=False)
    assert out.returncode == 1 and "needs the role contributor; this token is a viewer" in errors_of(out)


def test_a_member_token_of_an_owner_changes_no_people_and_no_tokens(server, client):
    other = server.token("bystander")
    pair = server.admin("token", "create", "--name", "less", "--role", "member")
    with_pair(client, pair)
    out = client.run("workspace", "service-users", "create", "robot-less", check=False)
    assert out.returncode == 1 and "needs the role manager" in errors_of(out)
    out = client.run("workspace", "member-tokens", "disable", other["token_id"], "-y", check=False)
    assert out.returncode == 1 and "may do all that its owner may" in errors_of(out)
    out = client.run("workspace", "member-tokens", "delete", other["token_id"], "-y", check=False)
    assert out.returncode == 1 and "no other token" in errors_of(out)
    # Itself it may end.
    client.run("workspace", "member-tokens", "delete", pair["token_id"], "-y")
    out = client.run("token", "info", check=False)
    assert out.returncode == 1 and "revoked" in errors_of(out)


def test_a_token_for_one_environment_runs_there_and_nowhere_else(server, client):
    client.run("environment", "create", "only")
    pair = server.admin("token", "create", "--name", "scoped", "--environment", "only")
    with_pair(client, pair)
    program = client.write("""
        import modal
        app = modal.App("where")

        @app.function()
        def f():
            return "ran"

        @app.local_entrypoint()
        def main():
            print(f.remote())
    """)
    assert "ran" in client.run("run", "-e", "only", program).stdout
    hidden = client.run("run", "-e", "main", program, check=False)
    missing = client.run("run", "-e", "nowhere", program, check=False)
    assert hidden.returncode == missing.returncode == 1
    assert errors_of(hidden).replace("main", "nowhere") == errors_of(missing)
    assert [e["name"] for e in json.loads(client.run("environment", "list", "--json").stdout)] == ["only"]


def test_wrong_tokens_are_slowed_down_and_right_ones_of_other_addresses_are_not(tmp_path):
    server = Server(tmp_path).start()
    try:
        pair = server.token()
        answers = grpc_call.hellos(server, [("ak-guess", f"as-{n}") for n in range(70)])
        assert all("not known to this server" in a for a in answers[:60])
        assert "too many wrong tokens came from this address" in answers[-1]
        # The machine's own socket knows no limit.
        assert server.admin("token", "list")[0]["token_id"] == pair["token_id"]
    finally:
        assert server.stop() == 0


def test_workspaces_passwords_and_the_audit_log(server, client):
    made = server.admin("workspace", "create", "second", "--owner", "lena@example.com")
    assert "/password?key=" in made["password_url"]
    names = [w["name"] for w in server.admin("workspace", "list")]
    assert {"local", "second"} <= set(names)
    link = server.admin("reset-password", "lena@example.com")["url"]
    assert "/password?key=" in link and link != made["password_url"]
    refused = subprocess.run([IONIAN, "admin", "reset-password", "nobody", "--data", server.folder / "data"], capture_output=True, text=True)
    assert refused.returncode == 1 and "nobody here is called 'nobody'" in refused.stderr
    bad = subprocess.run([IONIAN, "admin", "workspace", "create", "Upper Case", "--data", server.folder / "data"], capture_output=True, text=True)
    assert bad.returncode == 1 and "lower-case letters" in bad.stderr
    entries = server.admin("audit", "--since", "1h", "--workspace", "second")
    assert [e["action"] for e in entries][-1] == "workspace.create"
    assert all(e["actor"] == "owner" and e["source"] == "unix" for e in entries)
    assert server.admin("audit", "--since", "2020-01-01", "--workspace", "second") == entries


def test_the_audit_log_by_the_official_client(server, client):
    pair = server.token("audited")
    program = client.write(GRPC.format(body="""
        from modal._audit_logs import _rpcs, list as logs
        config = await _rpcs.get_settings(client)
        config.page_size = 2
        config.bucket_size = 3
        now = int(time.time() * 1000)
        found = [e async for e in logs.fetch_audit_logs("", 0, now + 60000, client=client, config=config)]
        count = await _rpcs.count_entries(client, "", 0, now + 60000, config)
        print(json.dumps([[e.id, e.action, e.targets[0].id] for e in found]), count)
    """))
    out = client.python(program).stdout
    entries, count = json.loads(out[:out.rindex(" ")]), int(out.split()[-1])
    assert len(entries) == count > 3
    assert [e[0] for e in entries] == sorted((e[0] for e in entries), key=int), "oldest first, none twice"
    assert ["token.create", pair["token_id"]] in [e[1:] for e in entries]


def test_a_signing_key_rotates_and_both_kinds_of_client_go_on(server, client):
    program = client.write(GRPC.format(body="""
        import base64
        first = (await client._stub.AuthTokenGet(api_pb2.AuthTokenGetRequest())).token
        header = json.loads(base64.urlsafe_b64decode(first.split(".")[0] + "=="))
        payload = json.loads(base64.b64decode(first.split(".")[1] + "=="))
        print(json.dumps([header["kid"], payload["exp"] > time.time() + 1200]))
    """))
    before, long_enough = json.loads(client.python(program).stdout)
    server.admin("rotate-signing-key")
    after, _ = json.loads(client.python(program).stdout)
    assert long_enough and int(after) > int(before)


ONE_OF_EACH = """
    import sys, modal
    dict, queue = (kind.from_name("kept", create_if_missing=True) for kind in (modal.Dict, modal.Queue))
    if sys.argv[1] == "write":
        dict["word"] = "in the dict"
        queue.put("in the queue")
        modal.Secret.objects.create("kept", {"WORD": "secret"})
    else:
        modal.Secret.from_name("kept", required_keys=["WORD"]).hydrate()
        print(dict["word"], queue.get(block=False), sep=", ")
"""


def test_a_backup_taken_while_serving_comes_back_elsewhere(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = Server(tmp_path / "a").start()
    try:
        pair = first.token("kept")
        client = Client(first, tmp_path)
        each = client.write(ONE_OF_EACH, "each.py")
        client.python(each, "write")
        for kind in "volume", "nfs":
            client.run(kind, "create", "kept")
            client.run(kind, "put", "kept", client.write(f"in the {kind}", f"{kind}.txt"), "/folder/file")
        [shared] = (tmp_path / "a/data/shared").glob("sv-*")
        os.mkfifo(shared / "folder/pipe")
        (shared / "folder/link").symlink_to("/etc/hostname")
        (tmp_path / "a/data/shared/.incoming/half").touch()
        file = tmp_path / "backup.tar.zst"
        first.admin("backup", str(file))
        assert file.stat().st_mode & 0o777 == 0o600
        later = first.token("later")
        listed = subprocess.run(["tar", "--zstd", "-tf", file], capture_output=True, text=True, check=True).stdout.split()
        assert "ionian.db" in listed and "secret.key" not in listed
        assert f"shared/{shared.name}/folder/pipe" in listed and not [name for name in listed if "incoming" in name], listed
        assert list((tmp_path / "a/data/backup").iterdir()) == [], "nothing is left beside the data"
        key = (tmp_path / "a/data/secret.key").read_bytes()
    finally:
        assert first.stop() == 0
    data = tmp_path / "b/data"
    data.mkdir()
    subprocess.run(["tar", "--zstd", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", file, "-C", data], check=True)
    (data / "secret.key").write_bytes(key)
    second = Server(tmp_path / "b").start()
    try:
        assert grpc_call.hello(second, pair["token_id"], pair["token_secret"]) == "OK"
        assert "not known" in grpc_call.hello(second, later["token_id"], later["token_secret"])
        client = with_pair(Client(second, tmp_path), pair)
        assert client.python(each, "read").stdout == "in the dict, in the queue\n"
        for kind in "volume", "nfs":
            assert client.run(kind, "get", "kept", "/folder/file", "-").stdout.startswith(f"in the {kind}"), kind
        assert (data / "shared" / shared.name / "folder/link").is_symlink()
    finally:
        assert second.stop() == 0
