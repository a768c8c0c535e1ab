"""The follower that posts what a channel must hear, in the timeline's order, once; Slack being down only delays it.

The timeline is the queue. What is written down beside it is a place: up to which fact everything was looked at, and
which facts before that still wait, since their channel is in trouble.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

import structlog

from bot.domain.book import Book
from bot.domain.events import Event
from bot.domain.integration import Integration
from bot.faults import where
from bot.meter import Meter
from bot.ports import Clock
from bot.slack import postwords
from bot.slack.api import AWAY, NOT_THERE, SlackError
from bot.slack.blocks import Message
from bot.slack.card import GATHER_S
from bot.slack.chat import SlackChat
from bot.slack.replies import Replies
from bot.timeline import Timeline

BETWEEN_S = 1.2
"""Slack takes about one message a second in a channel."""
_PLACE = "posts"
_FAR = 1000
"""So many facts are passed over before the place is written down again."""
_AT_ONCE = 8
"""Channels that are posted to side by side."""
_LOOK_S = 0.5
_IDLE_S = 5.0
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0
_WAITS = AWAY | NOT_THERE | {"missing_scope", "restricted_action", "ekm_access_denied"}
"""Permanent errors after which a post waits for a person; after any other, Slack will never take this very message."""


@dataclass(slots=True)
class _Line:
    """What waits for one channel, oldest first, and when it may be posted there again."""

    channel: str
    waiting: deque[Event] = field(default_factory=deque)
    unsure: bool = False
    """The first one may stand in Slack already: look before it is posted."""
    busy: bool = False
    not_before: float = 0.0
    wait_s: float = _FIRST_WAIT_S


class Posts:
    """Posts each fact of ``postwords`` once to its incident's channel. One channel's trouble is no other's."""

    def __init__(
        self,
        timeline: Timeline,
        chat: SlackChat,
        replies: Replies,
        *,
        integrations: Mapping[str, Integration],
        clock: Clock,
        zone: tzinfo,
        meter: Meter | None = None,
    ) -> None:
        self._timeline = timeline
        self._chat = chat
        self._replies = replies
        self._integrations = integrations
        self._clock = clock
        self._zone = zone
        self._meter = meter or Meter()
        self._lines: dict[str, _Line] | None = None
        self._seen = 0
        self._noted = 0
        self._noting = asyncio.Lock()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._log = structlog.get_logger("mx.slack.posts")

    async def follow(self) -> None:
        """Post, for ever; started by the composition root in the leader. Raises StoreError."""
        self._lines = None  # while another process led, it went on from the place that is written down
        async with asyncio.TaskGroup() as group:
            while True:
                for line in await self._ready():
                    line.busy = True
                    group.create_task(self._send(line))
                wait_s = _LOOK_S if self.waiting else _IDLE_S
                await self._timeline.changed(self._seen, timeout_s=wait_s)
                await self._clock.sleep(GATHER_S)

    async def step(self) -> int:
        """Post to each channel what it can take now, at most one post each; how many wait still."""
        async with asyncio.TaskGroup() as group:
            for line in await self._ready():
                line.busy = True
                group.create_task(self._send(line))
        return self.waiting

    @property
    def waiting(self) -> int:
        """How many posts wait for Slack."""
        return sum(len(line.waiting) for line in (self._lines or {}).values())

    async def _ready(self) -> list[_Line]:
        """Take in what is new; the channels that can be posted to now."""
        lines = await self._take_in()
        now = self._clock.monotonic()
        return [one for one in lines.values() if one.waiting and not one.busy and now >= one.not_before]

    async def _take_in(self) -> dict[str, _Line]:
        lines, left, after, first = self._lines, frozenset[int](), self._seen, self._lines is None
        if lines is None:
            noted = json.loads(await self._replies.shown(_PLACE) or "{}")
            lines, left = {}, frozenset(noted.get("left", ()))
            self._seen = self._noted = noted.get("seen", 0)
            after = min(left) - 1 if left else self._seen
        while events := await self._timeline.since(after):
            book = await self._timeline.book()
            for event in events:
                if (event.seq > self._seen or event.seq in left) and postwords.posted(event):
                    self._queue(event, book, lines, unsure=first)
            after = events[-1].seq
            self._seen = max(self._seen, after)
        self._lines = lines
        self._meter.posts_waiting.set(self.waiting)
        if self._seen - self._noted >= _FAR:
            await self._note()
        return lines

    def _queue(self, event: Event, book: Book, lines: dict[str, _Line], *, unsure: bool) -> None:
        found = book.incident(event.stream)
        known = self._integrations.get(found.integration) if found else None
        if found is None:
            return
        channel = found.card.channel if found.card else (known and known.channel) or found.channel
        if channel is None:
            return  # nobody has said where people should read of it
        # An earlier life may have posted the first of these and not written that down.
        line = lines.setdefault(channel, _Line(channel, unsure=unsure))
        line.waiting.append(event)

    async def _send(self, line: _Line) -> None:
        """Post the first that still matters; those before it that do not are passed over."""
        try:
            async with self._turns:
                while line.waiting:
                    event = line.waiting[0]
                    message = await self._message(event)
                    if message is not None:
                        await self._deliver(line, event, message)
                        self._meter.posts.add("posted")
                    else:
                        self._meter.posts.add("old news")
                    await self._pass(line)
                    if message is not None:
                        return
        except SlackError as error:
            await self._failed(line, error)
        finally:
            line.busy = False

    async def _message(self, event: Event) -> Message | None:
        """The post as it reads now; None where it is old news."""
        incident = (await self._timeline.book()).incident(event.stream)
        if incident is None:
            return None
        try:
            return postwords.message(event, incident, zone=self._zone, now=self._clock.now())
        except Exception as error:  # noqa: BLE001 - the Slack edge: a fault of ours in one post must not stop the others
            self._log.error("post fell", incident=event.stream, fact=event.seq, fault=where(error))
            return None

    async def _deliver(self, line: _Line, event: Event, message: Message) -> None:
        if not (line.unsure and await self._stands(line.channel, event)):
            try:
                await self._chat.post(line.channel, message)
            except SlackError as error:
                line.unsure = line.unsure or error.maybe_done
                raise
        line.unsure = False
        line.wait_s, line.not_before = _FIRST_WAIT_S, self._clock.monotonic() + BETWEEN_S

    async def _stands(self, channel: str, event: Event) -> bool:
        """Whether the post is in the channel already, where Slack lets us look."""
        try:
            found = await self._chat.find(channel, postwords.METADATA, "fact", postwords.name(event))
        except SlackError as error:
            if error.code == "missing_scope":
                self._log.warning("earlier post not looked for", incident=event.stream, because=str(error))
                return False
            raise
        return found is not None

    async def _failed(self, line: _Line, error: SlackError) -> None:
        self._log.warning(
            "post not delivered", incident=line.waiting[0].stream, channel=line.channel, because=str(error)
        )
        if error.permanent and error.code not in _WAITS:
            self._meter.posts.add("refused")
            await self._pass(line)
            return
        self._meter.posts.add("put off")
        line.not_before = self._clock.monotonic() + (line.wait_s if error.wait_s is None else error.wait_s)
        line.wait_s = min(line.wait_s * 2, _LONGEST_WAIT_S)

    async def _pass(self, line: _Line) -> None:
        """The first of this line is dealt with."""
        line.waiting.popleft()
        await self._note()

    async def _note(self) -> None:
        """Write the place down, so that a restart goes on from it."""
        async with self._noting:  # what is written last must be what is true last
            left = sorted(event.seq for line in (self._lines or {}).values() for event in line.waiting)
            seen = self._seen
            await self._replies.note(_PLACE, json.dumps({"seen": seen, "left": left}))
            self._noted = seen
