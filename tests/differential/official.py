"""The official modal.config in this process, set back before each case as a fresh import would be."""
import asyncio
import copy
import json
import os
import tomllib
import warnings

import toml
from modal import client, config
from modal.exception import AuthError, InvalidError, NotFoundError

warnings.simplefilter("ignore")


async def no_connection(self):
    return None


client._Client._open = no_connection
real_read = config._read_user_config


def same(a, b):
    """Equal in content, with nan equal to itself and 1 unequal to true."""
    return json.dumps(a, sort_keys=True, default=repr) == json.dumps(b, sort_keys=True, default=repr)


def number(text):
    value = float(text)
    if abs(value) == float("inf") and "inf" not in text:
        raise tomllib.TOMLDecodeError(f"{text} does not fit 64 bits")
    return value


def check_integers(value):
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise tomllib.TOMLDecodeError(f"{value} does not fit 64 bits")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check_integers(part)


def strict(text):
    """The file as TOML 1.0 has it, or None if it is broken. A byte order mark is no part of the text; numbers have 64 bits."""
    try:
        data = tomllib.loads(text.removeprefix("\ufeff"), parse_float=number)
        check_integers(data)
        return data
    except tomllib.TOMLDecodeError:
        return None


class Official:
    def __init__(self, path):
        self.path = path

    def start(self, case):
        """Returns the file's data, or None; what the package `toml` reads otherwise than TOML 1.0 has it is set right."""
        for name in [n for n in os.environ if n.startswith("MODAL_")]:
            del os.environ[name]
        os.environ.update(case["env"])
        with open(self.path, "w", newline="", encoding="utf-8") as f:
            f.write(case["file"])
        config.user_config_path = self.path
        self.data, self.error, self.written = None, None, None
        remote = os.environ.get("MODAL_IS_REMOTE") == "1"
        self.data = {} if remote else strict(case["file"])
        try:
            self.lax = real_read()
        except InvalidError:
            self.lax = None
        if self.data is None or not all(isinstance(p, dict) for p in self.data.values()):
            self.data = None
            return
        config._read_user_config = lambda: copy.deepcopy(self.data)
        config._write_user_config = self.write
        config._user_config = copy.deepcopy(self.data)
        config._profile = os.environ.get("MODAL_PROFILE") or config._config_active_profile()

    def write(self, data):
        if config._is_remote():
            raise InvalidError("remote")
        self.written = data

    def answer(self, question):
        if self.data is None:  # its import fails, so there is nothing to ask; what needs no file works with us
            if question["op"] == "override":
                return {"ok": None}
            return {"error": "NotFoundError" if question.get("key") == "no_such_setting" else "InvalidError"}
        try:
            return {"ok": self.ask(question)}
        except InvalidError:
            return {"error": "InvalidError"}
        except (KeyError, NotFoundError):
            return {"error": "NotFoundError"}
        except AuthError:
            return {"error": "AuthError"}
        except TypeError:
            return {"error": "TypeError"}

    def answer_if_only_true_were_active(self, question):
        """The answer for the same file without every `active` that is anything but true."""
        before = config._user_config
        config._user_config = {name: {k: v for k, v in p.items() if k != "active" or v is True} for name, p in before.items()}
        try:
            return self.answer(question)
        finally:
            config._user_config = before

    def ask(self, question):
        op = question["op"]
        if op == "get":
            return config.Config().get(question["key"], profile=question.get("profile"), use_env=question["use_env"])
        if op == "profiles":
            return list(config.config_profiles())
        if op == "profile":
            return config._profile
        if op == "override":
            return config.Config().override_locally(question["key"], question["value"])
        if op == "credentials":
            client._Client._client_from_env = None
            made = asyncio.run(client._Client.from_env())
            if made._oauth_credentials:
                return ["", "", made._oauth_credentials.refresh_token]
            return [*made._credentials, ""] if made._credentials else ["", "", ""]
        if op == "activate":
            return config.config_set_active_profile(question["name"])
        if op == "store":
            return config._store_user_config(question["settings"], profile=question["profile"], active_profile=question.get("activate"))
        raise AssertionError(op)


def lax(text):
    try:
        return toml.loads(text.replace("\r\n", "\n"))
    except Exception:
        return None
