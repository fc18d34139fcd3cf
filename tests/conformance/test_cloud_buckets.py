"""modal.CloudBucketMount against an S3-compatible server: files, keys, and what is left when something ends."""
import hashlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "tests/docs"))
from blocks import pattern_of, sections_of  # noqa: E402
from conftest import Client, Server  # noqa: E402
from s3_server import DOOR_PORT, KEYS, listening_door, s3_server  # noqa: E402
from test_run import wait_for  # noqa: E402


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with s3_server(tmp_path_factory.mktemp("store") / "s3") as running:
        yield running


@pytest.fixture(scope="module")
def server(store, tmp_path_factory, built):
    server = Server(tmp_path_factory.mktemp("server")).take_over(built).start("--allow-host", store.host, "--allow-host", f"{store.address}:{DOOR_PORT}")
    yield server
    assert server.stop() == 0, server.log_text()[-3000:]


@pytest.fixture
def bucket(store, request):
    name = request.node.name.split("[")[0].replace("test_", "").replace("_", "-")[:60]
    (store.folder / name).mkdir(exist_ok=True)
    return store.folder / name


PRELUDE = """
    import os, time, modal
    app = modal.App("buckets")
    KEYS, BUCKET, URL = {keys!r}, {bucket!r}, {url!r}

    def mount(bucket=BUCKET, keys=KEYS, **more):
        secret = modal.Secret.from_dict(keys) if keys else None
        return modal.CloudBucketMount(bucket, bucket_endpoint_url=URL, secret=secret, **more)

    def refused(f):
        try:
            return "not refused: " + str(f())
        except OSError as e:
            return e.strerror
"""


def write(client, store, bucket, text, keys=KEYS, name="program.py"):
    prelude = textwrap.dedent(PRELUDE).format(keys=keys, bucket=bucket.name, url=store.url)
    return client.write(prelude + textwrap.dedent(text), name)


def run(client, store, bucket, text, check=True, **more):
    out = client.run("run", write(client, store, bucket, text, **more), check=check)
    return out.stdout if check else " ".join((out.stdout + out.stderr).replace("│", " ").split())


def test_the_program_of_the_guide(client, store):
    """Against this store in place of the one that the text names."""
    pictures = store.folder / "pictures"
    (pictures / "2026").mkdir(parents=True)
    (pictures / "2026/cat.jpg").write_bytes(bytes(1234))
    client.run("secret", "create", "pictures-keys", *(f"{name}={value}" for name, value in KEYS.items()))
    section = next(one for one in sections_of(REPOSITORY / "docs/guide/data.md") if one.title == "Cloud buckets")
    program, shown = section.blocks
    assert "https://s3.example.org" in program.text
    out = client.run("run", client.write(program.text.replace("https://s3.example.org", store.url), "pictures.py"))
    assert pattern_of(shown.text).search(out.stdout), out.stdout
    assert (pictures / "2026/cat.txt").read_text() == "1234 bytes"


def test_files_of_a_bucket(client, store, bucket):
    (bucket / "a").mkdir()
    (bucket / "a/one.txt").write_text("one")
    big = os.urandom(30 << 20)
    (bucket / "big").write_bytes(big)
    out = run(client, store, bucket, """
        import hashlib, pathlib, shutil

        @app.function(volumes={"/bucket": mount()})
        def f():
            root = pathlib.Path("/bucket")
            assert sorted(os.listdir(root)) == ["a", "big"] and (root / "a/one.txt").read_text() == "one"
            print("sha", hashlib.sha256((root / "big").read_bytes()).hexdigest())
            with open(root / "big", "rb") as file:
                file.seek(20 << 20); print("part", file.read(16).hex())
            info = os.stat(root / "a/one.txt")
            assert (info.st_uid, info.st_gid, info.st_size) == (0, 0, 3), info
            (root / "b/c").mkdir(parents=True)
            (root / "b/c/two.txt").write_text("two")
            (root / "a/one.txt").write_text("one again")
            (root / "large").write_bytes(b"0123456789abcdef" * (1 << 20))
            shutil.copy(root / "big", "/tmp/big"); shutil.copy("/tmp/big", root / "b/big")
            (root / "gone").write_text("x"); (root / "gone").unlink()
            os.rename(root / "b/c/two.txt", root / "b/three.txt")
            assert sorted(str(p) for p in root.rglob("*") if p.is_file()) == [
                "/bucket/a/one.txt", "/bucket/b/big", "/bucket/b/three.txt", "/bucket/big", "/bucket/large"]
            print("all", "well")

        @app.local_entrypoint()
        def main():
            f.remote()
        """)
    assert "all well" in out and hashlib.sha256(big).hexdigest() in out and f"part {big[20 << 20:][:16].hex()}" in out, out
    assert (bucket / "a/one.txt").read_text() == "one again" and (bucket / "b/three.txt").read_text() == "two"
    assert (bucket / "large").read_bytes() == b"0123456789abcdef" * (1 << 20) and (bucket / "b/big").read_bytes() == big
    assert not (bucket / "gone").exists() and not (bucket / "b/c/two.txt").exists()


