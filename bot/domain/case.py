"""The readings of one triage, sorted for the rules: what was asked of the API, and who else was heard."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.domain.change import Change
from bot.domain.integration import Integration
from bot.domain.readings import (
    HttpDetail,
    KeyDetail,
    LogDetail,
    Phase,
    Reading,
    Sample,
    ServiceDetail,
    ServiceState,
    Status,
    StatusPageDetail,
    SyncDetail,
    TrafficDetail,
)

_D = TypeVar(
    "_D",
    HttpDetail,
    ServiceDetail,
    ServiceState,
    KeyDetail,
    StatusPageDetail,
    LogDetail,
    TrafficDetail,
    SyncDetail,
)

OK = 200
UNAUTHORISED = 401
FORBIDDEN = 403
NOT_FOUND = 404
LIMITED = 429
SERVER_ERROR = 500


def bad(sample: Sample) -> bool:
    """The sample brought no good answer."""
    return sample.code != OK


def limited(sample: Sample) -> bool:
    """The sample was answered with a 429."""
    return sample.code == LIMITED


def unanswered(sample: Sample) -> bool:
    """The exchange broke off in a phase of its way."""
    return sample.code is None and sample.failed_phase is not None


def server_error(sample: Sample) -> bool:
    """The sample was answered with a 5xx."""
    return sample.code is not None and sample.code >= SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One collection of the API as it was found."""

    path: str
    critical: bool
    status: Status
    ms: float | None
    says: str
    detail: HttpDetail

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every try."""
        return self.detail.samples

    @property
    def failing(self) -> bool:
        """At least one try brought no good answer."""
        return self.status is Status.FAILING

    @property
    def broken(self) -> bool:
        """No try brought a good answer, and not for the rate limit alone."""
        if not self.failing or self.limited_only:
            return False
        return not self.detail.body_ok or all(map(bad, self.samples))

    @property
    def came(self) -> bool:
        """At least one try brought a good answer, with what the API promises in it."""
        return self.detail.body_ok and not all(map(bad, self.samples))

    @property
    def limited_only(self) -> bool:
        """Every bad answer was a 429."""
        wrong = [sample for sample in self.samples if bad(sample)]
        return bool(wrong) and all(map(limited, wrong))

    def any(self, want: Callable[[Sample], bool]) -> bool:
        """Some try is such."""
        return any(map(want, self.samples))

    def all(self, want: Callable[[Sample], bool]) -> bool:
        """There were tries and all are such."""
        return bool(self.samples) and all(map(want, self.samples))

    def count(self, want: Callable[[Sample], bool]) -> int:
        """How many tries are such."""
        return sum(map(want, self.samples))


@dataclass(frozen=True, slots=True)
class Case:
    """What every rule looks at."""

    integration: Integration
    readings: tuple[Reading, ...]
    at: datetime
    changes: tuple[Change, ...] = ()
    """What was changed at MaintainX in the day before, oldest first."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The collections that were asked (those of which nothing is known left out)."""
        critical = self.integration.critical
        return tuple(
            Endpoint(
                path=r.target,
                critical=r.target in critical,
                status=r.status,
                ms=r.ms,
                says=r.says,
                detail=r.detail if isinstance(r.detail, HttpDetail) else HttpDetail(url=""),
            )
            for r in self.readings
            if r.probe == "api" and r.status is not Status.UNKNOWN
        )

    def where(self, want: Callable[[Sample], bool]) -> tuple[Endpoint, ...]:
        """The endpoints with such a try."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.any(want))

    def reading(self, probe: str) -> Reading | None:
        """The (worst) reading of a kind of which there is one."""
        found = [r for r in self.readings if r.probe == probe]
        return next((r for r in found if r.status is Status.FAILING), found[0] if found else None)

    def _detail(self, probe: str, kind: type[_D]) -> _D | None:
        reading = self.reading(probe)
        return reading.detail if reading is not None and isinstance(reading.detail, kind) else None

    @property
    def service(self) -> ServiceDetail | None:
        """The integration's own health answer."""
        return self._detail("service", ServiceDetail)

    @property
    def host(self) -> ServiceState | None:
        """The integration's own process; None where mx is not told where it runs, or could not look."""
        return self._detail("host", ServiceState)

    @property
    def key(self) -> KeyDetail | None:
        """What the key looks like."""
        return self._detail("key", KeyDetail)

    @property
    def status_page(self) -> StatusPageDetail | None:
        """The vendor's status page; None where it was not reached."""
        return self._detail("status_page", StatusPageDetail)

    @property
    def logs(self) -> LogDetail | None:
        """The last errors of the integration's log."""
        return self._detail("logs", LogDetail)

    @property
    def traffic(self) -> TrafficDetail | None:
        """What passed the gateway."""
        return self._detail("traffic", TrafficDetail)

    @property
    def sync(self) -> SyncDetail | None:
        """What the integration noted of its last sync; None where that is not configured or cannot be read."""
        return self._detail("sync", SyncDetail)

    @property
    def versions_work(self) -> bool | None:
        """The API's front door answers without a key; None where that is not known."""
        reading = self.reading("versions")
        if reading is None or reading.status is Status.UNKNOWN:
            return None
        return reading.status is not Status.FAILING

    @property
    def versions_phase(self) -> Phase | None:
        """The phase in which the front door's exchange broke."""
        detail = self._detail("versions", HttpDetail)
        return next((s.failed_phase for s in detail.samples), None) if detail else None

    @property
    def status_page_reached(self) -> bool:
        """Another host of the vendor answered something: this machine's own way to the internet works."""
        return self.status_page is not None

    @property
    def vendor_admits(self) -> bool:
        """The status page tells of trouble with the API."""
        page = self.status_page
        return page is not None and page.state in {"degraded", "downtime", "maintenance"}
