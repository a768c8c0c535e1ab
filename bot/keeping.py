"""Putting a message on the timeline, and following what becomes of it: the requests, decided on the fold."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal

from bot.deciding import Deciding, Done, Move, on
from bot.domain.book import Book
from bot.domain.events import Draft
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.notebook import (
    AnyNotebook,
    KeepAnswered,
    KeepRequested,
    KeptFile,
    KeptMessageChanged,
    KeptMessageRemoved,
)
from bot.domain.notebook_state import Kept
from bot.errors import Refused
from bot.ports import Clock
from bot.timeline import Timeline

AFTER = timedelta(days=7)
"""So long after an incident is resolved, messages still go on its timeline: the post-mortem is written then."""

By = Literal["shortcut", "emoji", "mention"]


def answered(request: str) -> str:
    """The key under which a request is answered: whoever comes first has answered it, once."""
    return f"kept:{request}"


class Keeping:
    """Ask for a message to be kept; note its edits and its end. All methods raise Refused, Conflict or StoreError."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        new_id: Callable[[], str],
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._new_id = new_id
        self._deciding = Deciding(timeline, clock)

    async def request(
        self,
        integration: str,
        channel: str,
        message: str,
        *,
        by: By,
        actor: str,
        address: Address,
        key: str | None,
    ) -> Done:
        """Have this message put on the timeline of the open incident, else of the one that was resolved lately."""

        def decide(book: Book) -> Move:
            found = self._incident(book, integration)
            if found.notebook.find(channel, message) is not None:
                return Move(says=f"That message is on the timeline of {found.id} already.", incident=found.id)
            fact = KeepRequested(
                request=self._new_id(), channel=channel, message=message, by=by, address=address
            )
            return on(found, fact, says=f"It goes on the timeline of {found.id}.", binding=False)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def edited(
        self,
        channel: str,
        message: str,
        *,
        text: str,
        files: tuple[KeptFile, ...],
        at: datetime,
        actor: str,
        key: str | None,
    ) -> None:
        """Its author edited a message; where it is kept, the timeline says so. A new preview of a link is no edit."""
        for found, kept in await self._kept(channel, message):
            if kept.version in found.redacted:
                continue  # what was hidden would be read here again
            if kept.text != text:
                fact = KeptMessageChanged(
                    channel=channel, message=message, text=text, edited_at=at, files=files
                )
                await self._append(found, fact, actor=actor, key=key)

    async def deleted(self, channel: str, message: str, *, actor: str, key: str | None) -> None:
        """A message is gone from Slack; where it is kept, the timeline says so and keeps what it said."""
        for found, _ in await self._kept(channel, message):
            fact = KeptMessageRemoved(channel=channel, message=message, cause="deleted")
            await self._append(found, fact, actor=actor, key=key)

    async def unkept(self, channel: str, message: str, *, actor: str, key: str | None) -> None:
        """Whoever kept it by the emoji took the emoji away again, perhaps before it was fetched."""
        says = "The emoji was taken away before the message could be fetched, so it is not on the timeline."
        for found in (await self._timeline.book()).incidents():
            for event in found.notebook.wanted:
                asked = event.fact
                if (
                    isinstance(asked, KeepRequested)
                    and (asked.channel, asked.message, asked.by) == (channel, message, "emoji")
                    and event.actor == actor
                ):
                    answer = KeepAnswered(request=asked.request, says=says)
                    # Where the keeper was faster this writes nothing, and the message is taken off below.
                    await self._append(found, answer, actor=actor, key=answered(asked.request))
        for found, kept in await self._kept(channel, message):
            if kept.kept_by == actor and kept.fact.by == "emoji":
                fact = KeptMessageRemoved(channel=channel, message=message, cause="unkept")
                await self._append(found, fact, actor=actor, key=key)

    async def _append(self, found: Incident, fact: AnyNotebook, *, actor: str, key: str | None) -> None:
        # One delivery may have news of a message that is on two timelines.
        key = f"{key}:{found.id}" if key and not isinstance(fact, KeepAnswered) else key
        draft = Draft(stream=found.id, actor=actor, at=self._clock.now(), fact=fact, key=key)
        await self._timeline.append(draft)

    async def _kept(self, channel: str, message: str) -> list[tuple[Incident, Kept]]:
        """Where this message is kept: an incident that is long over has news of its messages too."""
        every = (await self._timeline.book()).incidents()
        return [(one, kept) for one in every if (kept := one.notebook.find(channel, message)) is not None]

    def _incident(self, book: Book, integration: str) -> Incident:
        found = book.open_incident(integration) or book.latest(integration)
        if found is None:
            raise Refused(
                f"There has been no incident for {integration} yet, so there is no timeline to put it on."
            )
        if found.resolved_at is not None and self._clock.now() - found.resolved_at > AFTER:
            raise Refused(
                f"Nothing is open for {integration}, and {found.id} was resolved over {AFTER.days} days ago, so its "
                "timeline takes no more messages."
            )
        return found
