"""`config show`, `--profile`, and what every command says about the file."""
import json

FILE = """[work]
active = true
loglevel = "debug"
token_id = "ak-1"
token_secret = "as-SECRET"
[ci]
environment = "ci"
"""


def test_show_prints_every_public_setting(home):
    shown = home.json("config", "show")
    assert list(shown) == sorted(shown)
    assert shown["loglevel"] == "WARNING" and shown["token_id"] is None and shown["automount"] is True
    assert shown["logs_timeout"] == 10 and shown["server_url"] == "http://127.0.0.1:8713"
    assert "heartbeat_interval" not in shown
    assert home.json("config", "show", "--include-internal", "--json")["heartbeat_interval"] == 15


def test_show_redacts_the_four_secrets(home):
    home.write(FILE)
    env = {"MODAL_OAUTH_JWT_KEY": "as-SECRET", "MODAL_OAUTH_CLIENT_SECRET": "as-SECRET", "MODAL_OAUTH_REFRESH_TOKEN": "as-SECRET"}
    out = home.run("config", "show", **env)
    assert "as-SECRET" not in out.stdout + out.stderr
    shown = json.loads(out.stdout)
    assert [k for k, v in shown.items() if v == "***"] == ["oauth_client_secret", "oauth_jwt_key", "oauth_refresh_token", "token_secret"]
    assert home.json("config", "show", "--no-redact")["token_secret"] == "as-SECRET"


def test_show_origin(home):
    home.write(FILE)
    shown = home.json("config", "show", "--origin", MODAL_ENVIRONMENT="dev")
    assert shown["loglevel"] == {"value": "DEBUG", "origin": f"{home.file}, profile work, line 3"}
    assert shown["environment"] == {"value": "dev", "origin": "environment variable MODAL_ENVIRONMENT"}
    assert shown["log_format"] == {"value": "STRING", "origin": "default"}
    assert shown["token_secret"]["value"] == "***"


def test_profile_option_at_any_position(home):
    home.write(FILE)
    for words in (["--profile", "ci", "config", "show"], ["config", "--profile", "ci", "show"], ["config", "show", "--profile=ci"]):
        assert home.json(*words)["environment"] == "ci"
    assert home.run("profile", "current", "--profile", "other").stdout == "other\n"
    assert "--profile" in home.run("profile", "current", "--profile", code=2).stderr


def test_a_broken_file_names_path_line_and_column(home):
    home.write('[work]\nloglevel = "debug\n')
    out = home.run("config", "show", code=1)
    assert out.stderr.startswith(f"Error: {home.file}: line 2, column ") and not out.stdout


def test_a_file_that_others_can_read_gets_one_warning(home):
    home.write(FILE, 0o644)
    err = home.run("profile", "current").stderr
    assert err.count("Warning:") == 1 and f"chmod 600 {home.file}" in err
    home.write(FILE)
    assert home.run("profile", "current").stderr == ""


def test_a_wrong_value_fails_with_its_origin(home):
    err = home.run("config", "show", code=1, MODAL_LOGS_TIMEOUT="soon").stderr
    assert err == "Error: invalid value for logs_timeout: 'soon' must be a number of seconds (from environment variable MODAL_LOGS_TIMEOUT)\n"


def test_wrong_usage_exits_with_2(home):
    home.run("config", code=2)
    home.run("config", "nothing", code=2)
    home.run("config", "show", "--nothing", code=2)
    home.run("profile", "activate", code=2)
    assert "MODAL_<SETTING>" in home.run("config", "show", "--help").stdout
