"""Settings: the environment wins, every fault is listed at once with its place, an odd API key never stops the start."""

import re
from datetime import time
from pathlib import Path

import pytest

from bot.config import load
from bot.errors import ConfigError
from bot.keys import ToldKey
from bot.scrub import Scrubber
from bot.settings import SETTINGS

EXAMPLE = Path(__file__).parent.parent / "mx.example.toml"
SLACK = {"SLACK_BOT_TOKEN": "xoxb-1234567-abcdef", "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef"}


def faults(env: dict[str, str], folder: Path, *, needs_slack: bool = False) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(env=env, folder=folder, needs_slack=needs_slack)
    return caught.value.faults


def test_nothing_configured_is_enough_for_the_terminal(tmp_path: Path) -> None:
    settings = load(env={}, folder=tmp_path)
    assert settings.slack is None
    assert settings.bot.database == tmp_path / "mx.db"
    assert list(settings.integrations) == ["default"]
    default = settings.integrations["default"]
    assert default.base_url == "https://api.getmaintainx.com/v1"
    assert not default.health_configured


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text(
        '[bot]\nport = 9000\n[integrations.default]\nbase_url = "https://file.example/v1"\n'
    )
    settings = load(env={"PORT": "9001"}, folder=tmp_path)
    assert settings.bot.port == 9001
    assert settings.integrations["default"].base_url == "https://file.example/v1"
    settings = load(env={"MAINTAINX_BASE_URL": "https://env.example/v1/"}, folder=tmp_path)
    assert settings.integrations["default"].base_url == "https://env.example/v1"


