"""Commands from start to end, beside the one that does nothing."""
import contextlib
import os
import pathlib
import subprocess
import tempfile
import time

from figures import compared
from servers import Ionian

ROUNDS, RUNS = 5, 20


def times_ms(words, env):
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([str(w) for w in words], check=True, capture_output=True, env=env)
        times.append((time.perf_counter() - began) * 1e3)
    return times


def profiles(folder, server, count):
    """The environment of a person who has so many, all of them at this server."""
    file = pathlib.Path(folder, f"{count}.toml")
    file.write_text("".join(f"[profile-{i}]\n" + ("active = true\n" if i == 0 else "") + "".join(
        f'{name.removeprefix("MODAL_").lower()} = "{value}"\n' for name, value in server.items()) for i in range(count)))
    file.chmod(0o600)
    return {"PATH": os.environ["PATH"], "HOME": folder, "MODAL_CONFIG_PATH": str(file)}


def in_turns(first, second):
    rounds = [(times_ms(*first), times_ms(*second)) for _ in range(ROUNDS)]
    return [a for a, _ in rounds], [b for _, b in rounds]


def run(bench):
    server = Ionian(bench.build)
    credentials = server.client_env(bench.build)
    with contextlib.closing(server), tempfile.TemporaryDirectory() as folder:
        one, ten = profiles(folder, credentials, 1), profiles(folder, credentials, 10)
        list_them = [bench.ionian, "profile", "list"]
        ours, floor = in_turns((list_them, ten), (list_them, one))
        yield compared("ionian profile list, ten profiles", "ms", ours, floor, "one profile", "≤ 2×")
        set_token = [bench.ionian, "token", "set", "--no-verify", "--profile", "p", "--token-id", "ak-1", "--token-secret", "as-1"]
        ours, floor = in_turns((set_token, one), ([bench.ionian, "version"], one))
        yield compared("ionian token set --no-verify", "ms", ours, floor, "ionian version", "≤ 20 ms")
