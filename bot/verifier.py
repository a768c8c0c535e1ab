"""The follower that proves recovery: answers who asked, resolves in their name, and looks by itself once it is well."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.proof import Outside, accepted, headline, in_a_row, line, open_lines
from bot.domain.telling import hour
from bot.domain.watching import RecoveryChecked, RecoveryLine, VerifyRequested, verdict_of
from bot.errors import Conflict
from bot.ports import Clock
from bot.proof import Prover, proof_of
from bot.run_rules import unmet_lines
from bot.timeline import Timeline

ACTOR = "mx"
LATE = timedelta(minutes=10)
"""A resolve that is found this old was given to a process that is gone: nobody is resolved in their sleep."""
_IDLE_S = 5.0
_GATHER_S = 0.02
_WATCH_S = 2.0
_PER_ROUND = 5
"""So often between two rounds it is looked whether a new one has come."""
_UNKNOWN_S = 60.0
_TRIES = 8
_AT_ONCE = 8
"""So many incidents are looked at side by side."""


class Verifier:
    """Two loops of the leader: ``follow`` answers requests, ``watch`` looks unasked."""

    def __init__(self, timeline: Timeline, prover: Prover, clock: Clock, *, zone: tzinfo) -> None:
        self._timeline = timeline
        self._prover = prover
        self._clock = clock
        self._zone = zone
        self._not_before: dict[str, float] = {}
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def follow(self) -> None:
        """Answer, for ever; started by the composition root in the leader."""
        while True:
            head = (await self._timeline.book()).head.seq
            while await self.step():
                pass
            await self._timeline.changed(head, timeout_s=_IDLE_S)
            await self._clock.sleep(_GATHER_S)

    async def watch(self) -> None:
        """Look at open incidents that are well again, for ever; started by the composition root in the leader."""
        while True:
            more = await self.look()
            await self._clock.sleep(_GATHER_S if more else _WATCH_S)

    async def step(self) -> bool:
        """Answer every request that waits, those about one incident by one look; False where none waits."""
        waiting: dict[str, list[e.Event]] = {}
        for event in (await self._timeline.book()).pending_verifies():
            waiting.setdefault(event.stream, []).append(event)
        async with asyncio.TaskGroup() as group:
            for stream, asked in waiting.items():
                group.create_task(self._answer(stream, asked))
        return bool(waiting)

    async def record(
        self,
        integration: str,
        incident: str | None,
        lines: tuple[RecoveryLine, ...],
        *,
        actor: str,
        request: str,
    ) -> None:
        """Write down what was looked at in this process, question and answer at once. Raises StoreError."""
        now, stream = self._clock.now(), incident or e.desk(integration)
        checked = RecoveryChecked(
            request=request, verdict=verdict_of(lines), lines=lines, says=headline(lines)
        )
        await self._timeline.append(
            e.Draft(stream=stream, actor=actor, at=now, fact=VerifyRequested(request=request)),
            e.Draft(stream=stream, actor=ACTOR, at=now, fact=checked, key=f"verify:{request}"),
        )

    async def look(self) -> bool:
        """Prove the recovery of incidents whose rounds are good, or disprove it where it was proved; True: more are due.

        So many at once, then the loop comes round: a thousand that recover together are one after the other.
        """
        clock, due = self._clock, list[tuple[Incident, datetime]]()
        open_ones = (await self._timeline.book()).open_incidents()
        known = self._not_before
        self._not_before = {one.id: known[one.id] for one in open_ones if one.id in known}
        for incident in sorted(open_ones, key=lambda one: known.get(one.id, 0.0)):
            if len(due) == _AT_ONCE or known.get(incident.id, 0.0) > clock.monotonic():
                break
            if (newest := await self._worth_a_look(incident)) is not None:
                due.append((incident, newest))
        async with asyncio.TaskGroup() as group:
            for incident, newest in due:
                group.create_task(self._looked(incident, newest))
        return len(due) == _AT_ONCE

    async def _answer(self, stream: str, asked: Sequence[e.Event]) -> None:
        async with self._few:
            book = await self._timeline.book()
            about = book.incident(stream)
            name = about.integration if about else stream.removeprefix(e.desk(""))
            if name in self._prover.integrations:
                outside = await self._prover.outside(name, about)
            else:
                says = f"there is no integration {name} in the settings, so nothing could be asked"
                outside = Outside(self._clock.now(), (line("settings", "unmet", says),))
            for _ in range(_TRIES):
                incident = (await self._timeline.book()).incident(stream)
                lines = proof_of(incident, outside, zone=self._zone)
                try:
                    await self._timeline.append(*self._answers(stream, asked, incident, lines))
                except Conflict:  # another fact was first: decided anew on what stands there now
                    continue
                return
            raise Conflict(f"answering what was asked about {stream}: others were first {_TRIES} times")

    def _answers(
        self,
        stream: str,
        asked: Sequence[e.Event],
        incident: Incident | None,
        lines: tuple[RecoveryLine, ...],
    ) -> list[e.Draft]:
        """One line for each who asked; the first who may resolve by it does, and the others hear of that."""
        now, head = self._clock.now(), headline(lines)
        drafts: list[e.Draft] = []
        over = _over(incident, self._zone)
        for event in asked:
            request = event.fact
            assert isinstance(request, VerifyRequested)
            resolved: e.Resolved | None = None
            says = head
            if request.resolve and incident is not None:
                if over:
                    says = f"{over} meanwhile. {head}"
                elif now - event.at > LATE:
                    at = hour(event.at, self._zone)
                    says = f"mx was away when this was asked for at {at}, so {incident.id} stays open. {head}"
                else:
                    resolved, says = _decided(request, incident, lines)
                if resolved:
                    over = f"{incident.id} was resolved by {event.actor}"
            checked = RecoveryChecked(
                request=request.request,
                verdict=verdict_of(lines),
                lines=lines,
                says=says,
                address=request.address,
            )
            expect = incident.version if incident and not drafts else None
            key = f"verify:{request.request}"
            drafts.append(e.Draft(stream=stream, actor=ACTOR, at=now, fact=checked, key=key, expect=expect))
            if resolved:
                key = f"resolve:{request.request}"
                drafts.append(e.Draft(stream=stream, actor=event.actor, at=now, fact=resolved, key=key))
        return drafts

    async def _worth_a_look(self, incident: Incident) -> datetime | None:
        """When the latest round was, where recovery may be proved by it, or disproved."""
        integration = self._prover.integrations.get(incident.integration)
        every_s = integration.interval_open_s if integration else _UNKNOWN_S
        self._not_before[incident.id] = self._clock.monotonic() + max(_WATCH_S, every_s / _PER_ROUND)
        rounds = await self._prover.watched(integration, incident) if integration else ()
        if integration is None or not rounds:
            return None
        if incident.recovery and incident.recovery.at >= rounds[0].at:
            return None
        good = len(in_a_row(rounds)) >= integration.good_rounds and not unmet_lines(incident, zone=self._zone)
        if good == _proved(incident):  # nothing that could be proved, or nothing that disproves it
            return None
        self._not_before[incident.id] = self._clock.monotonic() + every_s
        return rounds[0].at

    async def _looked(self, incident: Incident, newest: datetime) -> None:
        """Look, and write it down where something has changed."""
        outside = await self._prover.outside(incident.integration, incident)
        now = (await self._timeline.book()).incident(incident.id)
        if now is None or not now.open:
            return
        lines = proof_of(now, outside, zone=self._zone)
        if now.recovery is not None and _states(now.recovery.fact.lines) == _states(lines):
            return
        verdict, was_proved = verdict_of(lines), _proved(now)
        says = headline(lines)
        if was_proved and verdict != "proved":
            says = f"It was proved before, and is no longer. {says}"
        fact = RecoveryChecked(verdict=verdict, lines=lines, says=says, was_proved=was_proved)
        key = f"recovery:{incident.id}:{newest.isoformat()}"
        at = self._clock.now()
        draft = e.Draft(stream=now.id, actor=ACTOR, at=at, fact=fact, key=key, expect=now.version)
        try:
            await self._timeline.append(draft)
        except Conflict:
            self._not_before.pop(incident.id, None)  # at the next look, on what stands there then


def _proved(incident: Incident) -> bool:
    return incident.recovery is not None and incident.recovery.fact.verdict == "proved"


def _decided(
    request: VerifyRequested, incident: Incident, lines: tuple[RecoveryLine, ...]
) -> tuple[e.Resolved | None, str]:
    """Whether it is resolved by these lines, and what the asker is told."""
    head, left = headline(lines), open_lines(lines)
    if not left:
        return e.Resolved(reason=request.anyway or ""), f"{head}. {incident.id} is resolved"
    if request.anyway is None:
        how = "settle that first, or take it in your name: /mx resolve anyway REASON"
        return None, f"{head}. {incident.id} stays open; {how}"
    points = f"{len(left)} open point{'' if len(left) == 1 else 's'}"
    return (
        e.Resolved(reason=request.anyway, accepted=accepted(lines)),
        f"{head}. {incident.id} is resolved all the same, with {points} accepted",
    )


def _over(incident: Incident | None, zone: tzinfo) -> str:
    if incident is None or incident.open or incident.resolved_at is None:
        return ""
    return f"{incident.id} was resolved by {incident.resolved_by} at {hour(incident.resolved_at, zone)}"


def _states(lines: tuple[RecoveryLine, ...]) -> tuple[tuple[str, str], ...]:
    """What has to differ for a look to be worth writing down."""
    return tuple((one.name, one.state) for one in lines)