def test_named_integrations_stand_alone_unless_the_environment_describes_default(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text('[integrations.payroll]\napi_key = "a-key"\n')
    assert list(load(env={}, folder=tmp_path).integrations) == ["payroll"]
    both = load(env={"MAINTAINX_API_KEY": "b"}, folder=tmp_path)
    assert list(both.integrations) == ["default", "payroll"]
    assert both.keys["payroll"].current() == "a-key"


def test_every_fault_is_listed_at_once_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text(
        '[bot]\nprot = 1\n[gatewy]\n[integrations.default]\nslow_ms = "fast"\ncritical = "x"\n'
    )
    found = faults(
        {
            "PORT": "abc",
            "MX_TIMEZONE": "Mars/Olympus",
            "MAINTAINX_BASE_URL": "maintainx",
            "SLACK_BOT_TOKEN": "nonsense",
        },
        tmp_path,
        needs_slack=True,
    )
    text = "\n".join(found)
    for place in (
        "[bot] prot: unknown key; did you mean port?",
        "[gatewy]: unknown table; did you mean gateway?",
        "[integrations.default] slow_ms: found 'fast': write a number from",
        "[integrations.default] critical: found 'x': write a list",
        "PORT: found 'abc': write a whole number from 0 to 65535",
        "MX_TIMEZONE: found 'Mars/Olympus': write an IANA time zone",
        "MAINTAINX_BASE_URL: found 'maintainx': write a URL",
        "SLACK_BOT_TOKEN: a bot token starts with xoxb-",
        "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN: neither is set",
    ):
        assert place in text
    assert len(found) == 9
    assert "nonsense" not in text, "a secret is never repeated"


@pytest.mark.parametrize("key", ["", "  spaced \n", "tést", "x" * 5000])
def test_an_odd_api_key_is_a_finding_and_never_a_refused_start(tmp_path: Path, key: str) -> None:
    settings = load(env={"MAINTAINX_API_KEY": key}, folder=tmp_path)
    assert (settings.keys["default"].current() or "") == key


def test_a_key_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("first\n")
    settings = load(env={"MAINTAINX_API_KEY_FILE": "key", "MAINTAINX_API_KEY": "loses"}, folder=tmp_path)
    assert settings.keys["default"].current() == "first"
    (tmp_path / "key").write_text("the second\n")
    assert settings.keys["default"].current() == "the second"
    (tmp_path / "key").unlink()
    assert settings.keys["default"].current() is None


def test_webhook_secrets_each_are_hidden_and_polled_paths_are_checked(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text('[gateway]\npoll_paths = ["/parts", "/workorders", "/parts"]\n')
    settings = load(env={"MAINTAINX_WEBHOOK_SECRET": "first-secret,second-secret"}, folder=tmp_path)
    assert {"first-secret", "second-secret"} <= set(settings.secrets)
    assert settings.gateway.webhooks.secrets[:2] == ("first-secret", "second-secret")
    assert settings.gateway.webhooks.poll_paths == ("/parts", "/workorders")
    (tmp_path / "mx.toml").write_text('[gateway]\npoll_paths = ["/workrequests"]\n')
    assert "/workrequests is not among them; write a list of /workorders, /assets" in faults({}, tmp_path)[0]


def test_a_secret_for_links_that_could_be_guessed_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (said,) = faults({"MX_LINK_SECRET": "short-one-15chr"}, tmp_path)
    assert said.startswith("MX_LINK_SECRET: write 16 characters or more")
    assert "short-one" not in said
    settings = load(env={"MX_LINK_SECRET": "long-enough-16ch"}, folder=tmp_path)
    assert settings.bot.link_secret in settings.secrets
    assert "long-enough" not in repr(settings.bot)


def test_broken_toml_says_where(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text("[bot\n")
    assert re.search(r"mx\.toml: this is not valid TOML: .*line 1", faults({}, tmp_path)[0])


def test_a_named_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    assert "MX_CONFIG: reading" in faults({"MX_CONFIG": "other.toml"}, tmp_path)[0]


def test_postgresql_is_refused_with_a_sentence_and_without_its_password(tmp_path: Path) -> None:
    (text,) = faults({"DATABASE_URL": "postgresql://me:hunter2secret@db/mx"}, tmp_path)
    assert text.startswith("DATABASE_URL: ")
    assert "hunter2secret" not in text


def test_slack_is_set_up_by_its_two_modes(tmp_path: Path) -> None:
    http = load(env=SLACK, folder=tmp_path, needs_slack=True).slack
    assert http is not None
    assert http.app_token is None
    socket = load(
        env=SLACK | {"SLACK_APP_TOKEN": "xapp-1-A1-abcdef"}, folder=tmp_path, needs_slack=True
    ).slack
    assert socket is not None
    assert socket.app_token == "xapp-1-A1-abcdef"
    assert "xoxb" not in repr(socket), "settings can be printed without a secret"
    assert "xapp" not in repr(socket), "settings can be printed without a secret"


def test_no_configured_secret_is_in_the_printed_settings(tmp_path: Path) -> None:
    env = SLACK | {"MAINTAINX_API_KEY": "mx-very-secret", "MX_GATEWAY_TOKEN": "gateway-secret-token"}
    settings = load(env=env, folder=tmp_path)
    assert set(settings.secrets) >= {"mx-very-secret", "gateway-secret-token", SLACK["SLACK_BOT_TOKEN"]}
    assert "mx-very-secret" not in repr(settings.keys)
    assert "gateway-secret-token" not in repr(settings.gateway)


def test_the_example_names_every_key_with_its_variable_and_loads(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8")
    sections = dict(re.findall(r"(?ms)^\[(\w+)[^\]]*\]\n(.*?)(?=^\[|\Z)", text))
    for setting in SETTINGS:
        lines = sections[setting.table].splitlines()
        line = next((line for line in lines if re.match(rf"# {setting.key} = ", line)), None)
        assert line, f"{setting.key} is missing in mx.example.toml"
        assert setting.variable is None or f"# {setting.variable}" in line
    (tmp_path / "mx.toml").write_text(text)
    load(env={}, folder=tmp_path)
    values = (
        re.sub(r"(?m)^# (?=\[[a-z.]+\]$|[a-z_-]+ = )", "", text)
        .replace('"…"', '"0123456789abcdef"')
        .replace("-…", "-0123456789")
    )
    # Of the three kinds of log, of the two of services and of the three of key stores, one may be set.
    values = re.sub(r"(?m)^(log_(unit|command)|service_unit|key_(env_file|command)) = .*$", "", values)
    (tmp_path / "mx.toml").write_text(values)
    loaded = load(env={}, folder=tmp_path, needs_slack=True)
    assert loaded.slack is not None
    assert loaded.integrations["default"].log is not None


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("bot = 1", "bot: write a table, [bot]"),
        ("gateway = 1", "gateway: write a table, [gateway]"),
        ("integrations = []", "integrations: write a table, [integrations]"),
        ("[integrations]\nwest = 1", "integrations.west: write a table, [integrations.west]"),
        ('[integrations."a b"]', "[integrations.a b]: name it with 1 to 64 letters"),
        ("[integrations.west]\norg_id = 'main'", "org_id: found 'main': write the organisation's number"),
        ("[integrations.west]\nlog_unit = 5", "log_unit: found 5: write a text in quotes"),
        ("[integrations.west]\nlog_file = '~nosuchuser/log'", "~nosuchuser is no user's home"),
        ('[integrations.west]\napi_key_file = "a\\u0000b"', "without control characters"),
        ("[integrations.west]\ncritical = ['/parts']", "critical: /parts is not among endpoints"),
        ("[integrations.west]\nendpoints = ['/users']", "critical: /workorders is not among endpoints"),
        (
            "[integrations.west]\nlog_file = 'a'\nlog_unit = 'b'",
            "log_file and log_unit: an integration has one",
        ),
    ],
)
def test_odd_toml_is_a_fault_with_its_place(tmp_path: Path, document: str, words: str) -> None:
    (tmp_path / "mx.toml").write_text(document)
    (text,) = faults({}, tmp_path)
    assert text.startswith(str(tmp_path / "mx.toml"))
    assert words in text


def test_whatever_stands_in_the_file_is_read_or_a_fault(tmp_path: Path) -> None:
    odd = (
        "1",
        "true",
        '""',
        '"x"',
        '"\\u0000"',
        "[]",
        "[1]",
        '["a"]',
        "{}",
        "1979-05-27",
        "nan",
        '"~nosuch/x"',
    )
    refused = 0
    for setting in SETTINGS:
        table = "integrations.default" if setting.table == "integrations" else setting.table
        for value in odd:
            (tmp_path / "mx.toml").write_text(f"[{table}]\n{setting.key} = {value}\n")
            try:
                load(env={}, folder=tmp_path)
            except ConfigError:
                refused += 1
    assert refused > len(SETTINGS) * 6


def test_a_number_is_good_for_an_organisation_and_a_mark_before_the_file_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text("\ufeff[integrations.default]\norg_id = 12345\n", "utf-8")
    assert load(env={}, folder=tmp_path).integrations["default"].org_id == "12345"
    (tmp_path / "mx.toml").write_bytes(b"[bot]\n# \xff")
    assert "byte 9 is not UTF-8; save the file as UTF-8" in faults({}, tmp_path)[0]


def test_a_fault_repeats_no_password_and_no_token_that_was_put_in_the_wrong_place(tmp_path: Path) -> None:
    found = faults(
        {
            "MX_STATUS_URL": "https://me:hunter2pass@status.example/",
            "PORT": "xoxb-0123456789-abcdef",
            "MX_TIMEZONE": "Bearer abcdefghijkl",
        },
        tmp_path,
    )
    text = "\n".join(found)
    assert len(found) == 3
    for secret in ("hunter2pass", "0123456789-abcdef", "abcdefghijkl"):
        assert secret not in text


def test_a_key_is_named_by_the_place_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "mx.toml").write_text("[integrations.default]\napi_key = 'a'\n[integrations.west]\n")
    keys = load(env={}, folder=tmp_path).keys
    assert [key.name for key in keys.values()] == [
        "api_key in [integrations.default]",
        "api_key in [integrations.west]",
    ]
    assert load(env={"MAINTAINX_API_KEY": "b"}, folder=tmp_path).keys["default"].name == "MAINTAINX_API_KEY"
    (tmp_path / "mx.toml").write_text("[integrations.west]\napi_key_file = 'k'\nlog_file = 'west.log'\n")
    west = load(env={}, folder=tmp_path)
    assert west.keys["west"].name == str(tmp_path / "k")
    log = west.integrations["west"].log
    assert log is not None
    assert log.argument == (str(tmp_path / "west.log"),)


def test_a_rotated_key_is_told_to_the_scrubber_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("first-key\n")
    settings = load(env={"MAINTAINX_API_KEY_FILE": "key"}, folder=tmp_path)
    scrub = Scrubber(settings.secrets)
    key = ToldKey(settings.keys["default"], scrub.learn)
    (tmp_path / "key").write_text("the-second-key\n")
    assert key.current() == "the-second-key"
    assert scrub("first-key, the-second-key") == "[redacted], [redacted]"


@pytest.mark.parametrize(
    ("env", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://proxy.example:3128"),
        ({"https_proxy": "http://proxy.example:3128", "NO_PROXY": ".getmaintainx.com"}, None),
        ({"HTTPS_PROXY": "http://proxy.example:3128", "MAINTAINX_BASE_URL": "http://10.0.0.1/v1"}, None),
    ],
)
def test_the_gateway_takes_the_environments_proxy(
    tmp_path: Path, env: dict[str, str], proxy: str | None
) -> None:
    assert load(env=env, folder=tmp_path).gateway.proxy == proxy


def test_a_host_that_keeps_nothing_of_its_disk_is_known_by_what_it_sets(tmp_path: Path) -> None:
    assert load(env={"K_SERVICE": "mx"}, folder=tmp_path).platform == "Cloud Run"
    assert load(env={"DYNO": "web.1"}, folder=tmp_path).platform == "Heroku"
    assert load(env={}, folder=tmp_path).platform is None


def test_the_hour_of_the_daily_summary_is_a_time_of_day_or_off(tmp_path: Path) -> None:
    assert load(env={}, folder=tmp_path).bot.summary_at == time(9)
    for written, found in (("07:30", time(7, 30)), ("off", None), ("00:00", time(0))):
        (tmp_path / "mx.toml").write_text(f'[bot]\nsummary_at = "{written}"\n')
        assert load(env={}, folder=tmp_path).bot.summary_at == found
    for wrong in ('"9"', '"24:00"', '"09:00-10:00"', '"OFF"'):
        (tmp_path / "mx.toml").write_text(f"[bot]\nsummary_at = {wrong}\n")
        (fault,) = faults({}, tmp_path)
        assert 'write a time of day such as "09:00", or "off"' in fault
