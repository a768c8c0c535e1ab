"""Triage: ask everything at once, and assess."""

import asyncio
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from bot.domain.assessment import Assessment
from bot.domain.diagnosis import diagnose
from bot.domain.integration import Integration
from bot.domain.readings import Reading, Status
from bot.ports import Clock, Probe

_WHOSE: Mapping[str, str] = {
    "maintainx": "MaintainX's side",
    "us": "our side",
    "key": "the API key",
    "network": "the network",
    "nobody": "nobody's",
}


async def read_all(probes: Sequence[Probe], *, samples: int) -> tuple[Reading, ...]:
    """Every probe at once, each under its own deadline; the readings in the probes' order."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(probe.read(samples=samples)) for probe in probes]
    return tuple(task.result() for task in tasks)


async def assess(
    integration: Integration, probes: Sequence[Probe], *, samples: int, clock: Clock, zone: ZoneInfo
) -> Assessment:
    """Ask now, and say what is wrong. Never raises for anything that the outside does."""
    at = clock.now()
    readings = await read_all(probes, samples=samples)
    return diagnose(integration, readings, at=at, zone=zone)


def summary(found: Assessment) -> str:
    """One line: how bad, whose fault, what; or that nothing is wrong and how many questions say so."""
    if found.severity is None:
        good = sum(reading.status is Status.OK for reading in found.readings)
        blind = len(found.blind_spots)
        unseen = f"; {blind} blind spot{'' if blind == 1 else 's'}" if blind else ""
        return f"healthy: {good} of {len(found.readings)} questions answered well{unseen}"
    more = f" (and {len(found.findings) - 1} more)" if len(found.findings) > 1 else ""
    return f"{found.severity}, {_WHOSE[found.verdict]}: {found.findings[0].symptom}{more}"
