"""Queues, secrets and volumes as programs in JavaScript and Go use them; those languages have no dicts."""
import pytest
from test_languages import Program


@pytest.fixture(params=["js", "go"])
def program(request, server, tmp_path):
    made = Program(request.param, server, tmp_path)
    made.pair = made.token()
    made.profile("default", made.pair)
    return made


def test_every_method_of_a_queue(program):
    for answer in program.do({"do": "queue"}, {"do": "queue", "name": "named"}):
        assert answer == {"ok": {"seen": ["first", 2, "drei"], "sizes": [3, 1, 4], "taken": ["first", 2, "drei"], "empty": "QueueEmptyError", "left": 0}}
    gone, missing = program.do({"do": "dropQueue", "name": "named"}, {"do": "putOne", "name": "named"})
    assert gone == {"ok": "named"} and "not found" in missing["error"]


def test_partitions_times_and_environments(program):
    made, partitions, elsewhere = program.do({"do": "create", "name": "stage"}, {"do": "partitions", "environment": "stage"},
                                             {"do": "elsewhere", "name": "there", "environment": "stage"})
    assert made == {"ok": "stage"}
    assert partitions == {"ok": {"taken": [1, 2, 3], "empty": "QueueEmptyError", "seen": [4], "waited": True, "left": 0, "full": "QueueFullError", "old": 0}}
    assert elsewhere == {"ok": ["in the other one", "a second time"] * 2}


def test_an_item_goes_from_one_language_to_another(server, tmp_path):
    one, other = Program("js", server, tmp_path), Program("go", server, tmp_path)
    one.profile("default", one.token())
    answers = one.do({"do": "queue", "name": "between"}, {"do": "putOne", "name": "between"})
    assert answers[1] == {"ok": "between"}
    assert other.do({"do": "takeOne", "name": "between"}) == [{"ok": "from here"}]


def test_secrets(program, client):
    env = {"MODAL_TOKEN_ID": program.pair["token_id"], "MODAL_TOKEN_SECRET": program.pair["token_secret"]}
    client.run("secret", "create", "libmodal-test-secret", "a=1", "b=2", "c=hello world", **env)
    found, missing, nowhere = program.do({"do": "secret", "name": "libmodal-test-secret", "keys": ["a", "b"]},
                                         {"do": "secret", "name": "libmodal-test-secret", "keys": ["a", "x", "y"]}, {"do": "secret", "name": "missing-secret"})
    assert found == {"ok": "libmodal-test-secret"}
    assert "Secret is missing key(s): x, y" in missing["error"] and "Secret 'missing-secret' not found" in nowhere["error"]
    assert program.do({"do": "dropSecret", "name": "libmodal-test-secret"}) == [{"ok": "libmodal-test-secret"}]
    assert "not found" in program.do({"do": "secret", "name": "libmodal-test-secret"})[0]["error"]


def test_volumes(program):
    missing, made, found, ephemeral = program.do({"do": "volume", "name": "missing-volume"}, {"do": "volume", "name": "libmodal-volume", "make": True},
                                                 {"do": "volume", "name": "libmodal-volume"}, {"do": "volume"})
    assert "Volume 'missing-volume' not found" in missing["error"]
    assert made == found == {"ok": "libmodal-volume"} and ephemeral == {"ok": True}
    assert program.do({"do": "dropVolume", "name": "libmodal-volume"}) == [{"ok": "libmodal-volume"}]
    assert "not found" in program.do({"do": "volume", "name": "libmodal-volume"})[0]["error"]
