"""Files, environments and questions: mostly what people write, with a good share of what nobody should."""

PROFILES = ["default", "prod", "x-1", "team_2", "a b", "with.dot", "ünï", "007"]
TEXTS = ["", "main", "dev", "value with blanks", " padded ", "0", "1", "true", "False", "ünïcödé", "a,b", "tab\there", "quote\"back\\slash"]
BOOLS = ["", "0", "1", "false", "False", "FALSE", "true", "True", "no", "off", " ", " 0", "00", "0.0", "2", "yes"]
SECONDS = ["10", "0", "-1", "2.5", ".5", "5.", "+3", "1e3", "1E-2", "1_000", "1__0", "_1", "1_", "inf", "-inf", "Infinity", "nan", "", " ", " 7 ",
           "\t8\n", "ten", "1e999", "1e-999", "0x10", "1,5", "\u00a012\u2003", "٣", "1.2.3", "--1", "1e", "e1", "9" * 400, "12345678901234567890123"]
WHOLE = ["10", "0", "-1", "+5", "2.5", "", " ", " 7 ", "1_000", "1__0", "007", "ten", "1e3", "9223372036854775807", "9223372036854775808", "٣", "0x1f"]
LEVELS = ["DEBUG", "info", "Warning", "ERROR", "critical", "WARN", "fatal", "NOTSET", "verbose", "", "10", " INFO"]
HEADERS = ["", "a:b", " a : b ", "a:b,c:d", "a:b,a:c", "a", "a:", ":b", ",", "a:b,", "x:y:z", "\u2003k\u00a0:\x1fv\n", "a:b,,c:d"]
URLS = ["http://127.0.0.1:1", "https://api.modal.com,https://api.modal2.com", "unix:///run/i.sock", "", "ftp://x", "localhost:1", "https://", "http://a, http://b"]
SUFFIXES = ["", "dev", "abc12345", "abc123456", "a-b", "ab\n", "é", "A1"]

KINDS = {
    "bool": (BOOLS, "sandbox_v2 async_warnings traceback force_build ignore_cache disable_api_proxy function_runtime_debug runtime_perf_record "
                    "use_control_plane_sidecar_create snapshot_debug automount"),
    "seconds": (SECONDS, "logs_timeout serve_timeout sandbox_channel_idle_timeout volume_block_read_timeout heartbeat_interval"),
    "whole": (WHOLE, "max_throttle_wait"),
    "level": (LEVELS, "loglevel"),
    "format": (["STRING", "json", "Json", "xml", ""], "log_format"),
    "payload": (["pickle", "CBOR", "Pickle", "json", ""], "payload_format"),
    "validation": (["error", "WARN", "ignore", "off", ""], "build_validation"),
    "suffix": (SUFFIXES, "dev_suffix"),
    "headers": (HEADERS, "override_headers"),
    "url": (URLS, "server_url"),
    "text": (TEXTS, "environment log_pattern image_builder_version default_cloud streams_url sync_entrypoint function_runtime worker_id task_id image_id "
                    "cuda_checkpoint_path restore_state_path oauth_client_id"),
    "id": (["ak-1", "ak-2", "", "ak 3", "ak-4\n"], "token_id"),
    "secret": (["as-SECRET1", "as-SECRET2", "", "as-SECRET 3"], "token_secret oauth_client_secret oauth_refresh_token oauth_jwt_key"),
}
KIND_OF = {key: kind for kind, (_, keys) in KINDS.items() for key in keys.split()}
KEYS = sorted(KIND_OF)
OTHER_VALUES = ["0", "1", "-7", "0.0", "2.9", "1e400", "inf", "nan", "true", "false", "[]", "[1, 2]", '["a"]', "{}", "{a = 1}", "1979-05-27", "07:32:00",
                "1979-05-27T07:32:00Z", "9223372036854775807", "9223372036854775808", "0x1F", "0o17", "0b11", "1_000", "-0", "+5", "''", "'lit\\eral'",
                '"""two\nlines"""', "'''\nraw'''", '"\\u00e9\\t"']
BROKEN = ["[", "key", "= 1", "[a", "x = ", 'x = "open', "a = 1\na = 2", "x = as-unquoted", "[a]]", "x = 01", "x = tru", "\x01", "'''", "a.b.c", "[[a]\n"]


