"""The workspace's memory: who and what is there, and the ids and timestamps that Slack would give."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from bot.demo.slack.documents import Canvas, File
from bot.demo.slack.happenings import Happening
from bot.demo.slack.limits import Limits
from bot.demo.slack.naming import with_ids
from bot.demo.slack.records import Channel, Json, Message, Person, Role, Version, View

Seen = TypeVar("Seen")

TEAM = "T0STANDIN"
OTHER_TEAM = "T0OUTSIDE"
DOMAIN = "stand-in"
APP = "A0STANDIN"
BOT_ID = "B0STANDIN"


def _nobody(_happening: Happening) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the app needs to talk to this workspace; they open nothing else."""

    bot_token: str = field(default_factory=lambda: f"xoxb-standin-{secrets.token_hex(12)}")
    app_token: str = field(default_factory=lambda: f"xapp-standin-{secrets.token_hex(12)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    page_session: str = field(default_factory=lambda: secrets.token_hex(16))
    """For the stand-in's own page, which shows what was uploaded."""


class State:
    """Everything the workspace knows. Changing it wakes whoever waits in ``changed``."""

    def __init__(
        self, *, limits: Limits, scopes: frozenset[str], credentials: Credentials, bot_name: str = "mx"
    ) -> None:
        self.limits = limits
        self.scopes = set(scopes)
        self.credentials = credentials
        self.base = ""
        """The address of the stand-in, without a slash at the end; known once it listens."""
        self.people: dict[str, Person] = {}
        self.groups: dict[str, tuple[str, list[str]]] = {}
        self.free_plan = False
        """A free plan has no user groups."""
        self.channels: dict[str, Channel] = {}
        self.messages: list[Message] = []
        self.views: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        """The App Home of each person for whom the app published one."""
        self.home_tab = True
        """Whether the app has App Home switched on."""
        self.canvases: dict[str, Canvas] = {}
        self.chosen: dict[tuple[str, str], dict[str, Json]] = {}
        """What a person has chosen in a message so far, by person and timestamp; as a view's ``state``."""
        self.tell: Callable[[Happening], None] = _nobody
        """Hears of every change of a message that everybody in its channel sees."""
        self.files: dict[str, File] = {}
        self.now: Callable[[], float] = time.time
        """The clock on the workspace's wall, by which messages are dated; its time limits are real ones."""
        self._last_ts = 0
        self._count = 0
        self._wake = asyncio.Event()
        self.bot = self.add_person(bot_name, role="bot")

    @property
    def page_cookie(self) -> tuple[str, str]:
        """Name and value of the page's cookie; cookies know no port, so the name does."""
        return f"standin-{self.base.rpartition(':')[2]}", self.credentials.page_session

    def touch(self) -> None:
        """Something changed: wake everybody who waits."""
        self._wake.set()
        self._wake = asyncio.Event()

    def changed(self) -> asyncio.Event:
        """Set at the next change; ask for it before looking, and nothing is missed."""
        return self._wake

    async def until(self, look: Callable[[], Seen], *, timeout_s: float, what: str) -> Seen:
        """Wait until ``look()`` is true and return what it gave."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (seen := look()):
                    await self._wake.wait()
        except TimeoutError:
            raise TimeoutError(f"waiting {timeout_s} s for {what}: it did not happen") from None
        return seen

    def new_id(self, prefix: str) -> str:
        """An id as Slack makes them."""
        self._count += 1
        return f"{prefix}0{self._count:08X}"

    def new_ts(self) -> str:
        """The timestamp that names a message: unique and never going back."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def add_person(self, name: str, *, role: Role = "member") -> Person:
        """Somebody new in the workspace."""
        person = Person(
            id=self.new_id("U"),
            name=name,
            role=role,
            team=OTHER_TEAM if role == "outsider" else TEAM,
            bot_id=BOT_ID if role == "bot" else None,
        )
        self.people[person.id] = person
        return person

    def direct(self, user: str) -> Channel:
        """The direct messages between a person and the app; there is one conversation for each person."""
        for channel in self.channels.values():
            if channel.direct == user:
                return channel
        channel = Channel(
            id=self.new_id("D"), name="", private=True, members=[user, self.bot.id], direct=user
        )
        self.channels[channel.id] = channel
        return channel

    def change_group(self, group: str, users: Sequence[str]) -> None:
        """Who is in a user group from now on."""
        self.groups[group] = (self.groups[group][0], list(users))
        self.touch()

    def deactivate(self, user: str) -> None:
        """Switch a person's account off."""
        self.people[user] = replace(self.people[user], deleted=True)
        self.touch()

    def post(
        self,
        channel: str,
        version: Version,
        *,
        user: str | None = None,
        thread_ts: str | None = None,
        broadcast: bool = False,
        ephemeral_to: str | None = None,
        files: tuple[str, ...] = (),
    ) -> Message:
        """Put a message into a channel, from the app unless a user is named."""
        message = Message(
            channel=channel,
            ts=self.new_ts(),
            user=user or self.bot.id,
            bot_id=None if user else BOT_ID,
            versions=[replace(version, at=self.now(), blocks=with_ids(version.blocks))],
            thread_ts=thread_ts,
            broadcast=broadcast,
            ephemeral_to=ephemeral_to,
            files=files,
        )
        self.messages.append(message)
        for name in files:
            self.files[name].shares.append((channel, message.ts, thread_ts))
        self._told(Happening("posted", message, message.user))
        return message

    def edit(self, message: Message, version: Version) -> None:
        """Add a version to a message."""
        before = message.now
        message.versions.append(
            replace(version, at=self.now(), blocks=with_ids(version.blocks)),
        )
        self._told(Happening("edited", message, message.user, before=before))

    def delete(self, message: Message, *, user: str | None = None) -> None:
        """Take a message away; the stand-in remembers it for stale clicks."""
        message.deleted = True
        self._told(Happening("deleted", message, user or message.user))

    def react(self, message: Message, name: str, *, user: str) -> bool:
        """Put an emoji on a message; False where the person already did."""
        users = message.reactions.setdefault(name, [])
        if user in users:
            return False
        users.append(user)
        self._told(Happening("reacted", message, user, reaction=name))
        return True

    def unreact(self, message: Message, name: str, *, user: str) -> bool:
        """Take an emoji away again; False where the person never put it there."""
        users = message.reactions.get(name, [])
        if user not in users:
            return False
        users.remove(user)
        if not users:
            del message.reactions[name]
        self._told(Happening("unreacted", message, user, reaction=name))
        return True

    def _told(self, happening: Happening) -> None:
        self.touch()
        if happening.message.ephemeral_to is None:
            self.tell(happening)

    def message_json(
        self, message: Message, *, version: Version | None = None, metadata: bool = False
    ) -> dict[str, Json]:
        """A message as the Web API and payloads show it, with its files and the head of its thread."""
        shown = message.as_json(version=version, metadata=metadata)
        if message.bot_id:
            shown["app_id"] = APP
        if message.files:
            shown["files"] = [self.files[each].as_json(base=self.base) for each in message.files]
            shown["upload"] = False
        parent = self.find(message.channel, message.thread_ts) if message.thread_ts else None
        if parent is not None and parent is not message:
            shown["parent_user_id"] = parent.user
        return shown

    def find(self, channel: str, ts: str) -> Message | None:
        """The message with this timestamp that is still there."""
        for message in self.messages:
            if message.channel == channel and message.ts == ts and not message.deleted:
                return message
        return None

    def find_view(self, view_id: str) -> View | None:
        """A modal that somebody has open, or somebody's App Home."""
        return next((view for view in self._views() if view.id == view_id), None)

    def find_external(self, external_id: str) -> View | None:
        """The open modal or the App Home that the app named itself."""
        named = (
            view for view in self._views() if external_id and view.body.get("external_id") == external_id
        )
        return next(named, None)

    def _views(self) -> Iterator[View]:
        for stack in self.views.values():
            yield from stack
        yield from self.homes.values()

    def publish(self, user: str, body: dict[str, Json]) -> View:
        """Show a person this App Home from now on; it keeps its id."""
        known = self.homes.get(user)
        if known is not None:
            self.change_view(known, body)
            return known
        view_id = self.new_id("V")
        shown = {**body, "blocks": list(with_ids(body["blocks"]))}
        self.homes[user] = View(id=view_id, user=user, body=shown, hash=self._new_hash(), root=view_id)
        self.touch()
        return self.homes[user]

    def open_view(self, user: str, body: dict[str, Json]) -> View:
        """Put a modal on top of what the person has open."""
        stack = self.views.setdefault(user, [])
        view_id = self.new_id("V")
        view = View(
            id=view_id,
            user=user,
            body={**body, "blocks": list(with_ids(body["blocks"]))},
            hash=self._new_hash(),
            root=stack[0].id if stack else view_id,
            previous=stack[-1].id if stack else None,
        )
        stack.append(view)
        self.touch()
        return view

    def change_view(self, view: View, body: dict[str, Json]) -> None:
        """Replace what a modal shows; answers to blocks that stay are kept."""
        view.body = {**body, "blocks": list(with_ids(body["blocks"]))}
        view.hash = self._new_hash()
        stay = {block["block_id"] for block in view.body["blocks"]}
        view.state = {block: value for block, value in view.state.items() if block in stay}
        self.touch()

    def close_view(self, view: View, *, whole_stack: bool = False) -> None:
        """Take a modal away, or everything the person has open."""
        stack = self.views.get(view.user, [])
        self.views[view.user] = [] if whole_stack else [each for each in stack if each.id != view.id]
        self.touch()

    def view_json(self, view: View) -> dict[str, Json]:
        """A modal as payloads show it."""
        return view.as_json(team=TEAM, app=APP, bot=BOT_ID)

    def _new_hash(self) -> str:
        return f"{int(self.now())}.{secrets.token_hex(4)}"
