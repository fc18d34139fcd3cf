"""Volumes in containers: an ordinary folder, whose changes others see once they are committed."""
import signal
import subprocess

from conftest import IONIAN, Client, Server, python

HEAD = """
    import os, time
    import modal
    app = modal.App("mounts")
    vol = modal.Volume.from_name("%s", create_if_missing=True, version=2)
"""


def run(client, name, body, **more):
    return client.run("run", client.write(HEAD % name + body), **more).stdout


def test_what_is_committed_is_seen(client):
    out = run(client, "seen", """
    @app.function(volumes={"/data": vol})
    def write(name, text):
        with open(f"/data/{name}", "w") as file: file.write(text)
        os.makedirs("/data/sub/deep", exist_ok=True)
        with open("/data/sub/deep/x", "w") as file: file.write("deep")
        vol.commit()
        return sorted(os.listdir("/data"))

    @app.function(volumes={"/other": vol})
    def read(name):
        return open(f"/other/{name}").read(), open("/other/sub/deep/x").read()

    @app.local_entrypoint()
    def main():
        print("wrote", write.remote("a.txt", "first"))
        print("read", read.remote("a.txt"))
        print("listed", sorted(e.path for e in vol.listdir("/", recursive=True)))
        print("fetched", b"".join(vol.read_file("a.txt")))
    """)
    assert "wrote ['a.txt', 'sub']" in out and "read ('first', 'deep')" in out and "fetched b'first'" in out
    assert "listed ['a.txt', 'sub', 'sub/deep', 'sub/deep/x']" in out


def test_an_ordinary_folder(client):
    out = run(client, "ordinary", """
    @app.function(volumes={"/data": vol})
    def work():
        import mmap, stat
        os.chdir("/")
        os.makedirs("/data/d/e"); open("/data/d/e/f", "w").write("f"); open("/data/gone", "w").write("x")
        os.symlink("d/e/f", "/data/link"); os.link("/data/d/e/f", "/data/hard"); os.chmod("/data/d/e/f", 0o750)
        with open("/data/sparse", "wb") as file: file.truncate(64 << 20); file.seek(30 << 20); file.write(b"middle")
        with open("/data/mapped", "w+b") as file:
            file.truncate(8192); m = mmap.mmap(file.fileno(), 8192); m[4096:4100] = b"here"; m.flush(); m.close()
        vol.commit()
        # Now all of it lies below; each of these reaches through.
        os.rename("/data/d", "/data/moved"); os.remove("/data/gone"); os.rename("/data/link", "/data/link2")
        with open("/data/moved/e/f", "a") as file: file.write("g")
        os.makedirs("/data/fresh"); open("/data/fresh/1", "w").write("1")
        vol.commit()
        import shutil; shutil.rmtree("/data/fresh"); os.mkdir("/data/fresh"); open("/data/fresh/2", "w").write("2")
        vol.commit()
        return True

    @app.function(volumes={"/data": vol})
    def look():
        s = os.stat("/data/sparse")
        with open("/data/sparse", "rb") as file: file.seek(30 << 20); middle = file.read(6)
        with open("/data/mapped", "rb") as file: mapped = file.read()[4096:4100]
        return (sorted(os.listdir("/data")), open("/data/moved/e/f").read(), oct(os.stat("/data/moved/e/f").st_mode & 0o777), os.readlink("/data/link2"),
                open("/data/hard").read(), s.st_size, s.st_blocks * 512 < (40 << 20), middle, mapped, os.listdir("/data/fresh"),
                oct(os.stat("/data/moved/sent").st_mode))

    @app.local_entrypoint()
    def main():
        import io
        with vol.batch_upload() as batch: batch.put_file(io.BytesIO(b"sent"), "d/sent", mode=0o751)
        assert work.remote()
        print("found", look.remote())
        print("kinds", {e.path: e.type.name for e in vol.listdir("/")})
    """)
    assert ("found (['fresh', 'hard', 'link2', 'mapped', 'moved', 'sparse'], 'fg', '0o750', 'd/e/f', 'f', 67108864, True, b'middle', b'here', ['2'], '0o100751')") in out, out
    assert "'link2': 'SYMLINK', 'mapped': 'FILE', 'moved': 'DIRECTORY'" in out, out