def test_a_prefix_and_a_mount_that_is_only_read(client, store, bucket):
    for name in ("mine/x", "mine/deep/y", "other/z"):
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_text(name)
    out = run(client, store, bucket, """
        @app.function(volumes={"/mine": mount(key_prefix="mine/"), "/deep": mount(key_prefix="mine/deep/", read_only=True),
                               "/new": mount(key_prefix="not/there/yet/")})
        def f():
            assert sorted(os.listdir("/mine")) == ["deep", "x"] and os.listdir("/deep") == ["y"] and os.listdir("/new") == []
            # Closed by name: what a close that nobody made has to say is heard by nobody.
            for path in ("/mine/w", "/new/n"):
                with open(path, "w") as file:
                    file.write(path[-1])
            assert refused(lambda: open("/deep/no", "w")) == "Read-only file system"
            assert refused(lambda: os.unlink("/deep/y")) == "Read-only file system"
            assert refused(lambda: open("/mine/../other/z")) == "No such file or directory"
            return "all well"

        @app.local_entrypoint()
        def main():
            print(f.remote())
        """)
    assert "all well" in out
    assert (bucket / "mine/w").read_text() == "w" and (bucket / "not/there/yet/n").read_text() == "n"


THROUGH_A_DOOR = """
    @app.function(volumes={"/bucket": mount(requester_pays=%s)})
    def f():
        assert open("/bucket/first").read() == "here"
        open("/bucket/second", "w").write("there")
        print("all", "well")

    @app.local_entrypoint()
    def main():
        f.remote()
"""


def run_through_a_door(client, store, bucket, pays, keys):
    """What it printed, the kinds of requests that the store got, and the door that saw them."""
    (bucket / "first").write_text("here")
    with listening_door(store) as door:
        program = write(client, store, bucket, THROUGH_A_DOOR % pays, keys=keys)
        program.write_text(program.read_text().replace(store.url, door.url))
        out = client.run("run", program, check=False)
    return " ".join((out.stdout + out.stderr).replace("│", " ").split()), re.findall(rb"(GET|PUT|HEAD|POST|DELETE) /\S* HTTP/1\.1\r\n", b"".join(door.seen)), door


@pytest.mark.parametrize("pays", [True, False])
def test_who_pays_is_said_with_each_request(client, store, bucket, pays):
    out, requests, door = run_through_a_door(client, store, bucket, pays, KEYS)
    assert "all well" in out and {b"GET", b"PUT"} <= set(requests), out
    assert door.lines("x-amz-request-payer") == ([b"requester"] * len(requests) if pays else [])
    assert door.lines("x-amz-security-token") == [] and (bucket / "second").read_text() == "there"


def test_the_token_of_a_session_reaches_the_store(server, client, store, bucket):
    """This store knows no sessions, and says so to whoever shows it a token; it looks at the signature, which covers it, only with keys that it knows."""
    token = "aSession+Token/0123456789"
    out, requests, door = run_through_a_door(client, store, bucket, False, KEYS | {"AWS_SESSION_TOKEN": token})
    assert "InvalidToken" in out and "Mend AWS_SESSION_TOKEN in its secret" in out, out
    assert requests and door.lines("x-amz-security-token") == [token.encode()] * len(requests)
    assert all(b"x-amz-security-token" in line for line in door.lines("authorization")) and len(door.lines("authorization")) == len(requests)
    assert token not in out and token not in server.log_text()


