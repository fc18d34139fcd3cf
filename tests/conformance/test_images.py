"""Images: what users build on `debian_slim`, cached, rebuilt, and failing."""
import os
import signal
import subprocess

from conftest import Client, running_server
from test_builders import leftovers
from test_faults import contents
from test_run import processes, wait_for


def test_layers_and_their_cache(client):
    (client.folder / "data.txt").write_text("local file")
    for name, factor in ("helper", 2), ("in_image", 3):
        (client.folder / f"{name}.py").write_text(f"def times(x):\n    return {factor} * x\n")
    (client.folder / "tree/below").mkdir(parents=True)
    (client.folder / "tree/below/leaf.txt").write_text("leaf")
    program = client.write("""
        import modal
        image = (modal.Image.debian_slim().pip_install("six==1.16.0").uv_pip_install("idna==3.7").apt_install("hostname").run_commands("echo built > /built.txt")
                 .env({"COLOUR": "blue"}).workdir("/srv").add_local_file("data.txt", "/copied.txt", copy=True)
                 .add_local_dir("tree", "/copied", copy=True).add_local_python_source("in_image", copy=True)
                 .add_local_file("data.txt", "/mounted.txt").add_local_dir("tree", "/mounted").add_local_python_source("helper"))
        app = modal.App("image", image=image)

        @app.function()
        def look():
            import os, subprocess, helper, idna, in_image, six
            paths = ["/built.txt", "/copied.txt", "/mounted.txt", "/copied/below/leaf.txt", "/mounted/below/leaf.txt"]
            files = [open(path).read().strip() for path in paths]
            versions = six.__version__, idna.__version__
            return versions, subprocess.run(["hostname"]).returncode, files, os.environ["COLOUR"], os.getcwd(), helper.times(21), in_image.times(2)

        @app.local_entrypoint()
        def main():
            print("saw", look.remote())
    """)
    wanted = "saw (('1.16.0', '3.7'), 0, ['built', 'local file', 'local file', 'leaf', 'leaf'], 'blue', '/srv', 42, 6)"
    first = client.run("run", program, timeout=400).stdout
    assert wanted in first and "echo built" in first
    second = client.run("run", program).stdout
    assert wanted in second and "echo built" not in second


def test_a_failed_step_says_what_failed_and_leaves_nothing(server, client):
    wait_for(lambda: server.admin("status")["containers"] == 0)
    before = leftovers(server)
    failed = client.run("run", client.write("""
        import modal
        app = modal.App("failing", image=modal.Image.debian_slim().run_commands("echo about to fail; exit 7"))

        @app.function()
        def never():
            pass
    """), check=False, timeout=400)
    text = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "about to fail" in text and "exit 7" in text and "exit code 7" in text
    wait_for(lambda: leftovers(server) == before)


def test_the_log_says_that_debians_patch_release_stands_in(built):
    assert "Debian's patch release of Python 3.11 stands in for the one that was asked for." in built.with_name("new.log").read_text()


def test_a_python_that_is_not_at_hand(client):
    failed = client.run("run", client.write("""
        import modal
        app = modal.App("ancient", image=modal.Image.debian_slim(python_version="3.10"))

        @app.function()
        def never():
            pass
    """), check=False, timeout=400)
    text = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "3.10" in text and "3.11" in text


def test_what_two_want_at_once_is_built_once_and_shown_live(client):
    program = """
        import modal
        app = modal.App("{name}")
        image = modal.Image.debian_slim().run_commands("echo be''gun; sleep 99.98765403; date +%s%N > /made")

        @app.function(image=image)
        def made():
            return open("/made").read().strip()

        @app.local_entrypoint()
        def main():
            print("made", made.remote())
    """
    both = [client.popen("run", client.write(program.format(name=name), f"{name}.py")) for name in ("one", "other")]
    try:
        # Each shows what the step has said while the step goes on, which it does until it is ended here.
        for process in both:
            assert any(line.strip() == "begun" for line in process.stdout)
        (step,) = wait_for(lambda: [pid for pid in processes("sleep 99.98765403") if contents(f"/proc/{pid}/cmdline").startswith(b"sleep")])
        os.kill(step, signal.SIGTERM)
        outs = [process.communicate(timeout=240)[0] for process in both]
    finally:
        for process in both:
            process.kill()
            process.wait()
    one, other = [out.split("made ")[-1].split()[0] for out in outs]
    assert one == other, outs
