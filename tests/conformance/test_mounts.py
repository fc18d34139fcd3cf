"""Mounts that have a name: lists of files that are sent once and that functions of any app have. Only the clients' inner parts know them by now."""
import pytest
from conftest import Client

DEPLOY = """
    import sys
    from modal.mount import Mount

    local = {"old": "from_local_dir", "new": "_from_local_dir"}[sys.argv[1]]
    more = {"allow_overwrite": True} if "over" in sys.argv else {}
    getattr(Mount, local)("tools", remote_path="/opt/tools")._deploy("tools", **more)
    print("deployed")
"""

USE = """
    import modal
    app = modal.App("uses-tools")

    @app.function(mounts=[modal.Mount.from_name("tools")])
    def f():
        return open("/opt/tools/hello.txt").read()

    @app.local_entrypoint()
    def main():
        print("found", f.remote())
"""


@pytest.fixture
def both(server, tmp_path):
    (tmp_path / "tools").mkdir()
    return Client(server, tmp_path, "old"), Client(server, tmp_path)


def test_mounts_that_have_a_name(both):
    old, new = both
    hello = old.folder / "tools/hello.txt"
    deploy, use = old.write(DEPLOY, "deploy.py"), old.write(USE, "use.py")
    missing = old.run("run", use, check=False)
    assert missing.returncode != 0 and "mount 'tools' not found" in missing.stdout + missing.stderr
    hello.write_text("first")
    assert "deployed" in old.python(deploy, "old").stdout
    assert "found first" in old.run("run", use).stdout
    hello.write_text("second")
    twice = old.python(deploy, "old", check=False)
    assert twice.returncode != 0 and "Mount 'tools' already exists" in twice.stderr
    assert "found first" in old.run("run", use).stdout
    assert "deployed" in new.python(deploy, "new", "over").stdout
    assert "found second" in old.run("run", use).stdout


def test_a_name_is_one_of_its_environment(both):
    old, new = both
    (old.folder / "tools/hello.txt").write_text("elsewhere")
    new.run("environment", "create", "of-mounts")
    assert "deployed" in new.python(new.write(DEPLOY, "deploy.py"), "new", MODAL_ENVIRONMENT="of-mounts").stdout
    assert "found elsewhere" in old.run("run", "--env", "of-mounts", old.write(USE, "use.py")).stdout
    old.run("environment", "create", "without-mounts")
    missing = old.run("run", "--env", "without-mounts", old.folder / "use.py", check=False)
    assert missing.returncode != 0 and "mount 'tools' not found" in missing.stdout + missing.stderr
