"""The app's manifest, made from what the code calls, hears and offers, so that it cannot be behind. Pure."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bot.slack.api import SCOPES
from bot.slack.commands import VERBS
from bot.slack.events import EVENTS, SHORTCUTS

Json = Any
"""JSON of Slack's own shapes."""

EXAMPLE = "https://mx.example.com"
PATH = "/slack/events"
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:/_-'()")

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "commands": "/mx",
        "app_mentions:read": "@mx in threads, where /mx does not work",
        "canvases:write": "the report as a canvas, where the workspace allows",
        "channels:history": "finds its own card again after a restart; follows the messages on the timeline",
        "channels:read": "who is in the incident's channel, and so may act",
        "chat:write": "the card, the posts and the report",
        "files:write": "the report as a page, as Markdown, and its picture",
        "groups:history": "the same as channels:history, in private channels",
        "groups:read": "the same as channels:read, of private channels",
        "reactions:read": "the emoji that puts a message on the timeline",
        "usergroups:read": "who is in the user groups that may act",
        "users:read": "people's names in the report; who is a guest",
        "app_home_opened": "App Home is published to whoever opens it",
        "app_mention": "@mx VERB",
        "message.channels": "edits and deletions of messages on the timeline",
        "message.groups": "the same in private channels",
        "reaction_added": "a message goes on the timeline",
        "reaction_removed": "and off its list again",
        "home_tab_enabled": "what is open, what is on, and how every integration is",
        "slash_commands": "One command for everything, so that a new verb never needs a new manifest.",
    }
)
"""Why each scope and event is asked for: the comments of the YAML."""


def scopes() -> tuple[str, ...]:
    """What the bot's token needs: for every method that is called and every event that is heard."""
    called = {scope for needed in SCOPES.values() for scope in needed}
    heard = {scope for listener in EVENTS.values() for scope in listener.scopes}
    return ("commands", *sorted(called | heard))


def manifest(*, url: str = EXAMPLE, socket: bool = True) -> dict[str, Json]:
    """The whole manifest; ``url`` is where Slack reaches the bot, which Socket Mode does not use."""
    address = f"{url.rstrip('/')}{PATH}"
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "mx",
            "description": "The incident co-pilot for teams that run an integration with MaintainX",
            "background_color": "#1d3557",
        },
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            "bot_user": {"display_name": "mx", "always_online": True},
            "shortcuts": [
                {"name": one.name, "type": "message", "callback_id": name, "description": one.says}
                for name, one in SHORTCUTS.items()
            ],
            "slash_commands": [
                {
                    "command": "/mx",
                    "url": address,
                    "description": "Look at both sides of the MaintainX integration, switch mitigations on and off, report",
                    "usage_hint": " | ".join(verb.name for verb in VERBS),
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(scopes())}},
        "settings": {
            "event_subscriptions": {
                "request_url": address,
                "bot_events": sorted(name for one in EVENTS.values() for name in one.subscriptions),
            },
            "interactivity": {"is_enabled": True, "request_url": address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket,
            "token_rotation_enabled": False,
        },
    }


def as_json(made: Mapping[str, Json]) -> str:
    """As Slack's form takes it too."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def as_yaml(made: Mapping[str, Json]) -> str:
    """With a head that says what to do with it, and a reason behind every scope and event."""
    return _HEAD + "\n".join(_lines(made, "")) + "\n"


_HEAD = """\
# The Slack app; written by `mx manifest`. Create it at https://api.slack.com/apps: "Create New App", "From a manifest",
# paste this file.
#
# Socket Mode (as written here) needs no public address: under "Basic Information", "App-Level Tokens", generate a
# token with the scope connections:write and set it as SLACK_APP_TOKEN. The addresses below are then not used.
#
# HTTP mode: `mx manifest --http --url https://YOUR-HOST` writes your own address into it; set SLACK_SIGNING_SECRET.
"""


def _lines(value: Mapping[str, Json], indent: str) -> Iterator[str]:
    for name, inner in value.items():
        match inner:
            case dict():
                yield f"{indent}{name}:"
                yield from _lines(inner, f"{indent}  ")
            case list():
                yield f"{indent}{name}:"
                if name in REASONS:
                    yield f"{indent}  # {REASONS[name]}"
                for one in inner:
                    yield from _item(one, f"{indent}  ")
            case _:
                yield _why(f"{indent}{name}: {_scalar(inner)}", name)


def _item(one: Json, indent: str) -> Iterator[str]:
    if not isinstance(one, dict):
        yield _why(f"{indent}- {_scalar(one)}", str(one))
        return
    first, *rest = _lines(one, f"{indent}  ")
    yield f"{indent}- {first.strip()}"
    yield from rest


def _why(line: str, name: str) -> str:
    return f"{line}  # {REASONS[name]}" if name in REASONS else line


def _scalar(value: Json) -> str:
    """A scalar that YAML reads back as it is: JSON's own form wherever a bare word could be taken for something else."""
    if (
        isinstance(value, str)
        and value
        and value[0] not in " '-:.(,"
        and ": " not in value
        and set(value) <= _PLAIN
    ):
        return value
    return json.dumps(value, ensure_ascii=False)
