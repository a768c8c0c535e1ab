"""The follower that proves recovery: answers who asked, resolves in their name, and looks by itself once it is well."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta, tzinfo

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
            await self.look()
            await self._clock.sleep(_WATCH_S)

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

    async def look(self) -> None:
        """Prove the recovery of each open incident whose rounds are good, or disprove the one that was proved."""
        open_ones = (await self._timeline.book()).open_incidents()
        self._not_before = {
            one.id: self._not_before[one.id] for one in open_ones if one.id in self._not_before
        }
        async with asyncio.TaskGroup() as group:
            for incident in open_ones:
                if incident.integration in self._prover.integrations:
                    group.create_task(self._looked(incident))

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

    async def _looked(self, incident: Incident) -> None:
        """Look where it may have changed; written down only where it has."""
        clock, prover = self._clock, self._prover
        if clock.monotonic() < self._not_before.get(incident.id, 0.0):
            return
        integration = prover.integrations[incident.integration]
        rounds = await prover.watched(integration, incident)
        if not rounds or (incident.recovery and incident.recovery.at >= rounds[0].at):
            return
        good = len(in_a_row(rounds)) >= integration.good_rounds and not unmet_lines(incident, zone=self._zone)
        proved = incident.recovery is not None and incident.recovery.fact.verdict == "proved"
        if good == proved:  # nothing that could be proved, or nothing that disproves it
            return
        async with self._few:
            self._not_before[incident.id] = clock.monotonic() + integration.interval_open_s
            outside = await prover.outside(incident.integration, incident)
            now = (await self._timeline.book()).incident(incident.id)
            if now is None or not now.open:
                return
            lines = proof_of(now, outside, zone=self._zone)
            if now.recovery is not None and _states(now.recovery.fact.lines) == _states(lines):
                return
            verdict = verdict_of(lines)
            says = f"It was proved before, and is no longer. {headline(lines)}" if proved else headline(lines)
            fact = RecoveryChecked(verdict=verdict, lines=lines, says=says, was_proved=proved)
            key = f"recovery:{incident.id}:{rounds[0].at.isoformat()}"
            draft = e.Draft(
                stream=now.id, actor=ACTOR, at=clock.now(), fact=fact, key=key, expect=now.version
            )
            try:
                await self._timeline.append(draft)
            except Conflict:
                self._not_before.pop(incident.id, None)  # at the next look, on what stands there then


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
