"""The monitor: looks at every integration by itself, each on its own interval, and writes down what its rounds prove."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

import structlog

from bot.domain.assessment import Assessment
from bot.domain.events import Assessed, Draft, desk
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.readings import Reading
from bot.domain.rota import Rota, Turn
from bot.domain.rounds import Judged, Seen, in_a_row, judge, kept, seen
from bot.domain.words import sentence
from bot.errors import Conflict, StoreError
from bot.faults import where
from bot.meter import Meter
from bot.ports import Clock
from bot.samples import Round, Samples, sampled
from bot.timeline import Timeline
from bot.triage import ACTOR, Triage, summary

LOOK_S = 0.5
"""How soon it is seen that an incident was opened or resolved by somebody else."""
SAMPLES = 1
SAMPLES_IN_TROUBLE = 3
"""What tells an endpoint that is down from one that errs now and then; one where MaintainX limits the rate."""
HUNG_S = 60.0
"""How long past the probes' own deadline a round may take before it is given up."""
_PRUNE_S = 3600.0
_TRIES = 8


class Online(Protocol):
    """Whether mx itself has a way out."""

    async def saw(self, readings: Sequence[Reading]) -> bool:
        """False where nobody outside was heard in these readings, nor answers now."""
        ...


@dataclass(slots=True)
class _Sight:
    """What is remembered of one integration between two rounds."""

    rounds: deque[Seen]
    samples: int = SAMPLES


