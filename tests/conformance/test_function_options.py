"""Options of functions and ways to call them that no other file is about."""
BASE = """
    import os, modal, modal.experimental
    app = modal.App("options")
"""


def run(client, body, **options):
    return client.run("run", client.write(BASE + body), **options)


def test_spawn_map_num_inputs_and_gather(client):
    out = run(client, """
    @app.function()
    def square(n, plus=0):
        return n * n + plus

    @app.function()
    def note(notes, n):
        notes[n] = square.local(n)

    @app.local_entrypoint()
    def main():
        with modal.Dict.ephemeral() as notes:
            print("nothing", note.spawn_map([notes] * 3, range(3)))
            while notes.len() < 3:
                pass
            print("noted", sorted(notes.items()))
        many = square.experimental_spawn_map(range(5), kwargs={"plus": 1})
        print("inputs", many.num_inputs(), "of one", square.spawn(2).num_inputs())
        print("results", [many.get(timeout=60, index=n) for n in range(5)])
        again = modal.FunctionCall.from_id(many.object_id)
        print("again", again.num_inputs(), again.get(timeout=60, index=3), list(again.iter(start=1, end=4)))
        print("gather", modal.FunctionCall.gather(*[square.spawn(n) for n in (3, 1, 2)]))
    """).stdout
    assert "nothing None" in out and "noted [(0, 0), (1, 1), (2, 4)]" in out, out
    assert "inputs 5 of one 1" in out, out
    assert "results [1, 2, 5, 10, 17]" in out, out
    assert "again 5 10 [2, 5, 10]" in out, out
    assert "gather [9, 1, 4]" in out, out


def test_containers_that_are_used_up(client):
    out = run(client, """
    @app.function(max_containers=1, single_use_containers=True)
    def alone(n):
        return os.environ["MODAL_TASK_ID"]

    @app.cls(max_containers=1, max_inputs=1)
    class AsOfOld:
        @modal.method()
        def task(self, n):
            return os.environ["MODAL_TASK_ID"]

    @app.function(max_containers=1)
    def retires():
        modal.experimental.stop_fetching_inputs()
        return os.environ["MODAL_TASK_ID"]

    @app.local_entrypoint()
    def main():
        print("retired", retires.remote() != retires.remote())
        print("alone", len(set(alone.map(range(3)))))
        print("old", len(set(AsOfOld().task.map(range(3)))))
    """).stdout
    assert "retired True" in out and "alone 3" in out and "old 3" in out, out


def test_labels_are_kept_and_what_means_nothing_is_refused(client):
    ok = """
    @app.function(region=["us-east-1", "eu", "europe-west4"], cloud="aws", nonpreemptible=True, experimental_options={"flavour": "plum"})
    def f():
        return "ran"

    @app.local_entrypoint()
    def main():
        print(f.remote())
    """
    assert "ran" in run(client, ok).stdout
    for old, new, text in [("nonpreemptible=True", "timeout=86401", "timeout may be 1 to 86400 seconds, and is 86401 (--timeout-max of the server)"),
                           ("nonpreemptible=True", "startup_timeout=86401", "startup_timeout may be 1 to 86400 seconds, and is 86401"),
                           ("nonpreemptible=True", "ephemeral_disk=3 * 2**20 + 1", "ephemeral_disk may be 1 to 3145728 MiB, and is 3145729"),
                           ("cloud=\"aws\"", "cloud=\"cumulus\"", "cloud 'cumulus' is not one of aws, gcp, oci, auto"),
                           ("\"eu\"", "\"atlantis\"", "region 'atlantis' is not one of those")]:
        out = run(client, ok.replace(old, new), check=False)
        said = " ".join((out.stdout + out.stderr).replace("│", " ").split())
        assert out.returncode != 0 and text in said and "function f" in said, said


def test_without_its_source_a_function_must_be_in_the_image(client):
    body = """
    @app.function(INCLUDE)
    def where():
        return __file__

    @app.local_entrypoint()
    def main():
        print(where.remote())
    """
    assert "/root/program.py" in run(client, body.replace("INCLUDE", "")).stdout
    out = run(client, body.replace("INCLUDE", "include_source=False"), check=False)
    assert out.returncode != 0 and "No module named 'program'" in out.stdout + out.stderr, out.stdout + out.stderr
    in_image = body.replace("INCLUDE", "include_source=False, image=modal.Image.debian_slim().add_local_file(__file__, '/root/program.py')")
    assert "/root/program.py" in run(client, in_image).stdout


def test_a_map_of_a_thousand_inputs_loses_and_doubles_none(client):
    out = run(client, """
    COUNT = 1000

    @app.function(max_containers=1)
    @modal.concurrent(max_inputs=100)
    async def same(n):
        return n

    @app.local_entrypoint()
    def main():
        print("ordered", list(same.map(range(COUNT))) == list(range(COUNT)))
        print("any order", sorted(same.map(range(COUNT), order_outputs=False)) == list(range(COUNT)))
    """, timeout=600).stdout
    assert "ordered True" in out and "any order True" in out, out
