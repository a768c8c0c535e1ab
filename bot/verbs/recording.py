"""``mx triage --record``: what the triage asked and found, on the timeline."""

from collections.abc import Sequence

from bot.config import Settings
from bot.domain.assessment import Assessment
from bot.engine import open_engine
from bot.errors import StoreError
from bot.ports import Clock
from bot.verbs.actor import actor


async def record_triage(
    settings: Settings, clock: Clock, *, found: Sequence[Assessment], samples: int
) -> None:
    """Write these assessments to the timeline; each opens an incident where one is due. Raises StoreError."""
    try:
        async with open_engine(settings, clock=clock) as engine:
            for one in found:
                await engine.triage.record(one, actor=actor(), samples=samples)
    except StoreError as error:
        raise StoreError(f"this triage is not on the timeline: {error}") from error
