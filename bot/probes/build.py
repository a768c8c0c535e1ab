"""All probes of one integration, in the order in which a person reads them; each guarded."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from bot.domain.integration import Integration
from bot.meter import Meter
from bot.ports import Clock, Gateway, KeySource, LogSource, Probe
from bot.probes.api import ApiProbe
from bot.probes.exchange import Wire
from bot.probes.guard import Guarded, Kind
from bot.probes.host import HostProbe
from bot.probes.key import KeyProbe
from bot.probes.logs import LogProbe
from bot.probes.service import ServiceProbe
from bot.probes.spending import Spending
from bot.probes.status_page import StatusPageProbe
from bot.probes.sync_state import SyncStateProbe
from bot.probes.traffic import TrafficProbe
from bot.probes.versions import VersionsProbe
from bot.servicehost import host_of


@dataclass(frozen=True, slots=True)
class Outside:
    """What the probes of all integrations share: TLS settings that are loaded once, the tally of requests."""

    clock: Clock
    scrub: Callable[[str], str]
    gateway: Gateway | None
    wire: Wire
    spending: Spending
    meter: Meter

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        clock: Clock,
        scrub: Callable[[str], str],
        gateway: Gateway | None = None,
        meter: Meter | None = None,
    ) -> AsyncIterator[Self]:
        """The way out, for as long as the block runs."""
        yield cls(
            clock=clock,
            scrub=scrub,
            gateway=gateway,
            wire=Wire(),
            spending=Spending(gateway),
            meter=meter or Meter(),
        )


def probes_for(
    integration: Integration,
    *,
    key: KeySource,
    outside: Outside,
    log: LogSource | None = None,
    served: bool = True,
) -> tuple[Probe, ...]:
    """The probes of one integration; cheap to make, since what costs lies in ``outside``.

    What passes the gateway is asked only of the integration that it serves: the traffic is another's otherwise.
    """
    wire, spending, clock = outside.wire, outside.spending, outside.clock
    base, slow, deadline = integration.base_url, integration.slow_ms, integration.deadline_s
    api = (
        ApiProbe(
            base_url=base,
            path=path,
            key=key,
            wire=wire,
            spending=spending,
            org_id=integration.org_id,
            slow_ms=slow,
            deadline_s=deadline,
        )
        for path in integration.endpoints
    )
    versions = VersionsProbe(base_url=base, wire=wire, spending=spending, slow_ms=slow, deadline_s=deadline)
    service = ServiceProbe(
        url=integration.health_url,
        configured=integration.health_configured,
        wire=wire,
        slow_ms=slow,
        deadline_s=deadline,
    )
    page = StatusPageProbe(url=integration.status_url, wire=wire, clock=clock, deadline_s=deadline)
    spec = integration.service
    process: tuple[tuple[Probe, Kind, str], ...] = ()
    if spec is not None:
        process = ((HostProbe(host=host_of(spec), clock=clock, deadline_s=deadline), "host", "process"),)
    state: tuple[tuple[Probe, Kind, str], ...] = ()
    if integration.sync_state_file:
        sync = SyncStateProbe(
            file=integration.sync_state_file,
            stale_s=integration.sync_stale_s,
            clock=clock,
            deadline_s=deadline,
        )
        state = ((sync, "sync", "sync state"),)
    traffic: tuple[tuple[Probe, Kind, str], ...] = ()
    if served:
        traffic = ((TrafficProbe(gateway=outside.gateway), "traffic", "gateway traffic"),)
    rows: tuple[tuple[Probe, Kind, str], ...] = (
        *((probe, "api", probe.path) for probe in api),
        (versions, "versions", "/versions"),
        (service, "service", "/health"),
        *process,
        (KeyProbe(key=key, clock=clock), "key", "API key"),
        (page, "status_page", "status page"),
        (LogProbe(source=log, clock=clock, deadline_s=deadline), "logs", "log"),
        *state,
        *traffic,
    )
    return tuple(
        Guarded(probe, kind, target, outside.scrub, clock, outside.meter) for probe, kind, target in rows
    )
