"""What a person does on the page, carried out by the workspace's driver: one function for each act, in a table."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from bot.demo.slack.deliver import Ack
from bot.demo.slack.outcomes import ClickOutcome
from bot.demo.slack.workspace import SlackWorkspace

Json = Any
"""JSON as it came over the wire or goes out on it."""

Sent = Mapping[str, Json]
Act = Callable[[SlackWorkspace, str, Sent], Awaitable[dict[str, Json]]]

LONGEST = 4000
"""Characters of a message, as Slack's composer takes them."""
FILE_BYTES = 4 * 1024 * 1024


async def act(workspace: SlackWorkspace, sent: Sent) -> dict[str, Json]:
    """Do what was sent as the person it names; ``{"error"}`` is what Slack shows in red.

    Raises LookupError for what this person could not do, and ValueError for what is no act.
    """
    user, name = _text(sent, "as"), _text(sent, "do")
    if user not in workspace.state.people or user == workspace.state.bot.id:
        raise LookupError(f"there is nobody called {user} to act as")
    if name not in ACTS:
        raise ValueError(f"{name!r} is no act; there are {', '.join(ACTS)}")
    return await ACTS[name](workspace, user, sent)


async def _say(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    message = workspace.say(user, _text(sent, "channel"), _words(sent), thread_ts=_optional(sent, "thread"))
    return {"ts": message.ts}


async def _command(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    outcome = await workspace.command(
        user, _text(sent, "channel"), _text(sent, "name"), _words(sent, empty=True)
    )
    return {"error": outcome.error, "details": list(outcome.details)}


async def _click(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    """A client sends what it shows: where the message was edited meanwhile, the button of the version before."""
    outcome = await workspace.click_stale(
        user,
        _text(sent, "channel"),
        _text(sent, "ts"),
        _text(sent, "action"),
        version=int(sent["version"]) if "version" in sent else None,
    )
    return _clicked(outcome)


async def _choose(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    outcome = await workspace.choose(
        user, _text(sent, "channel"), _text(sent, "ts"), _text(sent, "action"), _value(sent)
    )
    return _clicked(outcome)


async def _click_view(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _clicked(await workspace.click_in_view(user, _text(sent, "view"), _text(sent, "action")))


async def _choose_view(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    view, action = _text(sent, "view"), _text(sent, "action")
    return _clicked(await workspace.choose_in_view(user, view, action, _value(sent)))


async def _submit(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    values = sent.get("values", {})
    if not isinstance(values, dict):
        raise ValueError("`values` is an object: action_id -> what was filled in")
    outcome = await workspace.submit_view(user, _text(sent, "view"), values)
    return {"error": outcome.error, "errors": dict(outcome.errors)}


async def _close(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    ack = await workspace.close_view(user, _text(sent, "view"))
    return _acked(*([ack] if ack else []))


async def _react(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(*await workspace.react(user, *_where(sent), _text(sent, "name")))


async def _unreact(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(*await workspace.unreact(user, *_where(sent), _text(sent, "name")))


async def _edit(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(*await workspace.edit(user, *_where(sent), _words(sent)))


async def _remove(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(*await workspace.remove(user, *_where(sent)))


async def _shortcut(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(await workspace.shortcut(user, *_where(sent), _text(sent, "id")))


async def _global_shortcut(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _acked(await workspace.global_shortcut(user, _text(sent, "id")))


async def _open_home(workspace: SlackWorkspace, user: str, _sent: Sent) -> dict[str, Json]:
    return _acked(*await workspace.open_home(user))


async def _click_home(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _clicked(await workspace.click_home(user, _text(sent, "action")))


async def _choose_home(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    return _clicked(await workspace.choose_home(user, _text(sent, "action"), _value(sent)))


async def _suggest(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    options = await workspace.suggest(
        user,
        _text(sent, "action"),
        str(sent.get("query", "")),
        channel=_optional(sent, "channel"),
        message_ts=_optional(sent, "ts"),
        view_id=_optional(sent, "view"),
    )
    return {"options": list(options)}


async def _attach(workspace: SlackWorkspace, user: str, sent: Sent) -> dict[str, Json]:
    try:
        content = base64.b64decode(_text(sent, "content"), validate=True)
    except binascii.Error:
        raise ValueError("`content` is the file in base64") from None
    if len(content) > FILE_BYTES:
        raise LookupError(f"the simulator takes files of up to {FILE_BYTES // 1024 // 1024} MB")
    message = await workspace.attach(
        user,
        _text(sent, "channel"),
        _text(sent, "name")[:200],
        content,
        thread_ts=_optional(sent, "thread"),
        text=str(sent.get("text", ""))[:LONGEST],
    )
    return {"ts": message.ts}


async def _invite(workspace: SlackWorkspace, _user: str, sent: Sent) -> dict[str, Json]:
    """Somebody new comes into the channel, to act as."""
    name = " ".join(_text(sent, "name").split())[:40]
    if not name or any(one.name.lower() == name.lower() for one in workspace.state.people.values()):
        raise LookupError("a new person needs a name that nobody here has")
    user = workspace.add_user(name)
    await workspace.join(user, _text(sent, "channel"))
    return {"id": user}


async def _invite_app(workspace: SlackWorkspace, _user: str, sent: Sent) -> dict[str, Json]:
    workspace.invite_bot(_text(sent, "channel"))
    return {}


ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "say": _say,
        "command": _command,
        "click": _click,
        "choose": _choose,
        "click_view": _click_view,
        "choose_view": _choose_view,
        "submit": _submit,
        "close": _close,
        "react": _react,
        "unreact": _unreact,
        "edit": _edit,
        "remove": _remove,
        "shortcut": _shortcut,
        "global_shortcut": _global_shortcut,
        "open_home": _open_home,
        "click_home": _click_home,
        "choose_home": _choose_home,
        "suggest": _suggest,
        "attach": _attach,
        "invite": _invite,
        "invite_app": _invite_app,
    }
)
"""Everything that the page can do."""


def _text(sent: Sent, name: str) -> str:
    value = sent.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{name}` is missing")
    return value


def _optional(sent: Sent, name: str) -> str | None:
    return _text(sent, name) if sent.get(name) is not None else None


def _words(sent: Sent, *, empty: bool = False) -> str:
    text = str(sent.get("text", "")).strip()
    if not text and not empty:
        raise LookupError("an empty message cannot be sent")
    if len(text) > LONGEST:
        raise LookupError(f"a message has at most {LONGEST} characters; this one has {len(text)}")
    return text


def _where(sent: Sent) -> tuple[str, str]:
    return _text(sent, "channel"), _text(sent, "ts")


def _value(sent: Sent) -> str | list[str]:
    value = sent.get("value")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    if not isinstance(value, str):
        raise ValueError("`value` is a text or a list of texts")
    return value


def _clicked(outcome: ClickOutcome) -> dict[str, Json]:
    return {"error": outcome.error}


def _acked(*acks: Ack) -> dict[str, Json]:
    return {"error": next((ack.error for ack in acks if ack.error), None)}
