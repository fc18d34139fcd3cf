"""The server at its edges: start, stop, and what it leaves behind."""
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import IONIAN, PLAIN, Client, Server, running_server
from processes import children, descendants
from test_faults import contents
from test_run import wait_for

SLEEPER = """
    import time, modal
    app = modal.App("sleeper")

    @app.function(timeout=600)
    def sleep():
        print("asleep", flush=True)
        time.sleep(500)

    @app.local_entrypoint()
    def main():
        sleep.remote()
"""


def serve(*words):
    return subprocess.run([IONIAN, "serve", *map(str, words)], capture_output=True, text=True, timeout=30)


def test_refusals_at_start(server, tmp_path):
    second = serve("--data", server.folder / "data", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert second.returncode == 1 and f"process {server.process.pid}" in second.stderr
    taken = server.ready["grpc_url"].removeprefix("http://")
    port = serve("--data", tmp_path / "a", "--grpc", taken, "--http", "127.0.0.1:0")
    assert port.returncode == 1 and taken in port.stderr and "--grpc" in port.stderr
    http = serve("--data", tmp_path / "b", "--grpc", "127.0.0.1:0", "--http", server.ready["http_url"].removeprefix("http://"))
    assert http.returncode == 1 and "--http" in http.stderr
    public = serve("--data", tmp_path / "c", "--grpc", "0.0.0.0:0", "--http", "127.0.0.1:0")
    assert public.returncode == 1 and "--insecure-public" in public.stderr


def test_a_folder_that_takes_no_files(tmp_path):
    file, sealed = tmp_path / "file", tmp_path / "sealed"
    file.write_text("kept")
    file.chmod(0o644)
    sealed.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro,mode=700", "none", sealed], check=True)
    try:
        for folder, why in [(sealed, "Read-only file system"), (sealed / "below", "Read-only file system"), (file, "Not a directory"),
                            (file / "below", "Not a directory"), ("/proc/no/such/folder", "No such file or directory")]:
            out = serve("--data", folder, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
            assert out.returncode == 1 and out.stderr.startswith("Error: ") and out.stderr.count("\n") == 1, out.stderr
            assert f"{why}. Choose a folder that this user may write to with --data" in out.stderr, out.stderr
    finally:
        subprocess.run(["umount", sealed], check=True)
    assert file.read_text() == "kept" and file.stat().st_mode & 0o777 == 0o644


def test_old_and_new_clients_side_by_side(client, old_client):
    program = """
        import time, modal
        app = modal.App("versions")

        @app.function()
        def version():
            # Neither goes on before the other is here.
            meeting = modal.Dict.from_name("meeting", create_if_missing=True)
            meeting[modal.__version__] = True
            while meeting.len() < 2:
                time.sleep(0.05)
            return modal.__version__

        @app.function(serialized=True)
        def serialized(x):
            return x + 1

        @app.local_entrypoint()
        def main():
            print("container runs", version.remote(), list(serialized.map([1, 2])))
    """
    new, old = [each.popen("run", each.write(program)) for each in (client, old_client)]
    try:
        out = new.communicate(timeout=400)[0]
        assert new.returncode == 0 and "container runs 1.6.4 [2, 3]" in out, out
        out = old.communicate(timeout=400)[0]
        assert old.returncode == 0 and "container runs 0.74.62 [2, 3]" in out, out
    finally:
        for process in (new, old):
            process.kill()
            process.wait()


def test_sigterm_lets_what_runs_end(tmp_path, built):
    """The caller gets its result, also where that needs another function; what it asks for after that, it is told to ask for later."""
    own = Server(tmp_path).take_over(built).start("--drain-seconds", "60")
    client = Client(own, tmp_path)
    process = client.popen("run", client.write("""
        import time, modal
        app = modal.App("ends")

        @app.function()
        def work():
            print("at work", flush=True)
            time.sleep(2)
            return help.remote("do") + helpers.spawn("ne").get()

        @app.function()
        def help(word):
            return word

        @app.function()
        def helpers(word):
            return help.remote(word)

        @app.local_entrypoint()
        def main():
            print("got", work.remote(), flush=True)
    """))
    seen = []
    for line in process.stdout:
        seen.append(line)
        if "at work" in line:
            own.process.terminate()
        if "got" in line:
            break
    assert any("got done" in line for line in seen), "".join(seen)
    assert own.process.wait(60) == 0
    process.kill()
    process.wait()


def test_without_the_right_to_make_networks_all_else_works(tmp_path, built):
    """It is said at the start. Arguments above the inline limit come by the listener inside, which needs no network."""
    with running_server(built, prefix=["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]) as own:
        assert "containers have no network" in own.log_text()
        client = Client(own, tmp_path)
        out = client.run("run", client.write("""
            import os, socket, modal
            app = modal.App("alone")

            @app.function()
            def look(data):
                try:
                    socket.create_connection(("192.0.2.1", 80), timeout=5)
                    reached = "connected"
                except OSError as error:
                    reached = os.strerror(error.errno)
                return [name for _, name in socket.if_nameindex()], reached, data[::-1]

            @app.local_entrypoint()
            def main():
                data = os.urandom(3 << 20)
                interfaces, reached, back = look.remote(data)
                print("interfaces", interfaces, "reached", reached, "back", back == data[::-1])
        """)).stdout
        assert "interfaces ['lo'] reached Network is unreachable back True" in " ".join(out.split())


def test_sigterm_ends_containers_and_exits_0(tmp_path, built):
    own = Server(tmp_path).take_over(built).start("--drain-seconds", "1")
    client = Client(own, tmp_path)
    process = client.popen("run", client.write(SLEEPER))
    for line in process.stdout:
        if "asleep" in line:
            break
    tree = descendants(own.process.pid)
    assert len(tree) > 2
    assert own.stop(signal.SIGTERM) == 0
    process.kill()
    process.wait()
    assert not [p for p in tree if alive(p)]


def test_a_second_sigterm_does_not_wait(tmp_path):
    own = Server(tmp_path).start()
    spawner = next(pid for pid in children(own.process.pid) if b"spawner" in contents(f"/proc/{pid}/cmdline"))
    # The server waits for what ends containers, for longer than this test does.
    os.kill(spawner, signal.SIGSTOP)
    try:
        own.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping: SIGTERM" in own.log_text())
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(10) == -signal.SIGTERM
    finally:
        os.kill(spawner, signal.SIGCONT)
    wait_for(lambda: not alive(spawner))


@pytest.mark.parametrize("kib", [4, 64, 600])
def test_a_full_disk_at_the_start(tmp_path, kib):
    """At none of the places where the first byte too many may be written."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k,mode=700", "none", tmp_path], check=True)
    try:
        full = serve("--data", tmp_path, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)
    assert full.returncode == 1 and full.stderr.startswith("Error: ") and full.stderr.count("\n") == 1, full.stderr
    assert "full" in full.stderr or "No space left on device" in full.stderr, full.stderr
    assert f"Make room on the disk of {tmp_path}, or choose another folder with --data" in full.stderr, full.stderr


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_folder_without_its_key_is_refused_and_nothing_new_is_made(tmp_path):
    server = Server(tmp_path).start()
    assert server.stop() == 0
    key = tmp_path / "data/secret.key"
    kept = key.read_bytes()
    key.unlink()
    out = subprocess.run([IONIAN, "serve", "--data", str(tmp_path / "data"), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"],
                         capture_output=True, text=True, timeout=60)
    assert out.returncode == 1 and f"{key} is missing" in out.stderr and "Restore it" in out.stderr
    assert not key.exists()
    key.write_bytes(kept)
    server.start()
    assert server.stop() == 0


def test_a_folder_that_comes_from_elsewhere_without_its_downloads_makes_them_anew(tmp_path, built):
    """As a restored backup does."""
    own = Server(tmp_path).take_over(built)
    shutil.rmtree(tmp_path / "data/runtime")
    own.start()
    client = Client(own, tmp_path)
    assert "it runs" in client.run("run", client.write(PLAIN)).stdout
    assert (tmp_path / "data/runtime/client-1.6.4").is_dir()
    assert own.stop() == 0


def test_a_relative_folder_that_is_open_to_others(tmp_path):
    (tmp_path / "d").mkdir(mode=0o755)
    ready = tmp_path / "ready.json"
    process = subprocess.Popen([IONIAN, "serve", "--data", "d", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--ready-file", str(ready)],
                               stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        for line in process.stderr:
            if "serving" in line:
                break
        assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_the_program_is_small(tmp_path):
    subprocess.run(["strip", "-o", tmp_path / "ionian", IONIAN], check=True)
    assert (tmp_path / "ionian").stat().st_size <= 40_000_000