def test_containers_see_what_others_write(client, store, bucket):
    out = run(client, store, bucket, """
        @app.function(volumes={"/bucket": mount()}, max_containers=2)
        def meet(mine, other):
            open(f"/bucket/{mine}", "w").write(mine * 3)
            while not os.path.exists(f"/bucket/{other}"):
                time.sleep(0.1)
            return open(f"/bucket/{other}").read(), os.environ["MODAL_TASK_ID"]

        @app.local_entrypoint()
        def main():
            calls = [meet.spawn("x", "y"), meet.spawn("y", "x")]
            (x, first), (y, second) = [call.get() for call in calls]
            assert (x, y) == ("yyy", "xxx") and first != second
            print("all", "well")
        """)
    assert "all well" in out


def test_the_program_never_sees_the_keys(server, client, store, bucket):
    (bucket / "one.txt").write_text("one")
    out = run(client, store, bucket, """
        import glob

        @app.function(volumes={"/bucket": mount()})
        def f():
            assert open("/bucket/one.txt").read() == "one"
            seen = []
            for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + ["/proc/mounts", "/__modal/arguments.bin"]:
                try:
                    seen.append(open(path, "rb").read())
                except PermissionError:
                    assert path == "/proc/1/environ"  # of the container's init, which nobody may look into
            return b" ".join(seen)

        @app.local_entrypoint()
        def main():
            seen = f.remote()
            assert b"/bucket" in seen
            for value in KEYS.values():
                assert value.encode() not in seen
            print("all", "well")
        """)
    assert "all well" in out
    for value in KEYS.values():
        assert value not in server.log_text()


SIMPLE = """
    @app.function(volumes={"/bucket": mount(%s)})
    def f():
        return os.listdir("/bucket")

    @app.local_entrypoint()
    def main():
        print(f.remote())
"""


@pytest.mark.parametrize("options, keys, expected", [
    ("", KEYS | {"AWS_SECRET_ACCESS_KEY": "wr0ngWr0ng"}, "SignatureDoesNotMatch"),
    ("", KEYS | {"AWS_ACCESS_KEY_ID": "AKIDNOBODY"}, "its store answers"),
    ("", {"AWS_ACCESS_KEY_ID": "only this"}, "lacks AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY"),
    ("", None, "give the mount a secret"),
    ("'no-such-bucket'", KEYS, "NoSuchBucket"),
])
def test_what_cannot_be_mounted_is_said(server, client, store, bucket, options, keys, expected):
    out = run(client, store, bucket, SIMPLE % options, check=False, keys=keys)
    assert expected in out, out
    for value in (keys or {}).values():
        assert value not in out and value not in server.log_text()


def test_an_address_of_the_host_is_closed(client, store, bucket):
    """The store's own is open by --allow-host, its neighbours are not."""
    text = (SIMPLE % "").replace("URL =", "")
    program = write(client, store, bucket, text)
    program.write_text(program.read_text().replace(store.url, f"http://{store.address}:9"))
    out = client.run("run", program, check=False)
    said = " ".join((out.stdout + out.stderr).replace("│", " ").split())
    assert "cannot be reached" in said and "--allow-host" in said or "no answer within" in said, said


@pytest.mark.parametrize("options, expected", [
    ("oidc_auth_role_arn='arn:aws:iam::1:role/x'", "oidc_auth_role_arn needs an issuer"),
    ("'a/b'", "is no name of a bucket"),
    ("key_prefix='a/../b/'", "key_prefix"),
])
def test_what_makes_no_sense_is_refused_at_once(client, store, bucket, options, expected):
    assert expected in run(client, store, bucket, SIMPLE % options, check=False)


HOLD = """
    @app.function(volumes={"/bucket": mount()}, timeout=600)
    def f():
        print("reads", open("/bucket/first").read(), flush=True)
        for _ in range(5000):
            time.sleep(0.1)
            try:
                os.listdir("/bucket"); open("/bucket/first").read()
            except OSError as e:
                print("failed with", e.errno, flush=True)
                raise

    @app.local_entrypoint()
    def main():
        f.remote()
"""


def serving(bucket):
    out = subprocess.run(["pgrep", "-f", f"rclone mount bucket:{bucket.name}/ "], capture_output=True, text=True).stdout
    return out.split()


def begin(client, store, bucket):
    (bucket / "first").write_text("here")
    running = client.popen("run", write(client, store, bucket, HOLD))
    for line in running.stdout:
        if "reads here" in line:
            return running
    raise AssertionError("it did not start")