def test_secrets_and_limits(client):
    program = client.write("""
        import glob, os, subprocess, time, modal
        app = modal.App("limits")

        @app.function(secrets=[modal.Secret.from_dict({"PASSPHRASE": "melon", "EMPTY": ""})], cpu=(0.25, 0.5), memory=256, max_containers=1)
        def look():
            began, end = time.monotonic(), time.process_time() + 0.3
            while time.process_time() < end:
                pass
            slowed = time.monotonic() - began > 0.42
            subprocess.Popen(["sleep", "1000"])  # whose environment shows it
            return os.environ["PASSPHRASE"], os.environ["EMPTY"], os.environ["MODAL_TASK_ID"], slowed

        def contents(path):
            try:
                return open(path, "rb").read()
            except OSError:
                return b""

        @app.function()
        def search():
            subprocess.Popen(["sleep", "1000"])
            seen = [contents(path) for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline")]
            return any(b"MODAL_TASK_ID" in each for each in seen), any(b"melon" in each for each in seen)

        @app.function(max_containers=2)
        def crowd(here):
            here[os.environ["MODAL_TASK_ID"]] = True
            while here.len() < 2:
                time.sleep(0.05)
            time.sleep(0.3)  # so that inputs wait, for which there could be more containers

        @app.local_entrypoint()
        def main():
            with modal.Dict.ephemeral() as here:
                list(crowd.map([here] * 8))
                print("crowd", here.len())
            seen = [look.remote() for _ in range(3)]
            print("secret", seen[0][0], repr(seen[0][1]), "containers", len({s[2] for s in seen}), "slowed", seen[0][3])
            print("searched", *search.remote())
    """)
    out = client.run("run", program).stdout
    assert "secret melon '' containers 1 slowed True" in out, out
    assert "crowd 2" in out, out
    # The container that has it still stands beside this one.
    assert "searched True False" in out, out
    assert "melon" not in client.server.log_text()


def test_output_arrives_whole(client):
    # The client waits 10 s for the last lines by default, which a machine that does much else may need more than once.
    out = client.run("run", client.write(r"""
        import fcntl, os, sys, termios, time, modal
        app = modal.App("output")

        def say(fd, text):
            os.write(fd, text)
            while fcntl.ioctl(fd, termios.FIONREAD, bytes(4)) != bytes(4):  # until the server has read it
                time.sleep(0.001)

        @app.function()
        def speak():
            print("no newline at the end", end="", flush=True)
            os.write(1, b"\nbytes \xff\xfe end\n")
            say(1, "é".encode()[:1])
            say(1, "é".encode()[1:] + b" joined\n")
            for i in range(50):
                say(1, b"out %d\n" % i)
                say(2, b"err %d\n" % i)
            for i in range(100_000):
                print(f"line {i:06d} " + "x" * 88)

        @app.local_entrypoint()
        def main():
            speak.remote()
    """), MODAL_LOGS_TIMEOUT="120").stdout
    lines = [line for line in out.splitlines() if line.startswith("line ")]
    assert lines == [f"line {i:06d} " + "x" * 88 for i in range(100_000)]
    assert "no newline at the end\nbytes \ufffd\ufffd end\né joined\n" in out
    # Each stream in its order, and the two by the time at which they came.
    assert [line for line in out.splitlines() if line.startswith(("out ", "err "))] == [f"{word} {i}" for i in range(50) for word in ("out", "err")]