def quoted(text):
    """A TOML string; control characters escaped."""
    body = "".join({'"': '\\"', "\\": "\\\\"}.get(c) or (c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}") for c in text)
    return f'"{body}"'


def name_of(name):
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else quoted(name)


class Generator:
    def __init__(self, random):
        self.random, self.comments = random, 0

    def comment(self, share=0.3):
        if self.random.random() > share:
            return ""
        self.comments += 1
        return f"# c{self.comments}"

    def value(self, key):
        if self.random.random() < 0.3 or key not in KIND_OF:
            return self.random.choice(OTHER_VALUES)
        return quoted(self.random.choice(KINDS[KIND_OF[key]][0]))

    def entries(self):
        count = self.random.choice([0, 1, 2, 3, 5])
        keys = self.random.sample(KEYS, count) + self.random.sample(["unknown", "x.y", '"odd key"'], self.random.choice([0, 0, 1]))
        out = [(key, self.value(key)) for key in keys]
        if self.random.random() < 0.4:
            out.append(("active", self.random.choice(["true", "true", "true", "false", "1", '"yes"'])))
        if self.random.random() < 0.5:
            out += [(k, quoted(v)) for k, v in (("token_id", "ak-1"), ("token_secret", "as-SECRET1")) if k not in keys]
        self.random.shuffle(out)
        return out

    def profile(self, name):
        form, entries = self.random.random(), self.entries()
        if form < 0.08 and all("\n" not in v for _, v in entries):
            return f"{name_of(name)} = {{ {', '.join(f'{k} = {v}' for k, v in entries)} }} {self.comment()}\n", True
        if form < 0.14 and entries:
            return "".join(f"{name_of(name)}.{k} = {v} {self.comment()}\n" for k, v in entries), True
        out = f"[{name_of(name)}] {self.comment()}\n"
        for key, value in entries:
            if self.random.random() < 0.15:
                out += self.comment(1) + "\n"
            out += self.random.choice(["", "", "  ", "\t"]) + f"{key}{self.random.choice([' = ', '=', ' =  '])}{value} {self.comment()}".rstrip() + "\n"
        if self.random.random() < 0.1:
            out += f"[{name_of(name)}.{self.random.choice(['sub', 'token_id'])}]\nkey = 1\n"
        return out + self.random.choice(["", "\n"]), False

    def file(self):
        names = self.random.sample(PROFILES, self.random.choice([0, 1, 1, 2, 3]))
        made = [self.profile(name) for name in names]
        made.sort(key=lambda part: not part[1])  # what stands before any header comes first
        text = (self.comment() + "\n" if self.random.random() < 0.3 else "") + "".join(part for part, _ in made)
        if self.random.random() < 0.03:
            text += self.random.choice(["top = 1\n", "[[list]]\nx = 1\n"])
        if self.random.random() < 0.05:
            lines = text.split("\n")
            lines.insert(self.random.randrange(len(lines) + 1), self.random.choice(BROKEN))
            text = "\n".join(lines)
        if self.random.random() < 0.15:
            text = text.replace("\n", "\r\n")
        if self.random.random() < 0.1:
            text = text.rstrip("\r\n")
        if self.random.random() < 0.02:
            text = "\ufeff" + text
        return text, names

    def environment(self, names):
        env = {}
        for key in self.random.sample(KEYS, self.random.choice([0, 0, 1, 2, 4])):
            env["MODAL_" + key.upper()] = self.random.choice(KINDS[KIND_OF[key]][0])
        if self.random.random() < 0.3:
            env["MODAL_PROFILE"] = self.random.choice(names + ["default", "nobody", ""])
        if self.random.random() < 0.05:
            env["MODAL_IS_REMOTE"] = self.random.choice(["1", "1", "0", "true"])
        return env

    def questions(self, names):
        one = self.random.choice
        out = [{"op": "profiles"}, {"op": "profile"}, {"op": "credentials"}]
        for key in self.random.sample(KEYS + ["no_such_setting"], 10):
            question = {"op": "get", "key": key, "use_env": self.random.random() < 0.8}
            if self.random.random() < 0.3:
                question["profile"] = one(names + ["default", "nobody"])
            out.append(question)
        if self.random.random() < 0.3:
            key = one(KEYS)
            out.append({"op": "override", "key": key, "value": one(KINDS[KIND_OF[key]][0])})
            out.append({"op": "get", "key": key, "use_env": self.random.random() < 0.8})
        out.append({"op": "to_dict"})
        # A change comes last: the official module does not read back what it writes.
        if self.random.random() < 0.5:
            out.append({"op": "activate", "name": one(names + ["default", "nobody"])})
        else:
            settings = {key: one(KINDS[KIND_OF[key]][0]) for key in self.random.sample(["token_id", "token_secret", "server_url", "environment", "unknown"], 2) if key in KIND_OF}
            profile = one(names + ["default", "new one", "new.one", "fresh"])
            out.append({"op": "store", "settings": settings, "profile": profile} | ({"activate": profile} if self.random.random() < 0.6 else {}))
        return out

    def case(self):
        text, names = self.file()
        return {"file": text, "env": self.environment(names), "questions": self.questions(names)}