def test_reload_and_open_files(client):
    out = run(client, "reloaded", """
    @app.function(volumes={"/data": vol})
    def work():
        import io
        open("/data/mine", "w").write("uncommitted")
        with vol.batch_upload() as batch: batch.put_file(io.BytesIO(b"from outside"), "/theirs")
        before = os.path.exists("/data/theirs")
        with open("/data/mine") as held:
            try:
                vol.reload(); refused = "no"
            except RuntimeError as error:
                refused = str(error)
            vol.commit()  # goes with open files
            assert held.read() == "uncommitted"
        os.chdir("/data")
        try:
            vol.reload(); refused += " / no"
        except RuntimeError as error:
            pass
        os.chdir("/")
        vol.reload()
        return before, refused, open("/data/theirs").read(), open("/data/mine").read()

    @app.local_entrypoint()
    def main():
        print("got", work.remote(), b"".join(vol.read_file("mine")))
    """)
    assert "got (False, " in out and "there are open files preventing the operation" in out and " / no" not in out, out
    assert "'from outside', 'uncommitted') b'uncommitted'" in out


def test_several_write_and_the_last_wins(client):
    out = run(client, "several", """
    @app.function(volumes={"/data": vol}, max_containers=4)
    def write(n):
        open(f"/data/own-{n}", "w").write(str(n)); open("/data/shared", "w").write(str(n))
        vol.commit(); time.sleep(1)
        return n

    @app.function(volumes={"/data": vol})
    def last():
        open("/data/shared", "w").write("last"); os.remove("/data/own-3")

    @app.local_entrypoint()
    def main():
        assert sorted(write.map(range(6))) == list(range(6))
        shared = b"".join(vol.read_file("shared")).decode()
        assert shared in set("012345"), shared
        last.remote()
    """)
    # The last one did not ask for a commit: its container's end is one.
    assert out is not None
    found = python(client, """
        vol = modal.Volume.from_name("several")
        end = time.monotonic() + 60
        while time.monotonic() < end and b"".join(vol.read_file("shared")) != b"last": time.sleep(0.2)
        print(sorted(e.path for e in vol.listdir("/")), b"".join(vol.read_file("shared")))
        """)
    assert found.strip() == "['own-0', 'own-1', 'own-2', 'own-4', 'own-5', 'shared'] b'last'"


def test_read_only_and_a_part_of_it(client):
    out = run(client, "options", """
    @app.function(volumes={"/data": vol.with_mount_options(read_only=True)})
    def read_only():
        try:
            open("/data/x", "w")
        except OSError as error:
            return str(error)

    @app.function(volumes={"/home": vol.with_mount_options(sub_path="/users/ada")})
    def part():
        open("/home/note", "w").write("hers"); vol.commit()
        open("/home/note2", "w").write("hers too"); vol.reload()
        return sorted(os.listdir("/home"))

    @app.function(volumes={"/data": vol.with_mount_options(read_only=True, sub_path="/not/there")})
    def part_that_is_missing():
        return os.listdir("/data")

    @app.local_entrypoint()
    def main():
        print("missing", part_that_is_missing.remote())
        print("said", read_only.remote(), part.remote(), sorted(e.path for e in vol.listdir("/", recursive=True)))
    """)
    assert "Read-only file system: '/data/x'" in out and "missing []" in out, out
    assert "['note', 'note2'] ['users', 'users/ada', 'users/ada/note', 'users/ada/note2']" in out, out


def test_what_is_written_is_committed_unasked(client):
    out = run(client, "unasked", """
    @app.function(volumes={"/data": vol})
    def work():
        open("/data/early", "w").write("early")
        end = time.monotonic() + 120
        while time.monotonic() < end and not [e for e in vol.listdir("/") if e.path == "early"]: time.sleep(0.5)
        return [e.path for e in vol.listdir("/")]

    @app.local_entrypoint()
    def main():
        print("found", work.remote())
    """)
    assert "found ['early']" in out


