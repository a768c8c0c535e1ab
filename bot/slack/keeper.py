"""The follower that puts messages on the timeline: fetched with author, time, files and permalink; Slack away only delays it.

Whoever asked is told privately: a message or an emoji of ours under somebody's words would be one more thing to read
for everybody at a bad time, and ours would be the only reaction that means nothing to them.
"""

from collections.abc import Mapping
from typing import Any

import structlog

from bot import keeping
from bot.domain.events import Draft, Event
from bot.domain.incident import Incident
from bot.domain.notebook import (
    KeepAnswered,
    KeepRequested,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)
from bot.ports import Clock
from bot.slack import blocks
from bot.slack.api import SlackApi, SlackError
from bot.slack.card import GATHER_S
from bot.slack.chat import SlackChat
from bot.slack.limits import Mrkdwn, escape, say
from bot.slack.replies import Replies
from bot.slack.said import author_of, files_of, moment_of, text_of
from bot.timeline import Timeline

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LOOK_S = 1.0
_IDLE_S = 5.0


class Keeper:
    """Fetches each message that somebody wants kept, once."""

    def __init__(
        self, timeline: Timeline, api: SlackApi, chat: SlackChat, replies: Replies, *, clock: Clock
    ) -> None:
        self._timeline = timeline
        self._api = api
        self._chat = chat
        self._replies = replies
        self._clock = clock
        self._seen = 0
        self._waiting: dict[str, tuple[float, float]] = {}
        """By request: not before this second, and how long the next wait is."""
        self._owing: set[str] = set()
        self._log = structlog.get_logger("mx.slack.keeper")

    async def follow(self) -> None:
        """Keep what is wanted, for ever; started by the composition root in the leader. Raises StoreError."""
        self._seen = 0
        while True:
            left = await self.step()
            await self._timeline.changed(self._seen, timeout_s=_LOOK_S if left else _IDLE_S)
            await self._clock.sleep(GATHER_S)

    async def step(self) -> int:
        """Fetch what can be fetched now; how many are still owed."""
        book = await self._timeline.book()
        self._owing |= {one.id for one in book.moved(self._seen) if one.notebook.wanted}
        self._seen = book.head.seq
        left = 0
        for stream in sorted(self._owing):
            found = book.incident(stream)
            wanted = found.notebook.wanted if found else ()
            for event in wanted:
                assert found is not None
                if isinstance(event.fact, KeepRequested) and not await self._keep(found, event, event.fact):
                    left += 1
            if not wanted:
                self._owing.discard(stream)
        return left

    async def _keep(self, found: Incident, event: Event, fact: KeepRequested) -> bool:
        """True where the request is answered."""
        not_before, wait_s = self._waiting.get(fact.request, (0.0, _FIRST_WAIT_S))
        if self._clock.monotonic() < not_before:
            return False
        try:
            kept = await self._fetched(fact)
        except SlackError as error:
            if not error.permanent:
                again_s = error.wait_s if error.wait_s is not None else wait_s
                later = self._clock.monotonic() + again_s
                self._waiting[fact.request] = (later, min(wait_s * 2, _LONGEST_WAIT_S))
                return False
            self._log.warning("message not kept", incident=found.id, because=str(error))
            await self._settle(
                event, fact, KeepAnswered(request=fact.request, says=f"It is not kept: {error}.")
            )
            return True
        now = (await self._timeline.book()).incident(
            found.id
        ) or found  # another request may have kept it just now
        if kept is None:
            says = "That message cannot be found any more, so it is not on the timeline."
            await self._settle(event, fact, KeepAnswered(request=fact.request, says=says))
        elif now.notebook.find(fact.channel, fact.message) is not None:
            says = f"That message is on the timeline of {found.id} already."
            await self._settle(event, fact, KeepAnswered(request=fact.request, says=says))
        else:
            await self._settle(event, fact, kept)
            await self._look_again(event.stream, fact)
        return True

    async def _fetched(self, fact: KeepRequested) -> MessageKept | None:
        """The message as it is now; None where it is gone. Raises SlackError."""
        message = await self._chat.read(fact.channel, fact.message)
        if message is None or message.get("subtype") == "tombstone":
            return None  # what heads a thread leaves a tombstone when it is deleted
        thread = message.get("thread_ts")
        return MessageKept(
            request=fact.request,
            channel=fact.channel,
            message=fact.message,
            author=author_of(message),
            said_at=moment_of(fact.message),
            text=text_of(message),
            by=fact.by,
            thread=str(thread) if thread and thread != fact.message else None,
            permalink=await self._chat.permalink(fact.channel, fact.message),
            files=files_of(message),
        )

    async def _look_again(self, stream: str, fact: KeepRequested) -> None:
        """News that came between the reading and the writing was nobody's, since the message was not kept yet."""
        try:
            message = await self._chat.read(fact.channel, fact.message)
        except SlackError as error:
            self._log.warning("kept message not looked at again", incident=stream, because=str(error))
            return
        found = (await self._timeline.book()).incident(stream)
        kept = found.notebook.find(fact.channel, fact.message) if found else None
        if kept is None:
            return
        news: KeptMessageChanged | KeptMessageRemoved
        if message is None or message.get("subtype") == "tombstone":
            news = KeptMessageRemoved(channel=fact.channel, message=fact.message, cause="deleted")
        elif text_of(message) != kept.text:
            news = KeptMessageChanged(
                channel=fact.channel,
                message=fact.message,
                text=text_of(message),
                edited_at=self._clock.now(),
                files=files_of(message),
            )
        else:
            return
        actor = kept.fact.author if isinstance(news, KeptMessageChanged) else "slack"
        key = f"{keeping.answered(fact.request)}:again"
        await self._timeline.append(
            Draft(stream=stream, actor=actor, at=self._clock.now(), fact=news, key=key)
        )

    async def _settle(self, event: Event, fact: KeepRequested, answer: MessageKept | KeepAnswered) -> None:
        key = keeping.answered(fact.request)
        before = (await self._timeline.book()).version(event.stream)
        draft = Draft(stream=event.stream, actor=event.actor, at=event.at, fact=answer, key=key)
        (written,) = await self._timeline.append(draft)
        self._waiting.pop(fact.request, None)
        if written.version <= before:
            return  # another life has told already
        told = (
            escape(answer.says)
            if isinstance(answer, KeepAnswered)
            else say(
                "It is on the timeline of {}, line {}. To hide it there: `/mx redact {} REASON`",
                event.stream,
                written.version,
                written.version,
            )
        )
        await self._tell(event, fact, told)

    async def _tell(self, event: Event, fact: KeepRequested, text: Mrkdwn) -> None:
        """Tell whoever asked; that it could not be told is no reason to ask again."""
        message: Mapping[str, Any] = blocks.private(text)
        url = await self._replies.take(fact.address.reply) if fact.address.reply else None
        try:
            if url is not None:
                await self._api.respond(url, message)
            elif event.actor.startswith("slack:"):
                await self._chat.whisper(fact.channel, event.actor.removeprefix("slack:"), message)
        except SlackError as error:
            self._log.warning("private answer not delivered", incident=event.stream, because=str(error))
