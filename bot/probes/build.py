"""All probes of one integration, in the order in which a person reads them; each guarded."""

from collections.abc import Callable

from bot.domain.integration import Integration
from bot.ports import Clock, Gateway, KeySource, LogSource, Probe
from bot.probes.api import ApiProbe
from bot.probes.exchange import Wire
from bot.probes.guard import Guarded, Kind
from bot.probes.key import KeyProbe
from bot.probes.logs import LogProbe
from bot.probes.service import ServiceProbe
from bot.probes.spending import Spending
from bot.probes.status_page import StatusPageProbe
from bot.probes.traffic import TrafficProbe
from bot.probes.versions import VersionsProbe


def probes_for(
    integration: Integration,
    *,
    key: KeySource,
    clock: Clock,
    scrub: Callable[[str], str],
    gateway: Gateway | None = None,
    log: LogSource | None = None,
) -> tuple[Probe, ...]:
    """The probes of one integration. Keep them: what they share (TLS settings, the tally) is loaded once."""
    wire, spending = Wire(), Spending(gateway)
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
    rows: tuple[tuple[Probe, Kind, str], ...] = (
        *((probe, "api", probe.path) for probe in api),
        (versions, "versions", "/versions"),
        (service, "service", "/health"),
        (KeyProbe(key=key, clock=clock), "key", "API key"),
        (page, "status_page", "status page"),
        (LogProbe(source=log, clock=clock, deadline_s=deadline), "logs", "log"),
        (TrafficProbe(gateway=gateway), "traffic", "gateway traffic"),
    )
    return tuple(Guarded(probe, kind, target, scrub) for probe, kind, target in rows)
