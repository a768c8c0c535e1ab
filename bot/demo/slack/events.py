"""The Events API: what happens in channels that the app is in, told to an app that subscribed to it."""

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.demo.slack import payloads
from bot.demo.slack.deliver import Ack, Deliverer, Parcel
from bot.demo.slack.happenings import Happening
from bot.demo.slack.manifest import EVENT_SCOPES
from bot.demo.slack.records import Channel, Message, Version
from bot.demo.slack.state import TEAM, State

Json = Any
"""JSON as it goes out on the wire."""

_KINDS = {"channel": "C", "group": "G", "im": "D"}


class Events:
    """Makes events of what happens and has them delivered, each retried on its own as Slack does."""

    def __init__(self, state: State, deliverer: Deliverer, *, subscriptions: frozenset[str]) -> None:
        unknown = subscriptions - set(EVENT_SCOPES)
        if unknown:
            raise LookupError(f"the stand-in knows no event {', '.join(sorted(unknown))}")
        self._state = state
        self._deliverer = deliverer
        self.subscriptions = set(subscriptions)
        """Bot events that the app hears of; may be changed at any time."""
        self._latest: list[asyncio.Task[Ack]] = []

    def hears(self, name: str) -> bool:
        """Whether the app subscribed to this event and has the scope that it takes."""
        needed = EVENT_SCOPES.get(name)
        return name in self.subscriptions and (needed is None or needed in self._state.scopes)

    def send(self, name: str, inner: Mapping[str, Json]) -> None:
        """Deliver one event in the background, if the app hears of it."""
        if not self.hears(name):
            return
        payload = payloads.event(inner, event_id=self._state.new_id("Ev"), bot_user=self._state.bot.id)
        task = self._deliverer.post_event(Parcel("event", payload))
        if task is not None:
            self._latest.append(task)

    async def acks(self) -> tuple[Ack, ...]:
        """How the app took the first attempt of everything sent since this was asked last; call it at once."""
        mine, self._latest = self._latest, []
        if mine:
            await asyncio.wait(mine)
        return tuple(task.result() for task in mine)

    def hear(self, happening: Happening) -> None:
        """Something happened to a message: tell the app, if it is in that channel."""
        self._latest = []
        channel = self._state.channels[happening.message.channel]
        if self._state.bot.id not in channel.members:
            return
        for name, inner in self._of(happening, channel):
            self.send(name, inner)

    def of_member(self, channel: Channel, user: str, *, joined: bool) -> None:
        """Somebody joined a channel, or left it."""
        self._latest = []
        name = "member_joined_channel" if joined else "member_left_channel"
        if self._state.bot.id not in channel.members and user != self._state.bot.id:
            return
        inner = {
            "type": name,
            "user": user,
            "channel": channel.id,
            "channel_type": _KINDS[channel.kind],
            "team": TEAM,
            "event_ts": self._state.new_ts(),
        }
        self.send(name, inner)

    def of_archive(self, channel: Channel, user: str) -> None:
        """A channel was archived."""
        self._latest = []
        if self._state.bot.id in channel.members:
            inner = {"type": "channel_archive", "channel": channel.id, "user": user}
            self.send("channel_archive", {**inner, "is_moved": 0, "event_ts": self._state.new_ts()})

    def of_home(self, user: str, tab: str) -> None:
        """Somebody opened the app's home or messages tab."""
        self._latest = []
        view = self._state.homes.get(user)
        inner = {
            "type": "app_home_opened",
            "user": user,
            "channel": self._state.direct(user).id,
            "tab": tab,
            "event_ts": self._state.new_ts(),
            **({"view": self._state.view_json(view)} if view is not None and tab == "home" else {}),
        }
        self.send("app_home_opened", inner)

    def _of(self, happening: Happening, channel: Channel) -> Iterator[tuple[str, dict[str, Json]]]:
        message = happening.message
        if happening.kind in {"reacted", "unreacted"}:
            name = "reaction_added" if happening.kind == "reacted" else "reaction_removed"
            yield name, self._reaction(happening, name)
            return
        stamp = message.ts if happening.kind == "posted" else self._state.new_ts()
        place = {"channel": channel.id, "channel_type": channel.kind, "event_ts": stamp}
        name = "message.im" if channel.kind == "im" else f"message.{channel.kind}s"
        yield name, {"ts": stamp, **self._told(happening), **place}
        if channel.kind != "im" and self._mentioned(happening):
            asked = {"channel": channel.id, "event_ts": stamp}
            yield "app_mention", {**self._posted(message), "type": "app_mention", **asked}
        for file in message.files if happening.kind == "posted" else ():
            shared = {"type": "file_shared", "file_id": file, "file": {"id": file}}
            yield (
                "file_shared",
                {**shared, "user_id": happening.user, "channel_id": channel.id, "event_ts": stamp},
            )

    def _told(self, happening: Happening) -> dict[str, Json]:
        if happening.kind == "edited":
            return self._edited(happening.message, happening.before)
        return (
            self._deleted(happening.message)
            if happening.kind == "deleted"
            else self._posted(happening.message)
        )

    def _posted(self, message: Message) -> dict[str, Json]:
        told = {**self._state.message_json(message), "team": TEAM}
        if message.files:
            told["subtype"] = "file_share"
        elif message.broadcast and message.thread_ts:
            told["subtype"] = "thread_broadcast"
        return told

    def _edited(self, message: Message, before: Version | None) -> dict[str, Json]:
        return {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "message": {**self._state.message_json(message), "team": TEAM},
            "previous_message": {**self._state.message_json(message, version=before), "team": TEAM},
        }

    def _deleted(self, message: Message) -> dict[str, Json]:
        """A message that heads a thread leaves a tombstone; any other goes without a trace."""
        before = {**self._state.message_json(message), "team": TEAM}
        if any(
            each.thread_ts == message.ts and each is not message and not each.deleted
            for each in self._state.messages
        ):
            grave = {
                "type": "message",
                "subtype": "tombstone",
                "text": "This message was deleted.",
                "user": "USLACKBOT",
                "hidden": True,
                "thread_ts": message.ts,
                "ts": message.ts,
            }
            return {
                "type": "message",
                "subtype": "message_changed",
                "hidden": True,
                "message": grave,
                "previous_message": before,
            }
        return {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "deleted_ts": message.ts,
            "previous_message": before,
        }

    def _reaction(self, happening: Happening, name: str) -> dict[str, Json]:
        message = happening.message
        return {
            "type": name,
            "user": happening.user,
            "reaction": happening.reaction,
            "item_user": message.user,
            "item": {"type": "message", "channel": message.channel, "ts": message.ts},
            "event_ts": self._state.new_ts(),
        }

    def _mentioned(self, happening: Happening) -> bool:
        """Whether a person mentions the app now who did not before an edit."""
        message = happening.message
        live = re.compile(rf"<@{self._state.bot.id}(?:\|[^>]*)?>")
        if message.bot_id or happening.kind == "deleted" or not live.search(message.text):
            return False
        return happening.before is None or not live.search(happening.before.text)
