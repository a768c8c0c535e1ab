"""Each integration: its key, what mx is not told of it, its sync's record; and the team's own playbooks."""

import asyncio
from collections.abc import Iterator

from bot.config import Settings
from bot.domain.gateway import listed
from bot.domain.integration import Integration
from bot.domain.keytext import stray_parts
from bot.domain.readings import Status
from bot.ports import Clock, KeySource
from bot.probes.sync_state import SyncStateProbe
from bot.verbs.doctoring.check import FEW, Check, note, summed
from bot.verbs.playbooks import found_in

_AT_ONCE = 16


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Keys, what is unset, sync states, playbooks."""
    keys = {name: _key(name, source) for name, source in settings.keys.items()}
    told = {name: _told(one) for name, one in settings.integrations.items()}
    return [
        *summed("keys", keys),
        *summed("evidence", told),
        *summed("sync's record", await _sync_states(settings, clock)),
        await _playbooks(settings),
    ]


def _key(name: str, key: KeySource) -> Check:
    value, what = key.current(), f"key of {name}"
    if value is None or not value.strip():
        return Check(
            what,
            f"none in {key.name}; without one the gateway cannot replay what it buffers either",
            "put the key there, for the gateway's process too (MaintainX: Settings > Integrations > API Keys)",
        )
    stray = stray_parts(value)
    found = f"present, {len(value)} characters, from {key.name}"
    if stray:
        return Check(what, f"{found}; it holds {listed(stray)}", "write it again without that")
    return Check(what, found)


def _told(integration: Integration) -> Check:
    """What a triage cannot see because nobody said where it is."""
    what, unset = f"evidence of {integration.name}", [*_unset(integration)]
    if not unset:
        return Check(what, "its health page, its log, its process and its sync's record are known")
    said = f"mx is not told where {listed(tuple(name for name, _ in unset))} {'is' if len(unset) == 1 else 'are'}"
    return note(what, said, f"to have that looked at too, set {', '.join(how for _, how in unset)}")


def _unset(integration: Integration) -> Iterator[tuple[str, str]]:
    if not integration.health_configured:
        yield "its health page", "INTEGRATION_HEALTH_URL"
    if integration.log is None:
        yield "its log", "log_file, log_unit or log_command"
    if integration.service is None:
        yield "its process", "service_container or service_unit"
    if integration.sync_state_file is None:
        yield "its sync's record", "sync_state_file"


async def _sync_states(settings: Settings, clock: Clock) -> dict[str, Check]:
    room = asyncio.Semaphore(_AT_ONCE)

    async def look(integration: Integration, file: str) -> Check:
        async with room:
            probe = SyncStateProbe(file, integration.sync_stale_s, clock, deadline_s=FEW)
            reading = await probe.read()
        what = f"sync's record of {integration.name}"
        if reading.status is Status.UNKNOWN:
            return Check(what, reading.says, "correct sync_state_file, or take it out of mx.toml")
        if reading.status is Status.OK:
            return Check(what, reading.says)
        return note(what, reading.says, "it can be read, so mx is set up; mx triage says what is wrong")

    async with asyncio.TaskGroup() as group:
        tasks = {
            name: group.create_task(look(one, one.sync_state_file))
            for name, one in settings.integrations.items()
            if one.sync_state_file is not None
        }
    return {name: task.result() for name, task in tasks.items()}


async def _playbooks(settings: Settings) -> Check:
    """The team's own playbooks: how many stand, and what is wrong with the others."""
    folder = settings.bot.playbooks
    if not folder.is_dir():
        return Check("own playbooks", f"none: there is no folder {folder}")
    found = await found_in(settings, folder)
    stand = f"{len(found.own)} in {folder}"
    if not found.faults:
        return Check("own playbooks", stand)
    faults = f"{len(found.faults)} fault{'' if len(found.faults) == 1 else 's'}"
    return Check("own playbooks", f"{stand}, {faults} in others, which are left out", "mx playbooks check")
