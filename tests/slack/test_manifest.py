"""The app's manifest: within Slack's limits, no unknown key, and every scope that the code needs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.demo.slack.limits import DEFAULT_SCOPES
from bot.demo.slack.manifest import EVENT_SCOPES, SUBSCRIPTIONS
from bot.demo.slack.manifest import SHORTCUTS as STAND_IN_SHORTCUTS
from bot.slack.api import SCOPES
from bot.slack.manifest import REASONS, as_json, as_yaml, scopes
from bot.slack.manifest import manifest as made

ROOT = Path(__file__).parents[2]

# The keys that Slack's manifest knows, of the parts that we use; Slack refuses any other at every level.
KNOWN: dict[str, set[str]] = {
    "": {"_metadata", "display_information", "features", "oauth_config", "settings"},
    "_metadata": {"major_version", "minor_version"},
    "display_information": {"name", "description", "long_description", "background_color"},
    "features": {"bot_user", "slash_commands", "shortcuts", "app_home"},
    "features.app_home": {"home_tab_enabled", "messages_tab_enabled", "messages_tab_read_only_enabled"},
    "features.bot_user": {"display_name", "always_online"},
    "features.shortcuts": {"name", "type", "callback_id", "description"},
    "features.slash_commands": {"command", "url", "description", "usage_hint", "should_escape"},
    "oauth_config": {"scopes", "redirect_urls"},
    "oauth_config.scopes": {"bot", "user"},
    "settings": {
        "interactivity",
        "event_subscriptions",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    },
    "settings.event_subscriptions": {"request_url", "bot_events", "user_events", "metadata_subscriptions"},
    "settings.interactivity": {"is_enabled", "request_url", "message_menu_options_url"},
}


@pytest.fixture
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text("utf-8"))
    return found


def _unknown(value: object, place: str = "") -> list[str]:
    if isinstance(value, list):
        return [fault for one in value for fault in _unknown(one, place)]
    if not isinstance(value, dict):
        return []
    return [
        fault
        for key, inner in value.items()
        for fault in (
            _unknown(inner, f"{place}.{key}".lstrip("."))
            if key in KNOWN.get(place, set())
            else [f"{place}: {key}"]
        )
    ]


def test_it_has_no_unknown_key(manifest: dict[str, Any]) -> None:
    assert _unknown(manifest) == []
    assert _unknown({"settings": {"socket_mode": True}}) == ["settings: socket_mode"]


def test_the_file_is_what_the_code_says() -> None:
    """To write it again: `mx manifest > manifest.yml`."""
    assert (ROOT / "manifest.yml").read_text("utf-8") == as_yaml(made())


def test_yaml_and_json_say_the_same_as_the_code_and_reasons_stand_behind_all_that_is_asked_for() -> None:
    whole = made(url="https://bot.example.org/", socket=False)
    assert yaml.safe_load(as_yaml(whole)) == whole == json.loads(as_json(whole))
    assert whole["settings"]["socket_mode_enabled"] is False
    assert "https://bot.example.org/slack/events" in as_yaml(whole)
    asked = [*scopes(), *whole["settings"]["event_subscriptions"]["bot_events"]]
    assert [one for one in asked if one not in REASONS] == []


def test_the_stand_in_hears_what_the_app_subscribes_to(manifest: dict[str, Any]) -> None:
    """What stories and the simulator play is what a real workspace would deliver."""
    assert set(manifest["settings"]["event_subscriptions"]["bot_events"]) == SUBSCRIPTIONS
    assert [one["callback_id"] for one in manifest["features"]["shortcuts"]] == [
        one.callback_id for one in STAND_IN_SHORTCUTS
    ]
    assert set(manifest["oauth_config"]["scopes"]["bot"]) <= DEFAULT_SCOPES


def test_it_keeps_slacks_lengths(manifest: dict[str, Any]) -> None:
    about = manifest["display_information"]
    assert len(about["name"]) <= 35
    assert len(about["description"]) <= 140
    assert re.fullmatch(r"#[0-9a-f]{6}", about["background_color"])
    assert len(manifest["features"]["bot_user"]["display_name"]) <= 80
    commands = manifest["features"]["slash_commands"]
    assert [command["command"] for command in commands] == ["/mx"]
    assert all(0 < len(command["description"]) <= 2000 for command in commands)
    assert all(len(command["usage_hint"]) <= 1000 for command in commands)
    for shortcut in manifest["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["callback_id"]) <= 255
        assert len(shortcut["description"]) <= 150


def test_it_asks_for_exactly_the_scopes_that_the_code_needs(manifest: dict[str, Any]) -> None:
    called = {scope for needed in SCOPES.values() for scope in needed}
    heard = {EVENT_SCOPES[name] for name in manifest["settings"]["event_subscriptions"]["bot_events"]}
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == (called | heard | {"commands"}) - {None}


def test_every_method_that_the_code_calls_has_its_scopes_listed() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "bot/slack").glob("*.py"))
    called = set(re.findall(r"\.(?:call|_ask)\(\s*\"([a-zA-Z.]+)\"", source))
    assert called == set(SCOPES)


def test_commands_and_clicks_go_to_the_address_that_the_bot_serves(manifest: dict[str, Any]) -> None:
    addresses = [manifest["settings"]["interactivity"]["request_url"]]
    addresses += [command["url"] for command in manifest["features"]["slash_commands"]]
    assert all(address.startswith("https://") and address.endswith("/slack/events") for address in addresses)


def test_procfile_names_both_processes() -> None:
    assert (ROOT / "Procfile").read_text("utf-8").splitlines() == ["web: mx serve", "gateway: mx gateway"]
