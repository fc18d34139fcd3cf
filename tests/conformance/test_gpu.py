"""GPUs by CDI files: ordinary devices stand in their place."""
import json

import pytest

from conftest import Client, Server
from grpc_call import raw

APP = """
    import os, time, modal

    app = modal.App("gpus")

    def devices():
        return sorted(name for name in os.listdir("/dev") if name.startswith("gpu"))

    @app.function(gpu="T4")
    def look():
        try:
            os.write(os.open("/dev/" + devices()[0], os.O_WRONLY), b"x")
        except OSError as e:
            return devices(), e.strerror, open("/opt/driver").read(), os.environ["DRIVER"], os.environ["LD_LIBRARY_PATH"]

    @app.function(gpu=["H100", "T4"], timeout=77)
    def either():
        return devices()

    @app.function(gpu=["H100", "T4"], schedule=modal.Period(days=1))
    def planned():
        return devices()

    @app.cls(gpu=["H100", "T4"])
    class Trained:
        name: str = modal.parameter()

        @modal.method()
        def look(self):
            return self.name, devices()

    @app.function(gpu="t4:2", scaledown_window=300)
    def both(seconds=0.0):
        begin = time.monotonic()
        time.sleep(seconds)
        return devices(), begin, time.monotonic()

    @app.function(gpu="any:2", scaledown_window=300)
    def also(seconds=0.0):
        return both.local(seconds)

    @app.function()
    def none():
        return devices(), os.path.exists("/opt/driver")
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory, built):
    folder = tmp_path_factory.mktemp("machine")
    cdi = folder / "cdi"
    cdi.mkdir()
    (folder / "driver").write_text("driver 535")
    shared = {"env": ["DRIVER=loaded"], "mounts": [{"hostPath": str(folder / "driver"), "containerPath": "/opt/driver", "options": ["ro", "bind"]}],
              "hooks": [{"hookName": "createContainer", "path": "/usr/bin/nvidia-cdi-hook", "args": ["nvidia-cdi-hook", "update-ldcache", "--folder", "/opt"]}]}
    (cdi / "one.json").write_text(json.dumps({"cdiVersion": "0.6.0", "kind": "ionian.test/gpu", "containerEdits": shared, "devices": [
        {"name": "0", "annotations": {"gpu-type": "T4"}, "containerEdits": {"deviceNodes": [{"path": "/dev/gpu0", "hostPath": "/dev/full"}]}}]}))
    (cdi / "two.yaml").write_text("""
cdiVersion: 0.6.0
kind: ionian.other/gpu
devices:
- name: "1"
  annotations:
    gpu-type: T4
  containerEdits:
    deviceNodes:
    - path: /dev/gpu1
      hostPath: /dev/zero
""")
    (cdi / "broken.json").write_text("{")
    server = Server(folder).take_over(built).start("--cdi-dir", str(cdi))
    yield server
    assert server.stop() == 0, server.log_text()[-3000:]


def run(machine, tmp_path, body):
    client = Client(machine, tmp_path)
    program = client.write(APP + "\n    @app.local_entrypoint()\n    def main():\n        print('seen', " + body + ")\n", "gpus.py")
    lines = client.run("run", program).stdout.splitlines()
    return next(line[5:] for line in lines if line.startswith("seen "))


def test_a_container_has_what_the_file_says(machine, tmp_path):
    seen = eval(run(machine, tmp_path, "look.remote()"))
    assert seen == (["gpu0"], "No space left on device", "driver 535", "loaded", "/opt"), seen
    assert "broken.json are not offered" in machine.log_text()


def test_alternatives_counts_and_those_without(machine, tmp_path):
    seen = eval(run(machine, tmp_path, "(either.remote(), both.remote()[0], none.remote(), planned.remote(), Trained(name='ann').look.remote())"))
    assert seen[:3] == (["gpu0"], ["gpu0", "gpu1"], ([], False)), seen
    # One of the two, for the container before may have the other one still.
    planned, (name, given) = seen[3:]
    assert len(planned) == 1 and name == "ann" and len(given) == 1, seen


def test_a_device_is_in_one_container_at_a_time_and_inputs_wait(machine, tmp_path):
    calls = "[c.get(timeout=120) for c in [f.spawn(1.5) for f in (both, also, both, also)]]"
    found = eval(run(machine, tmp_path, calls))
    assert all(devices == ["gpu0", "gpu1"] for devices, _, _ in found), found
    spans = sorted((begin, end) for _, begin, end in found)
    assert all(end <= begin for (_, end), (begin, _) in zip(spans, spans[1:])), spans


@pytest.mark.parametrize("gpu, asked", [("'H100'", "1 × H100"), ("'T4:3'", "3 × T4"), ("['A100', 'L4:2']", "1 × A100 or 2 × L4"), ("'T4:0'", "0 × T4")])
def test_what_the_machine_does_not_have_is_refused(machine, tmp_path, gpu, asked):
    client = Client(machine, tmp_path)
    out = client.run("deploy", client.write(f"import modal\napp = modal.App('refused')\n@app.function(gpu={gpu})\ndef f():\n    return 1\n", "refused.py"), check=False)
    said = " ".join((out.stdout + out.stderr).replace("│", " ").split())
    assert out.returncode != 0 and f"function f asks for {asked}, and this machine has 2 × T4" in said, said


def test_a_variant_asks_for_a_gpu(machine, tmp_path):
    client = Client(machine, tmp_path)
    client.run("deploy", client.write("""
        import os, modal
        app = modal.App("variants")

        @app.function()
        def count():
            return len([name for name in os.listdir("/dev") if name.startswith("gpu")])
    """, "variants.py"))
    out = client.python(client.write("""
        import modal
        f = modal.Function.from_name("variants", "count")
        print(f.remote(), f.with_options(gpu="T4:2").remote())
    """, "ask.py"))
    assert out.stdout.strip() == "0 2"
    out = raw(machine, machine.token(), """
        async def body(call):
            found = await call("FunctionGet", app_name="variants", object_tag="count", environment_name="main")
            wanted = api_pb2.Resources(gpu_config=api_pb2.GPUConfig(gpu_type="H100", count=1))
            print(await call("FunctionBindParams", function_id=found.function_id, function_options=api_pb2.FunctionOptions(resources=wanted)))
            app = await call("AppCreate", description="refused")
            print(await call("FunctionCreate", app_id=app.app_id, function=api_pb2.Function(function_name="count", resources=wanted)))
    """)
    refused = "INVALID_ARGUMENT function count asks for 1 × H100, and this machine has 2 × T4"
    assert [line.split(": ")[0] for line in out.splitlines()] == [refused, refused], out
    client.run("app", "stop", "variants", "--yes")
