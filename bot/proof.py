"""Whether recovery is proved: everything that is to be asked, at once, each line under a deadline of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from bot.canary import sail
from bot.domain.assessment import Assessment
from bot.domain.gateway import GatewayStatus
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.look import Look
from bot.domain.proof import (
    BACKLOG,
    FRESH,
    GAPS,
    MITIGATIONS,
    ORDERS,
    ROUNDS,
    RUNS,
    SYNC,
    Began,
    Outside,
    Seen,
    asked_line,
    backlog_line,
    began,
    findings_line,
    in_order,
    line,
    recent,
    standing_line,
    sync_line,
    watched_line,
)
from bot.domain.readings import Reading
from bot.domain.watching import RecoveryLine
from bot.errors import MxError, OutsideError
from bot.faults import where
from bot.freshness import WORK_ORDERS, count_line, counted, fresh
from bot.ports import Clock, Gateway, KeySource
from bot.run_rules import gap_lines, going_lines, lease_lines
from bot.samples import Round
from bot.straight import Straight

LINE_S = 12.0
"""How long one line may take; a canary that is cut short there is still cancelled."""
_LOOK_S = 3.0
_ASK_S = 4.0
"""How long one request may take: twelve seconds are no time for one that hangs."""
_PER_S = 1.67
"""Requests to MaintainX per second: its own limit, 100 in 60 s, held from one request to the next."""
_APART_S = 3.0
MOST_ASKED = 5
"""So many rounds are asked at most, where nobody watches."""
_BACK = 200
"""So many of the monitor's rounds are looked through for the last bad one."""

_Asked = Callable[[], Awaitable[tuple[RecoveryLine, ...]]]


@dataclass(frozen=True, slots=True)
class Prover:
    """Looks, and writes nothing; at MaintainX at most a canary, where the settings allow one."""

    integrations: Mapping[str, Integration]
    keys: Mapping[str, KeySource]
    gateway: Gateway
    clock: Clock
    zone: tzinfo
    assess: Callable[[str], Awaitable[Assessment]]
    """One round of every probe, now."""
    look: Callable[[str, float], Awaitable[Look | None]]
    """A look at what waits at the gateway, within so many seconds; None for what the gateway does not serve."""
    rounds: Callable[[str, int], Awaitable[Sequence[Round]]]
    """The monitor's latest rounds, newest first."""
    sync: Callable[[str], Awaitable[Reading | None]]
    """The integration's record of its last sync; None where it is not set."""

    async def outside(self, name: str, incident: Incident | None) -> Outside:
        """Ask everything at once; takes about fifteen seconds at most, and raises nothing but cancellation."""
        integration = self.integrations[name]
        at = self.clock.now()
        seen: list[Seen] = []
        watched = await self.watched(integration, incident)
        border = began(incident, watched, now=at)

        async def well() -> tuple[RecoveryLine, ...]:
            return (await self._rounds(integration, watched, seen),)

        async def flows() -> tuple[RecoveryLine, ...]:
            return await self._flows(integration, incident, border)

        async def backlog() -> tuple[RecoveryLine, ...]:
            return (backlog_line(await self.look(name, _LOOK_S), zone=self.zone),)

        async def synced() -> tuple[RecoveryLine, ...]:
            return (sync_line(await self.sync(name)),)

        asked: tuple[tuple[tuple[str, ...], _Asked], ...] = (
            ((ROUNDS,), well),
            ((FRESH, ORDERS), flows),
            ((BACKLOG,), backlog),
            ((SYNC,), synced),
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_in_time(names, ask)) for names, ask in asked]
        lines = [one for task in tasks for one in task.result()]
        latest = max((*watched[:1], *seen), key=lambda one: one.at, default=None)
        return Outside(self.clock.now(), tuple(lines), latest)

    async def watched(self, integration: Integration, incident: Incident | None) -> tuple[Seen, ...]:
        """The monitor's rounds up to now, newest first; empty where it does not run."""
        try:
            found = await self.rounds(integration.name, _BACK)
        except MxError:
            return ()
        every_s = _every_s(integration, incident)
        longest_s = max(integration.interval_s, integration.interval_open_s)
        seen = [Seen(one.at, one.state == "well", _bad(one)) for one in found]
        return recent(seen, now=self.clock.now(), every_s=every_s, longest_s=longest_s)

    async def _rounds(
        self, integration: Integration, watched: Sequence[Seen], seen: list[Seen]
    ) -> RecoveryLine:
        """By the monitor's rounds; by rounds asked now, put into ``seen``, where there are too few of those."""
        needed = integration.good_rounds
        if len(watched) >= needed or (watched and not watched[0].good):
            every_s = integration.interval_open_s
            return watched_line(watched, needed=needed, every_s=every_s, zone=self.zone)
        needed = min(needed, MOST_ASKED)
        while len(seen) < needed and (not seen or seen[-1].good):
            if seen:
                await self.clock.sleep(_APART_S)
            found = await self.assess(integration.name)
            says = "" if found.healthy else f"{found.severity}, {found.findings[0].symptom}"
            seen.append(Seen(found.at, found.healthy, says))
        return asked_line(seen, needed=needed, apart_s=_APART_S)

    async def _flows(
        self, integration: Integration, incident: Incident | None, since: Began
    ) -> tuple[RecoveryLine, ...]:
        """Fresh data and the count of the last hour; by a canary where nothing moves and the settings allow one."""
        brisk = integration.model_copy(update={"deadline_s": min(integration.deadline_s, _ASK_S)})
        key = self.keys[integration.name]
        async with Straight.open(
            brisk, key, gateway=self.gateway, clock=self.clock, rate_per_s=_PER_S
        ) as straight:
            moved = await fresh(straight, integration, since=since, zone=self.zone)
            if WORK_ORDERS not in integration.endpoints:
                return moved, line(ORDERS, "unknown", "work orders are not among what this integration asks")
            orders = count_line(await counted(straight, now=self.clock.now()))
            quiet = "no_traffic" in (moved.state, orders.state)
            if not integration.canary or not quiet or "unmet" in (moved.state, orders.state):
                return moved, orders
            subject = incident.id if incident else integration.name
            left = await self._left(straight)
            canary = await sail(straight, subject, left=left, clock=self.clock, zone=self.zone)
            if moved.state == "no_traffic" or canary.state == "unmet":
                moved = line(FRESH, canary.state, f"{moved.says}; {canary.says}")
            if orders.state == "no_traffic" and canary.state == "met":
                orders = count_line(await counted(straight, now=self.clock.now()), canary=canary.number)
            return moved, orders

    async def _left(self, straight: Straight) -> float | None:
        """Requests left in MaintainX's limit, as it says itself, else as the gateway reckons."""
        if straight.left is not None:
            return straight.left
        try:
            return GatewayStatus.from_json(await self.gateway.status(window_s=60)).budget_left
        except OutsideError:
            return None


