"""A plant at MaintainX, a gateway and the prover between them: what the tests of recovery's proof look at."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from typing import Any

from bot.demo.maintainx import FakeMaintainX
from bot.demo.maintainx.records import Recorded
from bot.domain.assessment import Assessment
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.look import Look
from bot.domain.readings import Reading
from bot.domain.watching import RecoveryLine, WatchState
from bot.gateway_client import GatewayClient
from bot.gateway_watch import Watch
from bot.proof import Prover
from bot.samples import Round
from bot.timeline import Timeline
from tests import room
from tests.domain import made
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.steps.around import Key
from tests.wound_clock import WoundClock


@dataclass
class Plant:
    """Everything a proof asks, and what a test turns of it."""

    clock: WoundClock
    maintainx: FakeMaintainX
    gateway: GatewayStandIn
    prover: Prover
    watch: Watch
    found: list[tuple[str, ...]] = field(default_factory=list)
    """Which rules the next rounds that mx asks itself will find; after them all is well."""
    rounds: list[Round] = field(default_factory=list)
    """The monitor's rounds, newest first."""
    sync: list[Reading] = field(default_factory=list)
    assessed: int = 0

    def seen(self, *states: WatchState, every_s: float = 30.0, ago_s: float = 10.0) -> None:
        """The monitor's latest rounds, newest first."""
        now = self.clock.now()
        self.rounds[:] = [
            Round(
                integration="default",
                at=now - timedelta(seconds=ago_s + index * every_s),
                state=state,
                severity=None,
                verdict="nobody",
                probes=(),
            )
            for index, state in enumerate(states)
        ]

    def works(self, count: int = 1, **row: Any) -> list[int]:
        """People make work orders now."""
        rows = self.maintainx.rows
        return [rows.add("/workorders", {"title": f"Leak {number}", **row}) for number in range(count)]

    def settings(self, **changes: Any) -> None:
        """Describe the integration otherwise."""
        [one] = self.prover.integrations.values()
        changed = {"default": one.model_copy(update=changes)}
        self.prover = replace(self.prover, integrations=changed)

    async def line(self, name: str, incident: Incident | None = None) -> RecoveryLine:
        """One line of what the outside says now."""
        outside = await self.prover.outside("default", incident)
        return next(one for one in outside.lines if one.name == name)

    def sent(self, method: str = "POST") -> list[Recorded]:
        """The writes that MaintainX was asked for."""
        return [one for one in self.maintainx.requests if one.method == method]

    def canaries(self) -> list[dict[str, Any]]:
        """The work orders that mx made."""
        rows = self.maintainx.workorders.values()
        return [dict(row) for row in rows if str(row["title"]).startswith("mx canary")]


@asynccontextmanager
async def plant(clock: WoundClock, timeline: Timeline, **settings: Any) -> AsyncIterator[Plant]:
    """A plant whose work orders are hours old, and nobody who watches."""
    async with (
        FakeMaintainX.start(key=Key().value or "", now=clock.now, monotonic=clock.monotonic) as maintainx,
        GatewayStandIn(clock).serve() as gateway,
        GatewayClient.open(gateway.url, token=TOKEN) as client,
    ):
        spec = Integration(base_url=maintainx.base_url, status_url="http://127.0.0.1:9", **settings)
        watch = Watch(timeline, client, clock=clock, integration="default")
        made: Plant

        async def assess(name: str) -> Assessment:
            made.assessed += 1
            return room.assessment(clock, *(made.found.pop(0) if made.found else ()))

        async def look(name: str, within_s: float) -> Look | None:
            return await watch.fresh(name, within_s=within_s)

        async def rounds(name: str, count: int) -> Sequence[Round]:
            return made.rounds[:count]

        async def sync(name: str) -> Reading | None:
            return made.sync[0] if made.sync else None

        prover = Prover(
            integrations={"default": spec},
            keys={"default": Key()},
            gateway=client,
            clock=clock,
            zone=UTC,
            assess=assess,
            look=look,
            rounds=rounds,
            sync=sync,
        )
        made = Plant(clock, maintainx, gateway, prover, watch)
        yield made


def body(one: Recorded) -> Any:
    """What a write carried."""
    return json.loads(one.body)


def healthy() -> Assessment:
    """What a triage finds where all is well."""
    return made.judged(made.healthy())
