"""What apps, functions, calls and containers have printed, as the command line and the Python client read it back."""
import datetime
import re

from test_deploy import app_row


def test_logs_of_the_past(client):
    program = client.write("""
        import sys, modal
        app = modal.App("talkative")

        @app.function()
        def say(n):
            for i in range(n):
                print(f"line {i} of {n}", flush=True)
            print("a complaint", file=sys.stderr, flush=True)

        @app.cls()
        class Choir:
            part: str = modal.parameter()

            @modal.method()
            def sing(self):
                print("la of the", self.part, flush=True)
    """, "talkative.py")
    # Who deploys may stay and read what is printed, until the app is stopped.
    deploying = client.popen("deploy", "-m", program.stem, "--stream-logs")
    try:
        assert any("App deployed" in line for line in deploying.stdout)
        read_logs(client, deploying)
    finally:
        deploying.kill()
        deploying.wait()


def read_logs(client, deploying):
    say, alto, bass = client.python(client.write("""
        import modal
        say = modal.Function.from_name("talkative", "say")
        say.remote(300)
        print(say.object_id)
        for part in ("alto", "bass"):
            call = modal.Cls.from_name("talkative", "Choir")(part=part).sing.spawn()
            call.get(timeout=60)
            print(call.object_id, call.get_call_graph()[0].task_id)
    """, "talk.py")).stdout.splitlines()
    lines = client.run("app", "logs", "talkative").stdout
    assert "line 299 of 300" in lines and "a complaint" in lines, lines[-500:]
    all_lines = client.run("app", "logs", "talkative", "--since", "1h").stdout.splitlines()
    said = [line for line in all_lines if "of 300" in line]
    assert said == [f"line {i} of 300" for i in range(300)], said[:5]
    assert "line" not in client.run("app", "logs", "talkative", "--since", "1h", "--source", "stderr").stdout
    found = client.run("app", "logs", "talkative", "--since", "1h", "--search", "line 77").stdout.split()
    assert found == ["line", "77", "of", "300"], found

    # Of a bounded time, and the last so many.
    assert "of 300" not in client.run("app", "logs", "talkative", "--since", "2h", "--until", "1h").stdout
    last = client.run("app", "logs", "talkative", "--tail", "4", "--timestamps").stdout.splitlines()
    stamped = [re.fullmatch(r"(\S+ \S+) (.*)", line) for line in last]  # streams come one by one: which was first, nobody knows
    assert sorted(s[2] for s in stamped) == ["a complaint", "la of the alto", "la of the bass", "line 299 of 300"], last
    times = [datetime.datetime.fromisoformat(s[1]) for s in stamped]
    assert times == sorted(times) and times[0].utcoffset() is not None, last

    def of_choir(*words):
        return [line for line in client.run(*words).stdout.splitlines() if "la of the" in line]

    both = ["la of the alto", "la of the bass"]
    assert of_choir("app", "logs", "talkative", "--since", "1h") == both
    assert of_choir("app", "logs", "talkative", "--since", "1h", "--function-call", alto.split()[0]) == both[:1]
    assert of_choir("app", "logs", "talkative", "--since", "1h", "--container", bass.split()[1]) == both[1:]
    assert of_choir("container", "logs", alto.split()[1]) == both[:1]
    # Of a class itself, which has printed nothing, and of all its instances.
    assert of_choir("function", "logs", "talkative/Choir.*", "--since", "1h") == []
    assert of_choir("function", "logs", "talkative/Choir.*", "--since", "1h", "--all-variants") == both
    for words, count in [(("app", "logs", "talkative", "-f"), 2), (("function", "logs", "talkative/Choir.*", "--all-variants", "-f"), 2),
                         (("app", "logs", "talkative", "-f", "--function-call", alto.split()[0]), 1)]:
        following = client.popen(*words)
        try:
            lines = (line.strip() for line in following.stdout if "la of the" in line)
            assert [next(lines) for _ in range(count)] == both[:count]
        finally:
            following.kill()
            following.wait()
    read_logs_of_parts(client, say, alto.split(), bass.split(), of_choir)
    read_logs_in_python(client, *alto.split())
    (row,) = app_row(client, "talkative")
    client.run("app", "stop", "talkative", "--yes")
    said = deploying.communicate(timeout=60)[0]
    assert deploying.returncode == 0 and "line 299 of 300" in said and "la of the bass" in said, said[-500:]
    # A stopped app is found by its name and by its id.
    for which in "talkative", row["app_id"]:
        assert of_choir("app", "logs", which, "--since", "1h") == both
    assert of_choir("app", "logs", row["app_id"], "-f") == both


