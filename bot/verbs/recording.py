"""``mx triage --record``: the same triage, asked for and answered on the timeline."""

import asyncio
from collections.abc import Sequence

from bot.config import Settings
from bot.domain.assessment import Assessment
from bot.engine import open_engine
from bot.ports import Clock
from bot.verbs.actor import actor


async def record_triage(
    settings: Settings, clock: Clock, *, names: Sequence[str], samples: int
) -> tuple[Assessment, ...]:
    """Assess these integrations, all at once, and write what was asked and found to the timeline."""
    async with open_engine(settings, clock=clock) as engine, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(engine.triage.record(name, actor=actor(), samples=samples)) for name in names
        ]
    return tuple(task.result() for task in tasks)
