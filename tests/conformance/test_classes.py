"""Classes: their hooks, parameters, variants, and how many inputs an instance takes at a time."""
import pytest

from test_run import wait_for

COUNTER = """
    import os, modal
    app = modal.App("counter")

    class Base:
        @modal.enter()
        def inherited(self):
            self.log = ["inherited"]

        @modal.method()
        def of_base(self):
            return "of base"

    @app.cls(scaledown_window=2, max_containers=1, enable_memory_snapshot=True)
    class Counter(Base):
        @modal.enter(snap=True)
        def first(self):
            self.before = os.environ.get("MODAL_ENABLE_SNAP_RESTORE", "before snapshot")

        @modal.enter()
        def then(self):
            self.log.append("own")
            self.count = 0

        @modal.method()
        def add(self, n):
            self.count += n
            return self.count, self.before, self.log

        @modal.method()
        def upto(self, n):
            for i in range(n):
                yield i * 10

        @modal.method()
        async def later(self, x):
            return x, self.count

        @modal.exit()
        def leave(self):
            print("left with", self.count, flush=True)

    @app.local_entrypoint()
    def main():
        counter = Counter()
        print("added", counter.add.remote(2), counter.add.remote(3))
        print("generated", list(counter.upto.remote_gen(3)))
        print("later", counter.later.remote("x"), counter.of_base.remote())
        print("mapped", sorted(n for n, _, _ in counter.add.map([1, 1])))
"""


@pytest.mark.parametrize("which", ["client", "old_client"])
def test_a_class_with_hooks_methods_generators_and_inheritance(which, request):
    client = request.getfixturevalue(which)
    out = client.run("run", client.write(COUNTER)).stdout
    # Parents' hooks come first, and what may be in a snapshot before all others.
    assert "added (2, 'before snapshot', ['inherited', 'own']) (5, 'before snapshot', ['inherited', 'own'])" in out
    assert "generated [0, 10, 20]" in out
    assert "later ('x', 5) of base" in out
    assert "mapped [6, 7]" in out
    # Exit hooks run when the app ends, and what they print arrives.
    assert "left with 7" in out


def test_exit_runs_when_a_container_is_no_longer_needed(server, client):
    program = client.write("""
        import pathlib, time, modal
        app = modal.App("leaving")

        @app.cls(scaledown_window=2)
        class Guest:
            @modal.method()
            def come(self):
                return "came"

            @modal.exit()
            def leave(self):
                time.sleep(8)  # of the 30 s that it has
                print("left by itself", flush=True)

        @app.local_entrypoint()
        def main():
            print(Guest().come.remote(), flush=True)
            while not pathlib.Path("left").exists():
                time.sleep(0.05)
            print("end")
    """)
    process = client.popen("run", program)
    for line in process.stdout:
        if "left by itself" in line:
            break
    else:
        raise AssertionError("the exit hook did not run")
    assert process.poll() is None
    (client.folder / "left").touch()
    assert "end" in process.stdout.read() and process.wait(60) == 0


@pytest.mark.parametrize("which", ["client", "old_client"])
def test_each_set_of_parameters_has_its_own_containers(which, request):
    client = request.getfixturevalue(which)
    out = client.run("run", client.write("""
        import os, modal
        app = modal.App("parameters")

        @app.cls()
        class Greeter:
            name: str = modal.parameter()
            times: int = modal.parameter(default=2)

            @modal.enter()
            def prepare(self):
                self.greeting = "hi " + self.name * self.times

            @modal.method()
            def greet(self):
                return self.greeting, os.environ["MODAL_TASK_ID"]

        @app.cls()
        class Kinds:
            raw: bytes = modal.parameter(default=b"")
            flag: bool = modal.parameter(default=False)

            @modal.method()
            def look(self):
                return self.raw, self.flag, os.environ["MODAL_TASK_ID"]

        def refused(**parameters):
            try:
                Greeter(**parameters).greet.remote()
            except Exception as error:
                return f"{type(error).__name__} {error}"

        @app.local_entrypoint()
        def main():
            ann, bob = Greeter(name="ann"), Greeter(name="bob", times=1)
            seen = [ann.greet.remote(), ann.greet.remote(), bob.greet.remote(), Greeter(name="ann").greet.remote()]
            print("greetings", [text for text, _ in seen])
            print("containers", [seen[0][1] == other for _, other in seen])
            kinds = [Kinds(**given).look.remote() for given in ({}, {"flag": False, "raw": b""}, {"flag": True}, {"raw": b"\\0\\xff"}, {"raw": b"\\0"})]
            print("kinds", [values for *values, _ in kinds])
            print("same", [kinds[0][2] == task for *_, task in kinds], "all", len({task for *_, task in kinds}))
            print("wrong", refused(name=7))
            print("missing", refused(times=1))
            print("unknown", refused(name="ann", nickname="x"))
    """)).stdout
    assert "greetings ['hi annann', 'hi annann', 'hi bob', 'hi annann']" in out
    assert "containers [True, True, False, True]" in out
    # A default and the same value that is given are one, in whatever order they are given.
    assert r"kinds [[b'', False], [b'', False], [b'', True], [b'\x00\xff', False], [b'\x00', False]]" in out
    assert "same [True, True, False, False, False] all 4" in out
    assert "wrong TypeError Expected str, got int" in out and "missing InvalidError Missing required parameter: name" in out
    assert "unknown InvalidError The following parameter names were provided but are not defined" in out and "nickname" in out


