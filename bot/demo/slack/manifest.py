"""What an app asks of its workspace: commands, shortcuts, scopes and the events it subscribes to."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from bot.demo.slack.limits import DEFAULT_SCOPES

Json = Any
"""JSON as it stands in a manifest."""


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One shortcut of the app: on a message's menu, or in the composer's own."""

    callback_id: str
    name: str
    kind: Literal["message", "global"] = "message"


EVENT_SCOPES: Mapping[str, str | None] = MappingProxyType(
    {
        "app_home_opened": None,
        "app_mention": "app_mentions:read",
        "channel_archive": "channels:read",
        "file_shared": "files:read",
        "member_joined_channel": "channels:read",
        "member_left_channel": "channels:read",
        "message.channels": "channels:history",
        "message.groups": "groups:history",
        "message.im": "im:history",
        "pin_added": "pins:read",
        "reaction_added": "reactions:read",
        "reaction_removed": "reactions:read",
    }
)
"""The events that the stand-in knows, and the scope without which none of them is delivered."""

SUBSCRIPTIONS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "message.channels",
        "message.groups",
        "reaction_added",
        "reaction_removed",
    }
)
"""What an incident bot subscribes to, unless a workspace is started with others."""

SHORTCUTS = (Shortcut("mx_keep", "Put on the timeline"),)
"""The shortcuts of an incident bot, unless a workspace is started with others."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one app asks for; the defaults are an incident bot's."""

    name: str = "mx"
    commands: frozenset[str] = frozenset({"/mx"})
    shortcuts: tuple[Shortcut, ...] = SHORTCUTS
    subscriptions: frozenset[str] = SUBSCRIPTIONS
    scopes: frozenset[str] = DEFAULT_SCOPES
    home_tab: bool = True
    unknown: tuple[str, ...] = ()
    """Events that the manifest asks for and the stand-in does not know."""


class ManifestFault(Exception):  # noqa: N818 - the text says what is wrong with which part
    """A manifest that cannot be read; the text says where and what to do."""


def read_manifest(text: str) -> Manifest:
    """The manifest of an app, as the JSON that Slack shows beside the YAML; raises ManifestFault.

    Only what the stand-in acts on is read; what else is in it is Slack's to check.
    """
    try:
        whole = json.loads(text)
    except ValueError as error:
        raise ManifestFault(
            f"the manifest is not JSON ({error}); Slack shows the same manifest as JSON under "
            '"App Manifest", tab "JSON"'
        ) from None
    features, settings = _part(whole, "features"), _part(whole, "settings")
    asked = frozenset(
        _words(_part(settings, "event_subscriptions"), "bot_events", "settings.event_subscriptions")
    )
    return Manifest(
        name=str(
            _part(features, "bot_user").get("display_name") or _part(whole, "display_information").get("name")
        ),
        commands=frozenset(
            _word(each, "command", "features.slash_commands") for each in _records(features, "slash_commands")
        ),
        shortcuts=tuple(_shortcut(each) for each in _records(features, "shortcuts")),
        subscriptions=asked & set(EVENT_SCOPES),
        scopes=frozenset(_words(_part(_part(whole, "oauth_config"), "scopes"), "bot", "oauth_config.scopes")),
        home_tab=_part(features, "app_home").get("home_tab_enabled") is True,
        unknown=tuple(sorted(asked - set(EVENT_SCOPES))),
    )


def _shortcut(value: Json) -> Shortcut:
    where = "features.shortcuts"
    kind = _word(value, "type", where)
    if kind not in {"message", "global"}:
        raise ManifestFault(f"{where}: type is {kind!r}; it is message or global")
    named = _word(value, "callback_id", where), _word(value, "name", where)
    return Shortcut(*named, "message" if kind == "message" else "global")


def _part(value: Json, key: str) -> dict[str, Json]:
    found = value.get(key) if isinstance(value, dict) else None
    if found is None and isinstance(value, dict):
        return {}
    if not isinstance(found, dict):
        raise ManifestFault(f"the manifest holds no object under {key!r}")
    return found


def _records(value: dict[str, Json], key: str) -> list[Json]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ManifestFault(f"{key} is no list of objects")
    return found


def _words(value: dict[str, Json], key: str, where: str) -> list[str]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ManifestFault(f"{where}.{key} is no list of words")
    return found


def _word(value: dict[str, Json], key: str, where: str) -> str:
    found = value.get(key)
    if not isinstance(found, str) or not found:
        raise ManifestFault(f"{where}: {key} is missing")
    return found
