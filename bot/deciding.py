"""A request is decided on the fold and appended; where another fact was first, it is decided anew."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.domain import events as e
from bot.domain.book import Book
from bot.domain.incident import Incident
from bot.domain.words import sentence
from bot.errors import Conflict, Refused
from bot.ports import Clock
from bot.timeline import Timeline

TRIES = 8
"""How often a request that lost the race to an unrelated fact is decided anew."""

LONGEST_TEXT = 3000
"""Characters of a note or a reason: what Slack shows in one block."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a request: the sentence to answer, the fact it became, the incident it is about."""

    says: str
    event: e.Event | None
    incident: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """A decided request: the fact to append, and what to say once it stands."""

    says: str
    incident: str | None = None
    fact: e.AnyFact | None = None
    """None: nothing is to be appended, the answer is all."""
    stream: str = ""
    expect: int | None = None


def on(found: Incident, fact: e.AnyFact, *, says: str, binding: bool = True) -> Move:
    """A fact for this incident; ``binding``: only if nothing happened in it since it was looked at."""
    return Move(
        says=says, incident=found.id, fact=fact, stream=found.id, expect=found.version if binding else None
    )


def open_in(book: Book, integration: str) -> Incident:
    """The integration's open incident. Raises Refused where there is none."""
    found = book.open_incident(integration)
    if found is None:
        raise Refused(nothing_open(integration))
    return found


def nothing_open(integration: str) -> str:
    """What a person is told where no incident is open."""
    return f"There is no open incident for {integration}. Type /mx triage to look."


def open_or_latest(book: Book, integration: str) -> Incident:
    """The integration's open incident, else its latest. Raises Refused where there has been none."""
    found = book.open_incident(integration) or book.latest(integration)
    if found is None:
        raise Refused(f"There has been no incident for {integration} yet. Type /mx triage to look.")
    return found


def worded(words: str, *, example: str) -> str:
    """A note or a reason, without white space around it. Raises Refused where it is empty or too long."""
    found = words.strip()
    if not found:
        raise Refused(f"Say it in words, such as: {example}")
    if len(found) > LONGEST_TEXT:
        raise Refused(f"That is {len(found)} characters; write at most {LONGEST_TEXT}.")
    return found


Decide = Callable[[Book], Awaitable[Move] | Move]


class Deciding:
    """Turns decisions into facts."""

    def __init__(self, timeline: Timeline, clock: Clock) -> None:
        self._timeline = timeline
        self._clock = clock

    async def do(self, decide: Decide, integration: str, *, actor: str, key: str | None) -> Done:
        """Decide on the fold as it is now and append; where another fact was first, decide on the fresh fold."""
        for attempt in range(TRIES):
            book = await self._timeline.book()
            try:
                decided = decide(book)
                move = decided if isinstance(decided, Move) else await decided
            except Refused:
                if first := await self._first(book, integration, key=key):
                    return first
                raise
            if move.fact is None:
                return Done(says=move.says, event=None, incident=move.incident)
            draft = e.Draft(
                stream=move.stream,
                actor=actor,
                at=self._clock.now(),
                fact=move.fact,
                key=key,
                expect=move.expect,
            )
            try:
                (event,) = await self._timeline.append(draft)
            except Conflict:
                if attempt == TRIES - 1:
                    raise
                continue
            return Done(says=move.says, event=event, incident=move.incident)
        raise AssertionError("the last try returns or raises")

    async def _first(self, book: Book, integration: str, *, key: str | None) -> Done | None:
        """What came of the same delivery when it arrived first; a repeat must not be told "you were too late"."""
        latest = book.latest(integration)
        if key is None or latest is None:
            return None
        for event in await self._timeline.history(latest.id):
            if event.key == key:
                return Done(says=f"{sentence(event.fact)}.", event=event, incident=latest.id)
        return None
