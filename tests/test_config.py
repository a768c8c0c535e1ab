"""Settings: the environment wins, every fault is listed at once with its place, an odd API key never stops the start."""

import re
from pathlib import Path

import pytest

from bot.config import load
from bot.errors import ConfigError
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
    (tmp_path / "mx.toml").write_text(values)
    loaded = load(env={}, folder=tmp_path, needs_slack=True)
    assert loaded.slack is not None
    assert loaded.integrations["default"].log is not None
