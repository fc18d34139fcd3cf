"""However many containers have come and gone, nothing of them is left: not in the server, not in what makes containers, not on the machine."""
import hashlib
import os
import pathlib

import pytest

from conftest import Client, running_server
from processes import children
from test_run import wait_for

TASKS = int(os.environ.get("IONIAN_LEAK_TASKS", "100"))
# What is there at one time and not at another, such as an interpreter that waits: less than one thing for every five tasks.
SLACK = 19 + TASKS // 250


def folders(path):
    return sum(len(names) for _, names, _ in os.walk(path))


def held(server):
    """What a server, its processes and its folder hold of the machine, that does not depend on what is remembered of calls."""
    data = str(server.folder / "data")
    name = "ionian-" + hashlib.sha256(data.encode()).hexdigest()[:8]
    processes = [server.process.pid, *children(server.process.pid)]
    proc = [pathlib.Path("/proc", str(pid)) for pid in processes]
    descriptors = [os.readlink(link) for one in proc for link in (one / "fd").iterdir() if link.is_symlink()]
    return {
        "processes": len(processes), "threads": sum(len(list((one / "task").iterdir())) for one in proc),
        "sockets": sum(link.startswith("socket:") for link in descriptors), "pipes": sum(link.startswith("pipe:") for link in descriptors),
        "namespaces": sum(link.startswith("net:") for link in descriptors), "descriptors": len(descriptors),
        "mounts": sum(data in line or name in line for one in proc for line in (one / "mountinfo").read_text().splitlines()),
        "folders": folders(server.folder / "data" / "run"), "groups": sum(name in found for found, _, _ in os.walk("/sys/fs/cgroup")),
    }


def memory_mib(server):
    status = pathlib.Path("/proc", str(server.process.pid), "status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) >> 10


@pytest.fixture
def own(built):
    """With few interpreters that wait for tasks, for they are more at one time than at another."""
    with running_server(built, "--standby-memory", "250") as server:
        yield server


def test_nothing_is_left_of_many_tasks(own, tmp_path):
    client = Client(own, tmp_path)
    program = client.write("""
        import modal
        app = modal.App("many")

        @app.function(single_use_containers=True, max_containers=8)
        def one(i):
            return i

        @app.local_entrypoint()
        def main(tasks: int):
            assert sorted(one.map(range(tasks))) == list(range(tasks))
    """)

    def after(tasks):
        client.run("run", program, "--tasks", tasks, timeout=3600)
        wait_for(lambda: not own.admin("status")["containers"], 60)
        return held(own), memory_mib(own)
    before, memory = after(20)
    later, more = after(TASKS)
    assert not [what for what in later if later[what] > before[what] + SLACK], (before, later)
    # Ten thousand ended tasks are remembered, and their calls for a while.
    assert more - memory < 100