class Monitor:
    """The follower that watches. One integration that is odd never stops the others: its faults are its own."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        triage: Triage,
        samples: Samples,
        online: Online,
        integrations: Mapping[str, Integration],
        at_once: int,
        chance: Callable[[], float],
        zone: tzinfo,
        meter: Meter,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._triage = triage
        self._samples = samples
        self._online = online
        self._specs = [one for one in integrations.values() if one.watch]
        self._room = asyncio.Semaphore(at_once)
        self._chance = chance
        self._zone = zone
        self._rota: Rota | None = None
        self._sights: dict[str, _Sight] = {}
        self._late: set[str] = set()
        self._ends: dict[str, float] = {}
        """By when each round that goes on should have ended."""
        self._prune_at = 0.0
        self._meter = meter
        self._log = structlog.get_logger("mx.monitor")

    async def follow(self) -> None:
        """Watch for ever; started by the composition root in the leader. Raises StoreError."""
        async with asyncio.TaskGroup() as group:
            while True:
                rota = await self._begin(group)
                await self._clock.sleep(min(LOOK_S, rota.wait_s(self._clock.monotonic())))

    async def step(self) -> float:
        """Every round that is due, to its end; the seconds until the next one. Raises StoreError."""
        async with asyncio.TaskGroup() as group:
            rota = await self._begin(group)
        return rota.wait_s(self._clock.monotonic())

    async def _begin(self, group: asyncio.TaskGroup) -> Rota:
        """Begin what is due."""
        open_ = {incident.integration for incident in (await self._timeline.book()).open_incidents()}
        rota = self._rota = self._rota or await self._made(open_)
        now = self._clock.monotonic()
        if now >= self._prune_at:
            self._prune_at = now + _PRUNE_S
            group.create_task(self._prune())
        self._meter.rounds_overdue.set(sum(end < now for end in self._ends.values()))
        for turn in rota.begin(now, open_=open_):
            group.create_task(self._turn(rota, turn))
        return rota

    async def _made(self, open_: set[str]) -> Rota:
        now = self._clock.now()
        ages = {name: (now - at).total_seconds() for name, at in (await self._samples.newest()).items()}
        return Rota(self._specs, now=self._clock.monotonic(), ages=ages, open_=open_, chance=self._chance)

    async def _prune(self) -> None:
        try:
            await self._samples.prune()
        except StoreError as error:
            self._log.warning("old samples not deleted", because=str(error))

    async def _turn(self, rota: Rota, turn: Turn) -> None:
        """One round of one integration, whatever comes of it."""
        spec, queued, interval = turn.spec, self._clock.monotonic(), turn.interval_s
        self._ends[spec.name] = queued + interval
        try:
            async with self._room:
                turn.began = self._clock.monotonic()
                async with asyncio.timeout(spec.deadline_s + HUNG_S):
                    await self._round(turn)
        except (StoreError, Conflict) as error:
            self._fell(spec, str(error))
        except TimeoutError:
            self._fell(spec, f"a probe did not keep its deadline of {spec.deadline_s:g} s")
        except Exception as error:  # noqa: BLE001 - one integration's fault, whatever it is, must not stop the watch of the others
            cause = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
            self._fell(spec, where(cause))
        finally:  # also where all rounds are cancelled, because the store could not be read: they begin again
            del self._ends[spec.name]
            self._timed(spec, self._clock.monotonic() - queued, interval)
            rota.ended(turn)

    def _fell(self, spec: Integration, because: str) -> None:
        self._meter.rounds.add("fault")
        self._log.error("round fell", integration=spec.name, fault=because)

    def _timed(self, spec: Integration, took: float, interval: float) -> None:
        """Count, and tell once in a row, a round that ended when the next one was due already."""
        if took <= interval:
            self._late.discard(spec.name)
            return
        self._meter.rounds_late.add()
        if spec.name not in self._late:
            self._late.add(spec.name)
            self._log.warning(
                "round too long",
                integration=spec.name,
                took_s=round(took, 1),
                interval_s=interval,
                do="raise rounds_at_once or its interval, or lower its deadline_s",
            )

    async def _round(self, turn: Turn) -> None:
        spec = turn.spec
        sight = self._sights.get(spec.name) or await self._remembered(spec)
        found = await self._triage.assess(spec.name, samples=sight.samples)
        online = found.healthy or await self._online.saw(found.readings)
        now = seen(found, online=online)
        if now is None:
            self._meter.rounds.add("blind")
            self._log.warning("round blind", integration=spec.name, because=found.blind_spots[:1])
            return
        self._meter.rounds.add(now.state)
        sight.rounds.append(now)
        limited = "rate-limited" in now.rules
        sight.samples = SAMPLES if now.state == "well" or limited else SAMPLES_IN_TROUBLE
        turn.soon = now.state != "well"  # until it is written down what that is worth
        judged = await self._write(spec, found, sight.rounds)
        turn.soon, turn.open = judged.unsure, turn.open or judged.opens
        await self._keep(now, found)

    async def _remembered(self, spec: Integration) -> _Sight:
        """What was seen before a restart, as far as it is in a row with what comes."""
        rows = await self._samples.latest(spec.name, kept(spec))
        row = in_a_row(map(_seen, rows), now=self._clock.now(), spec=spec)
        sight = self._sights[spec.name] = _Sight(deque(row, kept(spec)))
        return sight

    async def _write(self, spec: Integration, found: Assessment, rounds: Sequence[Seen]) -> Judged:
        """Write down what the round is worth, judged anew where another fact was first."""
        name = spec.name
        for _ in range(_TRIES):
            book = await self._timeline.book()
            latest = book.latest(name)
            judged = judge(spec, found, rounds, desk=book.desk(name), latest=latest, zone=self._zone)
            drafts = self._drafts(judged, found, latest if latest is not None and latest.open else None)
            try:
                await self._timeline.append(*drafts)
                if judged.opens:
                    await self._open(spec, found, judged.failing_since or found.at)
            except Conflict:
                continue
            for draft in drafts:
                self._log.info(
                    "watch moved", integration=name, stream=draft.stream, says=sentence(draft.fact)
                )
            return judged
        raise Conflict(f"writing down a round of {name}: others were first {_TRIES} times")

    def _drafts(self, judged: Judged, found: Assessment, incident: Incident | None) -> list[Draft]:
        """What changed, for the open incident where there is one, else for the integration's desk."""
        at = self._clock.now()
        stream = incident.id if incident else desk(found.integration)
        version = incident.version if incident else None
        drafts: list[Draft] = []
        if (fact := judged.moved) is not None:
            key = f"watch:{stream}:{fact.now}:{fact.since.isoformat()}"
            drafts.append(Draft(stream=stream, actor=ACTOR, at=at, fact=fact, key=key, expect=version))
        if judged.assessed:
            assessed = Assessed(assessment=found)
            drafts.append(Draft(stream=stream, actor=ACTOR, at=at, fact=assessed, expect=version))
        return drafts

    async def _open(self, spec: Integration, found: Assessment, failing_since: datetime) -> None:
        incident = await self._triage.open(found, failing_since=failing_since)
        if incident is None:
            return  # a person's triage was first
        self._log.warning("incident opened", incident=incident, integration=spec.name, says=summary(found))
        if spec.channel is None:
            self._log.warning(
                "incident without a channel",
                incident=incident,
                integration=spec.name,
                because="its card is shown where somebody types /mx triage",
                do=f"set incident_channel of integration {spec.name} (MX_INCIDENT_CHANNEL)",
            )

    async def _keep(self, now: Seen, found: Assessment) -> None:
        """Keep the round's sample; a chart with a hole is no reason to miss an incident."""
        taken = Round(
            found.integration,
            now.at,
            now.state,
            now.severity,
            now.verdict,
            sampled(found.readings),
            now.rules,
        )
        try:
            await self._samples.add(taken)
        except StoreError as error:
            self._log.warning("sample not kept", integration=found.integration, because=str(error))


def _seen(kept_: Round) -> Seen:
    return Seen(kept_.at, kept_.state, kept_.severity, kept_.verdict, kept_.rules)