def test_a_class_with_a_constructor_of_its_own(client, old_client):
    """Newer clients make none, and call those that are deployed. Its parameters are pickled: of any type, given by place or by name."""
    old_client.run("deploy", old_client.write("""
        import os, modal
        app = modal.App("constructed")

        @app.cls()
        class Old:
            def __init__(self, first="none", *, second=()):
                self.given = [first, second]

            @modal.enter()
            def prepare(self):
                self.given.append("entered")

            @modal.method()
            def look(self, mark):
                return self.given + [mark], os.environ["MODAL_TASK_ID"]
    """))
    for caller in (old_client, client):
        out = caller.python(caller.write("""
            import modal
            Old = modal.Cls.from_name("constructed", "Old")
            asked = [Old(), Old("one"), Old("one"), Old(first="one"), Old(second=(1, {"two": 2.5}))]
            seen = [old.look.remote(n) for n, old in enumerate(asked)]
            print("given", [given for given, _ in seen])
            print("same", [seen[1][1] == task for _, task in seen])
            print("options", Old.with_options(timeout=60)("late").look.remote("!")[0])
            print("mapped", [given[0] for given, _ in asked[1].look.map("ab")])
        """, "ask.py")).stdout
        assert "given [['none', (), 'entered', 0], ['one', (), 'entered', 1], ['one', (), 'entered', 2], ['one', (), 'entered', 3], " \
            "['none', (1, {'two': 2.5}), 'entered', 4]]" in out, out
        assert "same [False, True, True, False, False]" in out, out
        assert "options ['late', (), 'entered', '!']" in out and "mapped ['one', 'one']" in out, out
    client.run("app", "stop", "constructed", "--yes")


def test_options_make_variants(client):
    out = client.run("run", client.write("""
        import io, os, modal
        app = modal.App("options")

        @app.cls()
        class Worker:
            @modal.method()
            def secret(self):
                return os.environ.get("FLAVOUR"), os.environ["MODAL_TASK_ID"]

            @modal.method()
            def slow(self):
                import time
                time.sleep(300)

            @modal.method()
            def third_time(self, seen):
                seen.put("tried")
                if seen.len() < 3:
                    raise ValueError("not yet")
                return os.environ.get("FLAVOUR"), os.environ.get("COLOUR"), open("/data/note").read(), seen.len()

        @app.function()
        def plain():
            return os.environ.get("FLAVOUR")

        @app.local_entrypoint()
        def main():
            sweet = Worker.with_options(secrets=[modal.Secret.from_dict({"FLAVOUR": "plum"})])
            (none, base), (plum, variant), (_, again) = Worker().secret.remote(), sweet().secret.remote(), sweet().secret.remote()
            print("flavours", none, plum, "apart", base != variant, "same", variant == again)
            print("function", plain.remote(), plain.with_options(secrets=[modal.Secret.from_dict({"FLAVOUR": "fig"})]).remote())
            try:
                Worker.with_options(timeout=1)().slow.remote()
            except modal.exception.FunctionTimeoutError as error:
                print("timeout", error)
            # What is given later stands in the place of what was, and what is not given stays.
            blue = modal.Secret.from_dict({"COLOUR": "blue"})
            with modal.Volume.ephemeral() as volume, modal.Queue.ephemeral() as seen:
                with volume.batch_upload() as batch:
                    batch.put_file(io.BytesIO(b"of the volume"), "/note")
                stacked = sweet.with_options(volumes={"/data": volume}, retries=modal.Retries(max_retries=2, initial_delay=0.0))
                stacked = stacked.with_options(secrets=[blue]).with_concurrency(max_inputs=2)
                print("stacked", stacked().third_time.remote(seen))
            print("settings", plain.with_options(max_containers=3, buffer_containers=2, scaledown_window=7).autoscaler.settings())
            print("settings", Worker.with_options(max_containers=3).with_options(scaledown_window=8)().update_autoscaler(buffer_containers=1))
            print("base", plain.autoscaler.settings())
    """)).stdout
    assert "flavours None plum apart True same True" in out
    assert "function None fig" in out
    assert "timeout" in out and "1 s" in out
    assert "stacked (None, 'blue', 'of the volume', 3)" in out
    settings = [line.split("(")[1] for line in out.splitlines() if line.startswith("settings")]
    assert settings == ["min_containers=0, max_containers=3, scaledown_window=7, buffer_containers=2)",
                        "min_containers=0, max_containers=3, scaledown_window=8, buffer_containers=1)"], settings
    assert "base FunctionAutoscalerSettings(min_containers=0, max_containers=None, scaledown_window=60, buffer_containers=0)" in out