def read_logs_of_parts(client, say, alto, bass, of_choir):
    """By function, call, container and stream, by the commands of an app, a function and a container."""
    both = ["la of the alto", "la of the bass"]
    of_say = client.run("app", "logs", "talkative", "--since", "1h", "--function", say).stdout.splitlines()
    assert len(of_say) == 301 and "a complaint" in of_say and not set(both) & set(of_say), of_say[-5:]
    printed = client.run("app", "logs", "talkative", "--since", "1h", "--source", "stdout").stdout.splitlines()
    assert sorted(printed) == sorted([line for line in of_say if line != "a complaint"] + both), printed[-5:]
    assert client.run("app", "logs", "talkative", "--since", "1h", "--source", "system").stdout == ""
    shown = client.run("app", "logs", "talkative", "--since", "1h", "--search", "alto", "--show-function-id", "--show-function-call-id",
                       "--show-container-id").stdout.split()
    assert sorted(shown[1:3]) == sorted(alto) and shown[0].startswith("fu-") and shown[3:] == both[0].split(), shown
    choir = ("function", "logs", "talkative/Choir.*", "--all-variants")
    assert of_choir(*choir, "--function-call", alto[0]) == both[:1]
    assert of_choir(*choir, "--container", bass[1]) == of_choir(*choir, "--tail", "1") == both[1:]
    assert client.run("function", "logs", say, "--source", "stderr", "--tail", "1").stdout == "a complaint\n"
    for words in ("--all",), ("--since", "1h"), ("--tail", "1"), ("--source", "stdout"):
        assert of_choir("container", "logs", alto[1], *words) == both[:1], words
    assert client.run("container", "logs", alto[1], "--source", "stderr").stdout == ""


def read_logs_in_python(client, call, container):
    out = client.python(client.write("""
        import sys, modal
        from datetime import datetime, timedelta
        app, say, call = modal.App.lookup("talkative"), modal.Function.from_name("talkative", "say"), modal.FunctionCall.from_id(sys.argv[1])
        since = datetime.now() - timedelta(hours=1)
        for kind in app, say, call:
            print(len(list(kind.logs.fetch(since=since))), [entry.message for entry in kind.logs.tail(1, source="stdout")])
        print([entry.message for entry in app.logs.fetch(since=since, source="stderr", search_text="plain")])
        print(list(app.logs.fetch(since=since - timedelta(hours=1), until=since)))
        # The log of a call that is over ends; others go on as long as somebody reads them.
        entries = list(call.logs.stream())
        print("".join(entry.message for entry in entries).strip(), {(entry.source, entry.object_id == sys.argv[1], entry.context_ids[-1] == sys.argv[2])
                                                                    for entry in entries})
        print(sorted("".join(entry.message for entry in say.logs.stream(timeout=0.5)).splitlines()) ==
              sorted("".join(entry.message for entry in say.logs.fetch(since=since)).splitlines()))
    """, "logs.py"), call, container).stdout.splitlines()
    la = "'la of the alto\\n'"
    assert out == ["303 ['la of the bass\\n']", "301 ['line 299 of 300\\n']", f"1 [{la}]", "['a complaint\\n']", "[]",
                   "la of the alto {('stdout', True, True)}", "True"], out