def test_the_store_goes_away(client, store, bucket):
    running = begin(client, store, bucket)
    assert serving(bucket)
    store.stop()
    try:
        out = running.communicate(timeout=400)[0]
        assert running.returncode != 0 and "failed with" in out and "connection refused" in out, out
    finally:
        store.start()
    wait_for(lambda: not serving(bucket))


def test_a_file_is_written_from_its_start_to_its_end(client, store, bucket):
    (bucket / "there").write_text("whole")
    out = run(client, store, bucket, """
        def change(mode, at):
            with open("/bucket/there", mode) as file:
                file.seek(at)
                file.write("x")

        @app.function(volumes={"/bucket": mount()})
        def f():
            print("appended", refused(lambda: change("a", 0)))
            print("in the middle", refused(lambda: change("r+", 2)))
            change("w", 0)
            print("anew", open("/bucket/there").read())

        @app.local_entrypoint()
        def main():
            f.remote()
    """)
    assert "anew x" in out and "not refused" not in out, out
    assert out.count("appended ") == out.count("in the middle ") == 1, out
    assert (bucket / "there").read_text() == "x"


def test_what_keeps_a_file_from_the_bucket_is_an_error_of_close(client, store, bucket):
    running = client.popen("run", write(client, store, bucket, """
        @app.function(volumes={"/bucket": mount()}, timeout=600)
        def f(stopped):
            file = open("/bucket/late", "w")
            file.write("late")
            file.flush()
            print("written", flush=True)
            stopped.get()
            try:
                file.close()
            except OSError as e:
                print("close:", e.strerror, flush=True)

        @app.local_entrypoint()
        def main():
            f.remote(modal.Queue.from_name("stopped", create_if_missing=True).hydrate())
    """))
    assert any("written" in line for line in running.stdout)
    store.stop()
    try:
        client.python(client.write('import modal; modal.Queue.from_name("stopped").put(True)', "go.py"))
        out = running.communicate(timeout=400)[0]
        assert "close: " in out and running.returncode == 0, out
    finally:
        store.start()
    assert not (bucket / "late").exists()


@pytest.fixture
def waiting(tmp_path):
    """How many questions to file systems of this kind nobody has answered."""
    control = tmp_path / "control"
    control.mkdir()
    subprocess.run(["mount", "-t", "fusectl", "none", control], check=True)
    yield lambda: sum(int(count.read_text()) for count in control.glob("*/waiting"))
    subprocess.run(["umount", control], check=True)


def test_a_store_that_hangs_holds_nothing_up(server, client, store, bucket, waiting):
    running = begin(client, store, bucket)
    store.process.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: waiting() > 0)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=400)
        wait_for(lambda: not serving(bucket))
        # Interpreters that wait for the next task have folders as well.
        wait_for(lambda: all(each.name.startswith(("standby-", "zygote-")) for each in (server.folder / "data/tasks").iterdir()))
        assert waiting() == 0
    finally:
        store.process.send_signal(signal.SIGCONT)


def test_what_serves_it_dies(server, client, store, bucket):
    running = begin(client, store, bucket)
    for pid in serving(bucket):
        process = pathlib.Path("/proc", pid)
        status = (process / "status").read_text()
        # It has no rights, and the keys are no words of its command line and no variables, nor in a file on the disk.
        assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status and "Uid:\t0" not in status, status
        assert process.joinpath("ns/net").readlink() != pathlib.Path("/proc/self/ns/net").readlink()
        for value in KEYS.values():
            assert value.encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            found = subprocess.run(["grep", "-rlF", value, server.folder / "data/tasks", server.folder / "data/run"], capture_output=True, text=True)
            assert found.stdout == "", found.stdout
        os.kill(int(pid), signal.SIGKILL)
    out = running.communicate(timeout=400)[0]
    assert running.returncode != 0 and "failed with" in out, out


def test_nothing_is_left_when_the_server_falls(store, tmp_path, bucket, built):
    server = Server(tmp_path).take_over(built).start("--allow-host", store.host)
    (tmp_path / "client").mkdir()
    running = begin(Client(server, tmp_path / "client"), store, bucket)
    server.fall()
    wait_for(lambda: not serving(bucket))
    running.kill()
    running.communicate()
    server.again("--allow-host", store.host)
    assert "bucket" not in subprocess.run(["findmnt", "-t", "fuse"], capture_output=True, text=True).stdout
    assert server.stop() == 0