def test_concurrency_and_batching(client):
    """Inputs that wait for one another end only if they run at the same time in one container."""
    out = client.run("run", client.write("""
        import asyncio, os, threading, modal
        app = modal.App("together")

        @app.cls(max_containers=1, timeout=60)
        @modal.concurrent(max_inputs=4)
        class Tasks:
            @modal.enter()
            def prepare(self):
                self.arrived = 0
                self.all = asyncio.Event()

            @modal.method()
            async def meet(self, i):
                self.arrived += 1
                if self.arrived == 4:
                    self.all.set()
                await self.all.wait()
                return modal.current_input_id()

        barrier = threading.Barrier(3)

        @app.function(max_containers=1, timeout=60)
        @modal.concurrent(max_inputs=3, target_inputs=2)
        def thread(i):
            barrier.wait()
            return modal.current_function_call_id(), modal.is_local()

        started = modal.Queue.from_name("together-started", create_if_missing=True)

        @app.cls(timeout=60)
        @modal.concurrent(max_inputs=4, target_inputs=2)
        class Apart:
            @modal.enter()
            def prepare(self):
                started.put(os.environ["MODAL_TASK_ID"])

            @modal.method()
            def until(self, all_there):
                return all_there.get(timeout=50)

        @app.cls(max_containers=1, timeout=60)
        class One:
            @modal.method()
            async def task(self, i):
                await asyncio.sleep(0)
                return os.environ["MODAL_TASK_ID"]

        @app.cls(max_containers=1)
        class Batch:
            @modal.batched(max_batch_size=2, wait_ms=60_000)
            def sizes(self, words):
                return [len(words)] * len(words)

        @app.local_entrypoint()
        def main():
            ids = list(Tasks().meet.map(range(4)))
            print("ids", len(set(ids)), all(id.startswith("in-") for id in ids))
            calls = list(thread.map(range(3)))
            print("calls", len(set(calls)), calls[0][0][:3], calls[0][1])
            with modal.Queue.ephemeral() as all_there:
                four = [Apart().until.spawn(all_there) for _ in range(4)]
                # One container would do for four, and two are wanted.
                apart = {started.get(timeout=50), started.get(timeout=50)}
                all_there.put_many([len(apart)] * 4)
                print("apart", modal.FunctionCall.gather(*four), started.len())
            print("variants", len(set(One.with_concurrency(max_inputs=3)().task.map(range(6)))))
            print("batches", list(Batch().sizes.map("abcd")))
            print("wider", list(Batch.with_batching(max_batch_size=4, wait_ms=60_000)().sizes.map("abcd")))
            print("here", modal.is_local(), modal.current_input_id())
    """)).stdout
    assert "ids 4 True" in out
    assert "calls 1 fc- False" in out
    assert "apart [2, 2, 2, 2] 0" in out
    assert "variants 1" in out
    assert "batches [2, 2, 2, 2]" in out and "wider [4, 4, 4, 4]" in out
    assert "here True None" in out