def proof_of(incident: Incident | None, outside: Outside, *, zone: tzinfo) -> tuple[RecoveryLine, ...]:
    """All lines: those from outside, and what the timeline knows of the incident now."""
    if incident is None:
        return in_order([*outside.lines, findings_line(None, outside.latest, zone=zone)])
    leases, runs, gaps = (rule(incident, zone=zone) for rule in (lease_lines, going_lines, gap_lines))
    return in_order(
        [
            *outside.lines,
            standing_line(MITIGATIONS, leases, good="nothing is switched on"),
            standing_line(RUNS, runs, good="no playbook is under way"),
            standing_line(GAPS, gaps, good="no gap is open"),
            findings_line(incident.assessment, outside.latest, zone=zone),
        ]
    )


def blind(names: Sequence[str], why: str) -> tuple[RecoveryLine, ...]:
    """Lines that could not be looked at: they are not met."""
    return tuple(line(name, "unmet", why) for name in names)


async def _in_time(names: Sequence[str], ask: _Asked) -> tuple[RecoveryLine, ...]:
    try:
        async with asyncio.timeout(LINE_S):
            return await ask()
    except TimeoutError:
        return blind(names, f"no answer within {LINE_S:g} s; what hangs: /mx triage")
    except MxError as error:
        return blind(names, str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours in one line must not keep a person from resolving
        return blind(names, f"a fault in mx itself ({where(error)}), so it is not known")


def _every_s(integration: Integration, incident: Incident | None) -> float:
    return integration.interval_s if incident is None else integration.interval_open_s


def _bad(one: Round) -> str:
    if one.state == "well":
        return ""
    severity = f"{one.severity}, " if one.severity else ""
    return f"{severity}{one.state}"