def test_a_volume_that_was_deleted_while_mounted(client):
    out = run(client, "short-lived", """
    @app.function(volumes={"/data": vol})
    def work():
        open("/data/x", "w").write("x"); vol.commit()
        modal.Volume.objects.delete("short-lived")
        open("/data/y", "w").write("y")
        try:
            vol.commit()
        except RuntimeError as error:
            return str(error), sorted(os.listdir("/data"))

    @app.local_entrypoint()
    def main():
        print("said", work.remote())
    """)
    assert "not found" in out and "['x', 'y']" in out, out


def test_kill_leaves_the_last_commit_and_nothing_else(tmp_path, built):
    server = Server(tmp_path).take_over(built).start("--volume-commit-seconds", "0")
    try:
        client = Client(server, tmp_path)
        program = client.write(HEAD % "killed" + """
    @app.function(volumes={"/data": vol})
    def work():
        open("/data/committed", "w").write("whole"); vol.commit()
        open("/data/lost", "w").write("half"); print("written", flush=True); time.sleep(100)

    @app.local_entrypoint()
    def main():
        work.remote()
    """)
        running = client.popen("run", program)
        for line in running.stdout:
            if "written" in line:
                break
        server.stop(signal.SIGKILL)
        running.kill()
        server.again()
        assert python(client, 'v = modal.Volume.from_name("killed"); print([e.path for e in v.listdir("/")], *v.read_file("committed"))').strip() == "['committed'] b'whole'"
        assert not list((tmp_path / "data/volumes/mounts").iterdir())
        mounts = open("/proc/mounts").read()
        assert str(tmp_path) not in mounts
    finally:
        server.stop()


def test_a_damaged_file_is_not_mounted_until_it_is_put_back(server, client):
    """Of both versions: each has its own way to find out which bytes need not travel."""
    program = client.write("""
    import modal
    app = modal.App("damaged")
    first = modal.Volume.from_name("damaged-1", create_if_missing=True, version=1)
    second = modal.Volume.from_name("damaged-2", create_if_missing=True, version=2)

    @app.function(volumes={"/first": first, "/second": second})
    def work():
        return open("/first/f").read(), open("/second/f").read()

    @app.local_entrypoint()
    def main():
        print("read", work.remote())
    """)
    for version in "1", "2":
        (client.folder / version).write_text(f"whole bytes of version {version}")
        client.run("volume", "create", f"damaged-{version}", "--version", version)
        client.run("volume", "put", f"damaged-{version}", version, "/f")
    whole = "read ('whole bytes of version 1', 'whole bytes of version 2')"
    assert whole in client.run("run", program).stdout
    for version in "1", "2":
        stored, = [file for file in (server.folder / "data/volumes/contents").rglob("files/*/*") if file.read_bytes() == (client.folder / version).read_bytes()]
        with open(stored, "r+b") as file:
            file.write(b"W")
        check = subprocess.run([IONIAN, "admin", "volumes", "check", "--data", server.folder / "data"], capture_output=True, text=True)
        assert check.returncode == 1 and f"it is damaged-{version}:/f" in check.stdout, check.stdout + check.stderr
        refused = client.run("run", program, check=False)
        said = " ".join((refused.stdout + refused.stderr).replace("│", " ").split())
        assert refused.returncode != 0 and f"volume 'damaged-{version}': /f is not on the server's disk as it was stored" in said, said
        assert client.run("volume", "get", f"damaged-{version}", "f", "-", check=False).returncode != 0
        client.run("volume", "put", f"damaged-{version}", version, "/f", "--force")
        assert whole in client.run("run", program).stdout
    assert server.owner("admin", "volumes", "check")["problems"] == []


def test_the_old_client_mounts_one(old_client):
    out = old_client.run("run", old_client.write("""
    import os, modal
    app = modal.App("old-mounts")
    vol = modal.Volume.from_name("aged-mount", create_if_missing=True)

    @app.function(volumes={"/data": vol})
    def work():
        open("/data/x", "w").write("old"); vol.commit(); vol.reload()
        return os.listdir("/data")

    @app.local_entrypoint()
    def main():
        print("got", work.remote(), b"".join(vol.read_file("x")))
    """)).stdout
    assert "got ['x'] b'old'" in out