def test_a_failing_enter_reaches_the_caller(client):
    failed = client.run("run", client.write("""
        import modal
        app = modal.App("cannot")

        @app.cls()
        class Cannot:
            @modal.enter()
            def prepare(self):
                raise LookupError("nothing to begin with")

            @modal.method()
            def work(self):
                return 1

        @app.cls(enable_memory_snapshot=True)
        class Early:
            @modal.enter(snap=True)
            async def prepare(self):
                raise LookupError("nothing to keep")

            @modal.method()
            def work(self):
                return 1

        @app.local_entrypoint()
        def main():
            calls = [Cannot().work.spawn(), Early().work.spawn()]
            for ask in (Cannot().work.remote, Early().work.remote, *[call.get for call in calls]):
                try:
                    ask()
                except LookupError as error:
                    print("caught", error)
    """)).stdout
    assert [line[7:] for line in failed.splitlines() if line.startswith("caught")] == ["nothing to begin with", "nothing to keep"] * 2, failed


def test_containers_for_one_input(client):
    out = client.run("run", client.write("""
        import os, modal
        app = modal.App("single")

        @app.function(single_use_containers=True)
        def single():
            return os.environ["MODAL_TASK_ID"]

        @app.cls(single_use_containers=True, max_containers=1)
        class Clumsy:
            @modal.method()
            def work(self, n):
                return n

            @modal.exit()
            def leave(self):
                raise RuntimeError("stumbled on the way out")

        @app.local_entrypoint()
        def main():
            print("containers", len({single.remote() for _ in range(3)}))
            print("clumsy", list(Clumsy().work.map(range(3))))
    """)).stdout
    assert "containers 3" in out
    # An exit that fails is in the log, and no answer to the next input.
    assert "clumsy [0, 1, 2]" in out and "stumbled on the way out" in out


def test_the_autoscaler_is_told_while_it_runs(server, client):
    program = client.write("""
        import pathlib, time, modal
        app = modal.App("scaled")

        @app.function(scaledown_window=2)
        def work():
            return 1

        def wait_for(name):
            while not pathlib.Path(name).exists():
                time.sleep(0.05)

        @app.local_entrypoint()
        def main():
            print("before", work.autoscaler.settings())
            work.update_autoscaler(min_containers=2, scaledown_window=3)
            print("after", work.autoscaler.settings(), flush=True)
            wait_for("down")
            work.update_autoscaler(min_containers=0)
            wait_for("end")
            stats = work.get_current_stats()
            print("stats", stats.backlog, stats.num_total_runners)
            try:
                work.update_autoscaler(min_containers=5, max_containers=1)
            except modal.exception.InvalidError as error:
                print("refused", error)
    """)
    process = client.popen("run", program)
    lines = []
    while not any(line.startswith("after") for line in lines):
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    wait_for(lambda: server.admin("status")["containers"] == 2)
    (client.folder / "down").touch()
    wait_for(lambda: server.admin("status")["containers"] == 0)
    (client.folder / "end").touch()
    out = "".join(lines) + process.stdout.read()
    assert process.wait(60) == 0
    assert "min_containers=0" in out.split("after")[0] and "scaledown_window=2" in out.split("after")[0]
    assert "min_containers=2" in out.split("after")[1] and "scaledown_window=3" in out.split("after")[1]
    assert "stats 0 0" in out
    assert "refused" in out and "over max_containers" in out


def test_keep_warm_of_older_clients(server, old_client):
    program = old_client.write("""
        import pathlib, time, modal
        app = modal.App("warm")

        @app.function(scaledown_window=2)
        def work():
            return 1

        @app.local_entrypoint()
        def main():
            work.keep_warm(1)
            print("warm", flush=True)
            while not pathlib.Path("cold").exists():
                time.sleep(0.05)
            work.keep_warm(0)
            while not pathlib.Path("end").exists():
                time.sleep(0.05)
    """)
    process = old_client.popen("run", program)
    wait_for(lambda: server.admin("status")["containers"] == 1, 60)
    (old_client.folder / "cold").touch()
    wait_for(lambda: server.admin("status")["containers"] == 0)
    (old_client.folder / "end").touch()
    assert process.wait(60) == 0, process.stdout.read()
