"""People at the end of a wire: what the driver does for people, for a test in any language that speaks HTTP.

``POST /drive/VERB`` with the verb's arguments as JSON, people and channels by name or id; ``GET /drive/seen`` says
what is to be seen. Only from this machine, and not from the pages of others.
"""

import base64
import binascii
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aiohttp import web

from bot.demo.browser.guard import refusal
from bot.demo.slack.records import Channel, Message, View
from bot.demo.slack.workspace import WORKSPACE, SlackWorkspace

Json = Any
"""JSON as it came over the wire or goes out on it."""

VERBS = frozenset(
    {
        "add_group",
        "add_user",
        "archive",
        "attach",
        "choose",
        "choose_home",
        "choose_in_view",
        "click",
        "click_home",
        "click_in_view",
        "click_stale",
        "close_view",
        "command",
        "create_channel",
        "disconnect_sockets",
        "drop_sockets",
        "edit",
        "global_shortcut",
        "invite_bot",
        "join",
        "leave",
        "open_home",
        "react",
        "remove",
        "remove_bot",
        "say",
        "shortcut",
        "submit_view",
        "suggest",
        "unreact",
    }
)
"""What may be asked for: methods of the workspace, with their own arguments."""

_KNOBS = {"lose": int, "lose_events": int, "repeat": int, "delay_s": float, "down": bool}
_FAULTS = frozenset({"answer", "refuse", "drop", "late", "limit"})
_TYPES: Mapping[str, type | tuple[type, ...]] = MappingProxyType(
    {
        "method": str,
        "code": str,
        "status": int,
        "times": int,
        "processed": bool,
        "seconds": (int, float),
        "retry_after_s": int,
    }
)
_LATEST = 50


def routes() -> tuple[web.AbstractRouteDef, ...]:
    """For a workspace's ``extra_routes``."""
    return (
        web.post("/drive/mischief", _guarded_mischief),
        web.post("/drive/{verb}", _guarded_verb),
        web.get("/drive/seen", _guarded_seen),
    )


class _Unusable(Exception):  # noqa: N818 - a request that makes no sense; the text says why
    pass


async def _guarded_verb(request: web.Request) -> web.Response:
    says = refusal(request)
    if says:
        return web.json_response({"error": says}, status=403)
    slack = request.app[WORKSPACE]
    verb = request.match_info["verb"]
    if verb not in VERBS:
        there = ", ".join(sorted(VERBS))
        return web.json_response({"error": f"there is no {verb!r}; there is: {there}"}, status=404)
    method = getattr(slack, verb)
    try:
        bound = inspect.signature(method).bind(**_named(slack, await _body(request)))
        done = method(*bound.args, **bound.kwargs)
        answer = _shown(slack, await done if inspect.isawaitable(done) else done)
    except (_Unusable, LookupError, TypeError, ValueError) as error:
        return web.json_response({"error": f"{verb}: {error}"}, status=400)
    return web.json_response({"done": answer})


async def _guarded_mischief(request: web.Request) -> web.Response:
    """Turn knobs of the workspace's misbehaviour, and put faults on methods."""
    says = refusal(request)
    if says:
        return web.json_response({"error": says}, status=403)
    slack = request.app[WORKSPACE]
    try:
        body = await _body(request)
        if "fault" in body:
            _break(slack, body)
        else:
            _turn(slack, body)
    except (_Unusable, TypeError, ValueError) as error:
        return web.json_response({"error": f"mischief: {error}"}, status=400)
    knobs = {name: getattr(slack.mischief, name) for name in _KNOBS}
    faults = [dataclasses.asdict(each) for each in slack.mischief.faults]
    return web.json_response({"done": {**knobs, "faults": faults}})


def _break(slack: SlackWorkspace, body: Mapping[str, Json]) -> None:
    """Put a fault on the next calls of a method."""
    kind, args = body["fault"], {key: value for key, value in body.items() if key != "fault"}
    if kind not in _FAULTS:
        raise _Unusable(f"fault is one of {', '.join(sorted(_FAULTS))}")
    for name, value in args.items():
        if name not in _TYPES or not isinstance(value, _TYPES[name]):
            raise _Unusable(f"there is no {name} that is {value!r}; there is: {', '.join(_TYPES)}")
    getattr(slack.mischief, kind)(**args)


