"""What mx hears of through the Events API and its shortcuts: one function for each, in two tables. Each asks by a fact."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from bot.domain.fact import Address
from bot.keeping import By
from bot.slack import blocks, mention
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.said import files_of, text_of

Body = Mapping[str, Any]
"""A whole delivery, or the event in it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event: what it says, which delivery brought it, and who the bot is."""

    event: Body
    key: str | None
    """Names the delivery, so that a repeat of it does nothing twice."""
    me: str

    @property
    def user(self) -> str:
        """Who did it."""
        return str(self.event.get("user", ""))


@dataclass(frozen=True, slots=True)
class Listener:
    """An event of Slack's: under which names an app subscribes to it, what that takes, and what mx does then."""

    subscriptions: tuple[str, ...]
    scopes: tuple[str, ...]
    act: Callable[[Edge, Heard], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut of the app: its name in Slack's menu, and what it does."""

    name: str
    says: str
    act: Callable[[Edge, Asked, Body], Awaitable[blocks.Message | None]]


async def _home(edge: Edge, heard: Heard) -> None:
    """Somebody opened App Home; its follower publishes it."""
    if heard.event.get("tab") == "home" and heard.user:
        edge.later.put(lambda: edge.homes.opened(heard.user, bare="view" not in heard.event))


async def _reacted(edge: Edge, heard: Heard) -> None:
    """The emoji that keeps a message."""
    where = _message(heard.event.get("item"))
    if where and heard.event.get("reaction") == edge.keep_emoji and heard.user not in {"", heard.me}:
        asked = Asked(user=heard.user, channel=where[0], key=heard.key, response_url=None)
        told = await keep(edge, asked, where[1], by="emoji")
        if told is not None:
            edge.later.put(lambda: edge.chat.whisper(where[0], heard.user, told))


async def _unreacted(edge: Edge, heard: Heard) -> None:
    where = _message(heard.event.get("item"))
    if where and heard.event.get("reaction") == edge.keep_emoji:
        await edge.keeping.unkept(*where, actor=f"slack:{heard.user}", key=heard.key)


async def _said(edge: Edge, heard: Heard) -> None:
    """Edits and deletions of messages; whatever else is said is nobody's business but the channel's."""
    event, channel = heard.event, str(heard.event.get("channel", ""))
    match event:
        case {"subtype": "message_deleted", "deleted_ts": str() as ts} | {
            "subtype": "message_changed",
            "message": {"subtype": "tombstone", "ts": str() as ts},
        }:
            was = event.get("previous_message")
            user = was.get("user") if isinstance(was, Mapping) else None
            await edge.keeping.deleted(channel, ts, actor=f"slack:{user}" if user else "slack", key=heard.key)
        case {"subtype": "message_changed", "message": {"ts": str() as ts} as message}:
            edited = message.get("edited")
            if not isinstance(edited, Mapping):
                return  # Slack added a preview
            await edge.keeping.edited(
                channel,
                ts,
                text=text_of(message),
                files=files_of(message),
                at=_moment(edited.get("ts"), edge),
                actor=f"slack:{edited.get('user') or message.get('user')}",
                key=heard.key,
            )
        case _:
            pass


async def _mentioned(edge: Edge, heard: Heard) -> None:
    """``@mx VERB``: in threads, where slash commands do not work, and anywhere else."""
    event = heard.event
    if event.get("edited") or event.get("bot_id") or not heard.user:
        return
    asked = Asked(user=heard.user, channel=str(event.get("channel", "")), key=heard.key, response_url=None)
    thread = str(event.get("thread_ts") or "") or None
    words = mention.words_of(str(event.get("text", "")), heard.me)
    if words.lower() == "keep":
        told = await _keep_thread(edge, asked, thread)
    else:
        told = await mention.answer(edge, asked, words)
    if told is not None:
        edge.later.put(lambda: edge.chat.whisper(asked.channel, asked.user, told, thread=thread))


EVENTS: Mapping[str, Listener] = MappingProxyType(
    {
        "app_home_opened": Listener(("app_home_opened",), (), _home),
        "app_mention": Listener(("app_mention",), ("app_mentions:read",), _mentioned),
        "message": Listener(
            ("message.channels", "message.groups"), ("channels:history", "groups:history"), _said
        ),
        "reaction_added": Listener(("reaction_added",), ("reactions:read",), _reacted),
        "reaction_removed": Listener(("reaction_removed",), ("reactions:read",), _unreacted),
    }
)
"""Every event that mx acts on, by the type that it has on the wire."""


async def _keep_shortcut(edge: Edge, asked: Asked, body: Body) -> blocks.Message | None:
    message = body.get("message")
    ts = message.get("ts") if isinstance(message, Mapping) else None
    return await keep(edge, asked, str(ts or ""), by="shortcut")


SHORTCUTS: Mapping[str, Shortcut] = MappingProxyType(
    {
        "mx_keep": Shortcut(
            "Put on the timeline",
            "Puts this message on the timeline of the open incident, with its author and time",
            _keep_shortcut,
        )
    }
)
"""Every shortcut, by its callback_id; all of them stand in a message's menu."""


async def keep(edge: Edge, asked: Asked, ts: str, *, by: By) -> blocks.Message | None:
    """Ask for a message to be kept; the words for the asker where there is nothing to wait for."""
    found = await edge.integration(asked)
    address = edge.address(asked) if asked.response_url else Address(channel=asked.channel)
    done = await edge.keeping.request(
        found.name, asked.channel, ts, by=by, actor=asked.actor, address=address, key=asked.key
    )
    return None if done.event is not None else blocks.private(with_people(done.says))


async def _keep_thread(edge: Edge, asked: Asked, thread: str | None) -> blocks.Message | None:
    if thread is None:
        return blocks.private(
            with_people(
                "Which message? Answer it in its thread with @mx keep; or take “Put on the timeline” from its menu, "
                f"or put :{edge.keep_emoji}: on it."
            )
        )
    return await keep(edge, asked, thread, by="mention")


def heard_of(body: Body) -> Heard:
    """The event in a delivery."""
    event = body.get("event")
    name = body.get("event_id")
    authorizations = body.get("authorizations") or [{}]
    return Heard(
        event=event if isinstance(event, Mapping) else {},
        key=f"slack:{name}" if name else None,
        me=str(authorizations[0].get("user_id") or ""),
    )


def told_where(heard: Heard) -> tuple[str, str] | None:
    """Channel and person to tell why an event was not taken: whoever spoke to the app or used its emoji, nobody else."""
    item = _message(heard.event.get("item"))
    channel = item[0] if item else str(heard.event.get("channel") or "")
    spoke = heard.event.get("type") in {"app_mention", "reaction_added"}
    return (channel, heard.user) if spoke and channel and heard.user else None


def _message(item: object) -> tuple[str, str] | None:
    match item:
        case {"type": "message", "channel": str() as channel, "ts": str() as ts}:
            return channel, ts
        case _:
            return None


def _moment(ts: object, edge: Edge) -> datetime:
    try:
        return datetime.fromtimestamp(float(str(ts)), UTC)
    except ValueError:
        return edge.clock.now()