def test_the_newest_builder_version(client):
    out = client.run("run", client.write("""
        import sys, modal
        app = modal.App("newest", image=modal.Image.debian_slim(python_version="3.13").run_commands("echo kept > /kept"))

        @app.function()
        def look():
            return sys.version_info[:2], open("/etc/debian_version").read().split(".")[0], open("/kept").read().strip()

        @app.local_entrypoint()
        def main():
            print("saw", look.remote())
    """), MODAL_IMAGE_BUILDER_VERSION="2026.10").stdout
    assert "saw ((3, 13), '13', 'kept')" in out, out


def test_an_imported_image_is_built_on_listed_and_removed(server, client, tmp_path):
    """A root file system of one's own, in place of a registry: that of an image which is there."""
    program = client.write("""
        import modal
        app = modal.App("imported")
        image = modal.Image.from_registry("house/debian:1", add_python=None).run_commands("cat /etc/house > /said")

        @app.function(image=image)
        def said():
            return open("/said").read()

        @app.local_entrypoint()
        def main():
            print("said", said.remote())
    """)
    root = tmp_path / "root"
    layers = server.folder / "data/layers"
    base = next(i for i in server.admin_image("list") if i["source"].startswith("recipe"))
    assert base["layers"] >= 1
    import_from = max(layers.iterdir(), key=lambda p: sum(1 for _ in p.rglob("*")))
    subprocess.run(["cp", "-a", import_from, root], check=True)
    (root / "etc/house").write_text("our house")
    archive = tmp_path / "root.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    assert server.admin_image("import", "house/debian:1", str(archive))["layers"] == 1
    assert "said our house" in client.run("run", program).stdout
    assert "house/debian:1" in [i["tag"] for i in server.admin_image("list")]
    server.admin_image("remove", "house/debian:1")
    assert "house/debian:1" not in [i["tag"] for i in server.admin_image("list")]
    # What was built on it goes on.
    assert "said our house" in client.run("run", program).stdout


def test_force_build_replaces_what_was_kept_and_ignore_cache_does_not(client):
    # debian_slim would install compilers each time.
    program = client.write("""
        import modal
        app = modal.App("stamped")
        image = modal.Image.from_registry("python:3.11-slim-bookworm").run_commands("date +%s%N > /lower").run_commands("date +%s%N > /upper")

        @app.function(image=image)
        def stamps():
            return open("/lower").read().strip(), open("/upper").read().strip()

        @app.local_entrypoint()
        def main():
            print("stamps", *stamps.remote())
    """)

    def stamps(**env):
        return client.run("run", program, **env).stdout.split("stamps ")[-1].split()[:2]

    first = stamps()
    assert stamps() == first
    ignoring = stamps(MODAL_IGNORE_CACHE="1")
    assert not set(ignoring) & set(first) and stamps() == first
    forced = stamps(MODAL_FORCE_BUILD="1")
    assert not set(forced) & set(first + ignoring) and stamps() == forced


def test_steps_get_the_settings_of_the_host_unless_it_keeps_them(built, tmp_path):
    host = ["env", "PIP_INDEX_URL=http://index.invalid/simple", "http_proxy=http://proxy.invalid:3128"]
    given = {"pip: global.index-url='http://index.invalid/simple'", "step: http_proxy=http://proxy.invalid:3128", "step: PIP_CERT=/run/ionian-host/ca.crt"}
    for options in [], ["--no-host-settings"]:
        with running_server(built, *options, prefix=host) as server:
            client = Client(server, tmp_path)
            out = client.run("run", client.write("""
                import os, modal
                wanted = "env | sort | grep -iE '^(http_proxy|PIP_CERT)=' | sed 's/^/step: /'; pip config list | sed 's/^/pip: /'"
                app = modal.App("settings", image=modal.Image.debian_slim().run_commands(wanted))

                @app.function()
                def look():
                    return [name for name in os.environ if name.upper().startswith(("PIP", "UV_")) or "proxy" in name.lower()]

                @app.local_entrypoint()
                def main():
                    print("function", look.remote())
            """)).stdout
        said = {line.strip() for line in out.splitlines()}
        assert said & given == (set() if options else given) and ("invalid" in out) == (not options), out
        assert "function []" in said, out