def _turn(slack: SlackWorkspace, body: Mapping[str, Json]) -> None:
    for name, value in body.items():
        if name not in _KNOBS:
            raise _Unusable(f"there is no knob {name!r}; there is: {', '.join(_KNOBS)}")
        if not isinstance(value, (int, float)) or value < 0:
            raise _Unusable(f"{name} is a number that is not negative, or true or false")
    for name, value in body.items():
        if name == "down":
            slack.down = bool(value)
        else:
            setattr(slack.mischief, name, _KNOBS[name](value))


async def _guarded_seen(request: web.Request) -> web.Response:
    """Everything that is to be seen now, by whom."""
    says = refusal(request)
    if says:
        return web.json_response({"error": says}, status=403)
    slack = request.app[WORKSPACE]
    state = slack.state
    return web.json_response(
        {
            "people": {person.id: person.name for person in state.people.values()},
            "channels": [_channel(slack, channel) for channel in state.channels.values()],
            "views": {
                user: [state.view_json(view) for view in stack]
                for user, stack in state.views.items()
                if stack
            },
            "homes": {user: state.view_json(view) for user, view in state.homes.items()},
            "sockets": slack.sockets,
            "calls": [{"method": call.method, "error": call.error} for call in slack.calls[-_LATEST:]],
            "deliveries": [
                {
                    "kind": sent.parcel.kind,
                    "ack": None if sent.ack is None else dataclasses.asdict(sent.ack),
                }
                for sent in slack.deliveries[-_LATEST:]
            ],
        }
    )


def _channel(slack: SlackWorkspace, channel: Channel) -> Json:
    said = [each for each in slack.state.messages if each.channel == channel.id and not each.deleted]
    return {
        "id": channel.id,
        "name": channel.name,
        "direct": channel.direct,
        "members": channel.members,
        "archived": channel.archived,
        "messages": [_message(slack, each) for each in said],
    }


def _message(slack: SlackWorkspace, message: Message) -> Json:
    shown = slack.state.message_json(message, metadata=True)
    return shown | ({"ephemeral_to": message.ephemeral_to} if message.ephemeral_to else {})


async def _body(request: web.Request) -> dict[str, Json]:
    try:
        body = await request.json()
    except ValueError:
        raise _Unusable("the body is not JSON") from None
    if not isinstance(body, dict):
        raise _Unusable("the body is no JSON object")
    return body


def _named(slack: SlackWorkspace, args: dict[str, Json]) -> dict[str, Json]:
    """The arguments with people and channels by their ids, and a file's content as bytes."""
    people = {person.name: person.id for person in slack.state.people.values()}
    channels = {channel.name: channel.id for channel in slack.state.channels.values() if channel.name}
    found = dict(args)
    if isinstance(found.get("user"), str):
        found["user"] = _known("user", found["user"], people)
    if isinstance(found.get("channel"), str):
        found["channel"] = _known("channel", found["channel"].removeprefix("#"), channels)
    for key in ("users", "members"):
        if isinstance(found.get(key), list):
            found[key] = [_known(key, str(each), people) for each in found[key]]
    if "content" in found:
        try:
            found["content"] = base64.b64decode(str(found["content"]), validate=True)
        except binascii.Error:
            raise _Unusable("content is the file's bytes in base64") from None
    return found


def _known(key: str, wanted: str, names: Mapping[str, str]) -> str:
    if wanted in names:
        return names[wanted]
    if wanted in names.values():
        return wanted
    raise _Unusable(f"{key} {wanted!r} is nobody's; there is: {', '.join(names)}")


def _shown(slack: SlackWorkspace, value: Json) -> Json:
    """What a method gave, as JSON."""
    if isinstance(value, Message):
        return _message(slack, value)
    if isinstance(value, View):
        return slack.state.view_json(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _shown(slack, getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _shown(slack, each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_shown(slack, each) for each in value]
    return value
