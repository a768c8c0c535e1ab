"""The payloads of deliveries, in the shapes that Slack sends. Pure."""

import time
from collections.abc import Mapping
from typing import Any

from bot.demo.slack.controls import Control
from bot.demo.slack.records import Channel, Message, Person
from bot.demo.slack.state import APP, DOMAIN, TEAM

Json = Any
"""JSON as it goes out on the wire."""

VERIFICATION = "stand-in-verification-token"


def channel_name(channel: Channel) -> str:
    """The name that payloads give: private channels and direct messages have none."""
    return {"channel": channel.name, "group": "privategroup", "im": "directmessage"}[channel.kind]


def _who(person: Person) -> dict[str, Json]:
    name = person.name.lower().replace(" ", ".")
    return {"id": person.id, "username": name, "name": name, "team_id": person.team}


def _envelope(kind: str, person: Person) -> dict[str, Json]:
    return {
        "type": kind,
        "user": _who(person),
        "api_app_id": APP,
        "token": VERIFICATION,
        "team": {"id": TEAM, "domain": DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def command(
    person: Person, channel: Channel, *, name: str, text: str, trigger_id: str, response_url: str
) -> dict[str, Json]:
    """A slash command; all values are strings, as in a form."""
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.name.lower().replace(" ", "."),
        "command": name,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger_id,
    }


def _action(control: Control, value: Mapping[str, Json]) -> dict[str, Json]:
    element = control.element
    kept = {key: element[key] for key in ("text", "value", "style", "placeholder") if key in element}
    return {
        **kept,
        "type": element["type"],
        "action_id": control.action_id,
        "block_id": control.block_id,
        "action_ts": f"{time.time():.6f}",
        **value,
    }


def message_action(
    person: Person,
    channel: Channel,
    message: Message,
    *,
    shown: Mapping[str, Json],
    control: Control,
    value: Mapping[str, Json],
    state: Mapping[str, Json],
    trigger_id: str,
    response_url: str,
) -> dict[str, Json]:
    """A press of a control in a message; an ephemeral message is not in the payload."""
    container: dict[str, Json] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = {
        **_envelope("block_actions", person),
        "container": container,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "state": {"values": state},
        "response_url": response_url,
        "trigger_id": trigger_id,
        "actions": [_action(control, value)],
    }
    if message.ephemeral_to is None:
        payload["message"] = shown
    return payload


def view_action(
    person: Person,
    view: Mapping[str, Json],
    *,
    control: Control,
    value: Mapping[str, Json],
    trigger_id: str,
) -> dict[str, Json]:
    """A press of a control in a modal or in App Home."""
    return {
        **_envelope("block_actions", person),
        "container": {"type": "view", "view_id": view["id"]},
        "view": view,
        "trigger_id": trigger_id,
        "actions": [_action(control, value)],
    }


def view_submission(person: Person, view: Mapping[str, Json], *, trigger_id: str) -> dict[str, Json]:
    """A modal was sent in."""
    return {
        **_envelope("view_submission", person),
        "view": view,
        "trigger_id": trigger_id,
        "response_urls": [],
    }


def view_closed(person: Person, view: Mapping[str, Json], *, cleared: bool) -> dict[str, Json]:
    """A modal was closed without sending it in."""
    return {**_envelope("view_closed", person), "view": view, "is_cleared": cleared}


def message_shortcut(
    person: Person,
    channel: Channel,
    shown: Mapping[str, Json],
    *,
    callback_id: str,
    trigger_id: str,
    response_url: str,
) -> dict[str, Json]:
    """A shortcut taken from a message's menu."""
    return {
        **_envelope("message_action", person),
        "callback_id": callback_id,
        "action_ts": f"{time.time():.6f}",
        "trigger_id": trigger_id,
        "response_url": response_url,
        "message_ts": shown["ts"],
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "message": {**shown, "team": TEAM},
    }


def global_shortcut(person: Person, *, callback_id: str, trigger_id: str) -> dict[str, Json]:
    """A shortcut taken from the composer's menu: it knows of no channel."""
    return {
        **_envelope("shortcut", person),
        "callback_id": callback_id,
        "action_ts": f"{time.time():.6f}",
        "trigger_id": trigger_id,
    }


def where_message(channel: Channel, shown: Mapping[str, Json]) -> dict[str, Json]:
    """The message that a menu stands in."""
    container = {
        "type": "message",
        "message_ts": shown["ts"],
        "channel_id": channel.id,
        "is_ephemeral": False,
    }
    return {
        "container": container,
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "message": shown,
    }


def where_view(view: Mapping[str, Json]) -> dict[str, Json]:
    """The modal or App Home that a menu stands in."""
    return {"container": {"type": "view", "view_id": view["id"]}, "view": view}


def suggestion(person: Person, *, control: Control, query: str, where: Mapping[str, Json]) -> dict[str, Json]:
    """Somebody types into a menu whose options the app brings; ``where`` is the message or view it stands in."""
    return {
        **_envelope("block_suggestion", person),
        "action_id": control.action_id,
        "block_id": control.block_id,
        "value": query,
        **where,
    }


def event(inner: Mapping[str, Json], *, event_id: str, bot_user: str) -> dict[str, Json]:
    """Something the app subscribed to happened."""
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "api_app_id": APP,
        "type": "event_callback",
        "event": inner,
        "event_id": event_id,
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
