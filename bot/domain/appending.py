"""What may be appended now, and as which numbers: the rules of a write, judged on the book under the write lock. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.domain.book import Book
from bot.domain.chain import link
from bot.domain.events import Event, IncidentOpened, Reopened, StepStarted
from bot.domain.events import desk as desk_of
from bot.domain.stored import Prepared, as_text, envelope
from bot.errors import Conflict

_DESK = desk_of("")

_RULED = (IncidentOpened, Reopened, StepStarted)

Append = tuple[Prepared, ...]
"""The drafts of one call: all of them or none."""

Answers = list[tuple[Event, ...] | Exception]
"""What each call gets: its events, or why it was refused."""


class Batch:
    """Appends that will be committed together: each is taken whole or refused, whatever becomes of the others."""

    def __init__(self, book: Book, *, known: Mapping[str, Event], epoch: int, recorded_at: datetime) -> None:
        self.rows: list[tuple[str | int | None, ...]] = []
        self.events: list[Event] = []
        self._book = book
        self._known: dict[str | None, Event] = dict(known.items())
        self._epoch = epoch
        self._recorded_at = recorded_at
        self._recorded_text = as_text(recorded_at)
        self._seq, self._hash = book.head
        # What the appends before this one change, since the book does not know of them yet.
        self._versions: dict[str, int] = {}
        self._opened: dict[str, str] = {}

    def answers(self, appends: Iterable[Append]) -> Answers:
        """What becomes of each append, in order."""
        answers: Answers = []
        for append in appends:
            try:
                answers.append(self.take(append))
            except Conflict as conflict:
                answers.append(conflict)
        return answers

    def take(self, append: Append) -> tuple[Event, ...]:
        """The events of an append, or of its keys where they are known already. Raises Conflict."""
        repeated = [self._known[ready.draft.key] for ready in append if ready.draft.key in self._known]
        if repeated:
            return tuple(repeated)
        versions, opened = self._judged(append)
        events: list[Event] = []
        for ready, version in zip(append, versions, strict=True):
            event = self._written(ready, version)
            events.append(event)
            self._versions[event.stream] = version
            if event.key is not None:
                self._known[event.key] = event
        if opened:
            self._opened |= opened
        return tuple(events)

    def _judged(self, append: Append) -> tuple[list[int], dict[str, str]]:
        """The version of each draft in its stream, and what is opened for which integration."""
        before: dict[str, int] = {}
        now: dict[str, int] = {}
        opened: dict[str, str] = {}
        versions: list[int] = []
        for ready in append:
            stream, expect = ready.draft.stream, ready.draft.expect
            if stream not in now:
                before[stream] = now[stream] = self._version(stream)
            if expect is not None and expect not in {before[stream], now[stream]}:
                raise Conflict(
                    f"{stream} has moved on: it is at version {before[stream]}, and version {expect} was expected"
                )
            self._judge(ready, now[stream], opened)
            now[stream] += 1
            versions.append(now[stream])
        return versions, opened

    def _judge(self, ready: Prepared, version: int, opened: dict[str, str]) -> None:
        stream, fact = ready.draft.stream, ready.fact
        if stream.startswith(_DESK):
            return
        # ``type`` and not ``isinstance``, which asks pydantic's metaclass: this is run for every fact.
        if (version == 0) != (type(fact) is IncidentOpened):
            raise Conflict(f"{stream} is open already" if version else f"there is no incident {stream}")
        if type(fact) not in _RULED:
            return
        match fact:
            case IncidentOpened():
                self._open(fact.integration, stream, opened)
            case Reopened():
                incident = self._book.incident(stream)
                if incident is not None:
                    self._open(incident.integration, stream, opened)
            case StepStarted() if fact.epoch < self._epoch:
                raise Conflict(
                    f"step {fact.index + 1} of run {fact.run} was not started: another process leads since "
                    f"(term {self._epoch}, and this one's was {fact.epoch})"
                )
            case _:
                pass

    def _open(self, integration: str, stream: str, opened: dict[str, str]) -> None:
        """One integration has one open incident."""
        there = self._book.open_incident(integration)
        other = opened.get(integration) or self._opened.get(integration) or (there.id if there else None)
        if other not in {None, stream}:
            raise Conflict(f"{other} is open for {integration} already")
        opened[integration] = stream

    def _version(self, stream: str) -> int:
        return self._versions.get(stream) or self._book.version(stream)

    def _written(self, ready: Prepared, version: int) -> Event:
        draft, fact, actor, at, data = ready
        stream, key = draft.stream, draft.key
        self._seq += 1
        columns = (stream, version, fact.kind, actor, at, self._recorded_text, key, data)
        self._hash = digest = link(self._hash, self._seq, *columns)
        event = envelope(
            self._seq,
            stream,
            version,
            actor,
            key,
            fact,
            at=draft.at,
            recorded_at=self._recorded_at,
            digest=digest,
        )
        self.rows.append((self._seq, *columns, digest))
        self.events.append(event)
        return event
