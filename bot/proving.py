"""The proof of recovery, put together: what it asks, from the parts that Slack and the terminal share."""

from bot.domain.assessment import Assessment
from bot.domain.look import Look
from bot.domain.readings import Reading
from bot.engine import Engine
from bot.gateway_watch import Watch
from bot.probes.sync_state import SyncStateProbe
from bot.proof import Prover
from bot.verifier import Verifier


def prover_of(engine: Engine, watch: Watch) -> Prover:
    """What looks; ``watch`` looks at the gateway."""

    async def assess(name: str) -> Assessment:
        return await engine.triage.assess(name, samples=1)

    async def look(name: str, within_s: float) -> Look | None:
        return await watch.fresh(name, within_s=within_s)

    async def sync(name: str) -> Reading | None:
        spec = engine.settings.integrations[name]
        if spec.sync_state_file is None:
            return None
        probe = SyncStateProbe(
            file=spec.sync_state_file,
            stale_s=spec.sync_stale_s,
            clock=engine.clock,
            deadline_s=spec.deadline_s,
        )
        return await probe.read()

    return Prover(
        integrations=engine.settings.integrations,
        keys=engine.keys,
        gateway=engine.gateway,
        clock=engine.clock,
        zone=engine.settings.bot.zone,
        assess=assess,
        look=look,
        rounds=engine.samples.latest,
        sync=sync,
    )


def verifier_of(engine: Engine, watch: Watch) -> Verifier:
    """The follower that answers by it."""
    return Verifier(engine.timeline, prover_of(engine, watch), engine.clock, zone=engine.settings.bot.zone)
