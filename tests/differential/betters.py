"""Where we differ from the official client on purpose: every difference that the comparison lets pass, with its rule."""
import math

from generate import KIND_OF

NOT_TEXT_RULES = ("bool", "seconds", "whole")


def refused(c):
    return c.ours.get("error") == "InvalidError"


def number_of(value):
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def same_answer(theirs, ours):
    """Equal, or both an error of one kind."""
    return theirs.get("error", theirs.get("ok")) == ours.get("error", ours.get("ok"))


def from_file(c):
    return c.source == "file"


def one_set_only(c):
    """How many profiles are active, counting `active = true` and nothing else."""
    active = sum(p.get("active") is True for p in (c.data or {}).values())
    return active > 1 or (active == 0 and len(c.data or {}) > 1 and not c.env.get("MODAL_PROFILE"))


# name, rule, when it applies. `c` has: op, key, kind, source ("env", "file", "default"), raw (the value there), env, data, official, ours;
# if_only_true_were_active() asks the official client once more.
BETTERS = [
    ("text is text", "a setting of text refuses a number, boolean, list, table or date of the file: it wants quotes",
     lambda c: refused(c) and from_file(c) and c.kind not in NOT_TEXT_RULES and not isinstance(c.raw, str)),
    ("no composites", "a flag or a number refuses a list, a table or a date of the file",
     lambda c: refused(c) and from_file(c) and c.kind in NOT_TEXT_RULES and not isinstance(c.raw, (str, int, float))),
    ("zero is zero", "max_throttle_wait = 0 in the file means 0, as it does in the environment, not none",
     lambda c: c.kind == "whole" and from_file(c) and not isinstance(c.raw, str) and not c.raw and c.ours.get("ok") == 0),
    ("log level", "a word that is no level is refused where it is set; the official client fails at import with a trace",
     lambda c: refused(c) and c.kind == "level"),
    ("log format", "STRING or JSON; another word is refused", lambda c: refused(c) and c.kind == "format"),
    ("URL", "server_url must be http, https or unix", lambda c: refused(c) and c.kind == "url"),
    ("own server", "without any setting our own tools talk to this machine",
     lambda c: c.key == "server_url" and c.source == "default" and c.ours.get("ok") == "http://127.0.0.1:8713"),
    ("a number is a number", "nan is no number of seconds", lambda c: refused(c) and c.kind == "seconds" and math.isnan(number_of(c.raw) or 0)),
    ("64 bits", "a whole number has 64 bits", lambda c: refused(c) and c.kind == "whole" and abs(number_of(c.raw) or 0) >= 2**63),
    ("ASCII digits", "numbers are written in ASCII digits", lambda c: refused(c) and c.kind in ("seconds", "whole") and not str(c.raw).strip().isascii()),
    ("suffix", "dev_suffix has no line end", lambda c: refused(c) and c.kind == "suffix" and c.raw == "ab\n"),
    ("automount", "a setting of ours and of clients before 2026", lambda c: c.key == "automount" and c.official.get("error") == "NotFoundError"),
    ("active is true", "only `active = true` makes a profile active; with 1 or \"yes\" the official client disagrees with itself or crashes",
     lambda c: c.op == "credentials" and any(p.get("active", False) not in (True, False) or type(p.get("active", False)) is not bool for p in c.data.values())
     and same_answer(c.if_only_true_were_active(), c.ours)),
    ("chosen default", "MODAL_PROFILE=default chooses it, although no profile is active",
     lambda c: c.op == "credentials" and c.env.get("MODAL_PROFILE") == "default" and c.if_only_true_were_active().get("error") == "InvalidError"
     and not one_set_only(c)),
    ("credential's form", "a token with white space or control characters is refused with its origin, before any connection",
     lambda c: c.op == "credentials" and refused(c) and "white space" in c.ours["message"]),
    ("text is text (credentials)", "as above, for the settings that credentials are made of",
     lambda c: c.op == "credentials" and refused(c) and "must be a text" in c.ours["message"]),
    ("in a container", "every change of the file is refused there with that reason, also for a profile that does not exist",
     lambda c: c.op == "activate" and refused(c) and c.env.get("MODAL_IS_REMOTE") == "1"),
    ("by hand", "a key that is a table, or below a profile that is a list, is not overwritten by a text",
     lambda c: c.op in ("store", "activate") and refused(c) and "by hand" in c.ours["message"] and any(isinstance(v, (dict, list)) for p in c.data.values() for v in p.values())),
]


def excuse(c):
    """The name of the rule that explains the difference, or None."""
    c.kind = KIND_OF.get(c.key)
    return next((name for name, _, applies in BETTERS if applies(c)), None)
