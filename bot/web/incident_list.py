"""``GET /incidents``: every incident, the open ones first, and what they add up to, month by month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import urlencode

from aiohttp import web

from bot.domain.assessment import Severity
from bot.domain.heading import symptom
from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.domain.stats import Group, Spread, stats
from bot.domain.stats_words import legend, opening, short
from bot.ports import Clock
from bot.timeline import Timeline
from bot.web.entry import Entry, Fill, page
from bot.web.people import People
from bot.web.stamps import Stamp, Stamps

MONTHS = 12
ON_A_PAGE = 50
_MILDEST = 5
_STATES = ("open", "resolved")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list is asked for; empty: all of it."""

    integration: str = ""
    state: str = ""
    severity: str = ""
    number: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """What the address says; what it says wrong is passed over."""
        state, severity, number = query.get("state", ""), query.get("severity", ""), query.get("page", "")
        return cls(
            query.get("integration", ""),
            state if state in _STATES else "",
            severity if severity in {str(one) for one in Severity} else "",
            max(1, int(number)) if number.isascii() and number.isdecimal() and len(number) < 7 else 1,  # noqa: PLR2004 - digits
        )

    def takes(self, incident: Incident) -> bool:
        """Whether this incident is among them."""
        return (
            self.integration in ("", incident.integration)
            and self.state in ("", incident.state)
            and self.severity in ("", str(incident.severity))
        )

    def at(self, number: int) -> str:
        """The query of another page of the same."""
        said = {"integration": self.integration, "state": self.state, "severity": self.severity}
        kept = {key: value for key, value in said.items() if value}
        return "?" + urlencode(kept | ({"page": number} if number > 1 else {}))


@dataclass(frozen=True, slots=True)
class Row:
    """An incident in the list."""

    incident: str
    integration: str
    severity: str
    tone: str
    open: bool
    drill: bool
    symptom: str
    opened: Stamp
    took: str
    owner: str


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of the statistics, in words."""

    name: str
    number: int
    open: int
    in_time: str
    acknowledge: str
    mitigate: str
    resolve: str
    worst: str
    worst_incident: str


class IncidentList:
    """Makes the list."""

    def __init__(
        self, timeline: Timeline, clock: Clock, *, entry: Entry, people: People, duty: Duty, fill: Fill
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._entry = entry
        self._people = people
        self._duty = duty
        self._fill = fill

    def route(self) -> web.RouteDef:
        """The list's route."""
        return web.get("/incidents", self._list)

    async def _list(self, request: web.Request) -> web.Response:
        if (answer := self._entry.list(request)) is not None:
            return answer
        every = (await self._timeline.book()).incidents()
        wanted, now = Wanted.of(request.query), self._clock.now()
        found = in_order([one for one in every if wanted.takes(one)])
        pages = max(1, -(-len(found) // ON_A_PAGE))
        number = min(wanted.number, pages)
        shown = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
        await self._people.learn(one.acknowledged_by or "" for one in shown)
        # The figures are of all severities and states of what is asked for: a part of them would say nothing.
        reckoned = stats(
            (one for one in every if wanted.integration in ("", one.integration)),
            calendar=self._duty.calendar,
            now=now,
            months=MONTHS,
        )
        return page(
            self._fill(
                "incidents.html.j2",
                root="",
                rows=[_row(one, self._people, zone=self._duty.zone, now=now) for one in shown],
                number=len(found),
                of=len(every),
                wanted=wanted,
                page=number,
                pages=pages,
                integrations=sorted({one.integration for one in every}),
                severities=[str(one) for one in Severity],
                opening=opening(reckoned),
                legend=legend(),
                total=_figures(reckoned.total, "All"),
                by_month=[_figures(one, one.month) for one in reckoned.by_month],
                by_severity=[_figures(one, _severity(one.severity)) for one in reckoned.by_severity],
                counted=bool(reckoned.counted),
                zone=reckoned.zone,
            )
        )


def in_order(found: Sequence[Incident]) -> list[Incident]:
    """The open ones first, the gravest of them at the top; then the rest, the latest first."""
    still = sorted((one for one in found if one.open), key=lambda one: (_grave(one), one.opened_at))
    over = sorted((one for one in found if not one.open), key=lambda one: one.opened_at, reverse=True)
    return [*still, *over]


def _grave(incident: Incident) -> int:
    return incident.severity.number if incident.severity else _MILDEST


def _row(incident: Incident, people: People, *, zone: tzinfo, now: datetime) -> Row:
    took = ((incident.resolved_at or now) - incident.opened_at).total_seconds()
    return Row(
        incident=incident.id,
        integration=incident.integration,
        severity=str(incident.severity) if incident.severity else "No severity",
        tone=f"sev-{incident.severity.number}" if incident.severity else "none",
        open=incident.open,
        drill=incident.drill,
        symptom=symptom(incident),
        opened=Stamps(zone, now.astimezone(zone).date()).short(incident.opened_at),
        took=short(max(0.0, took)),
        owner=people.who(incident.acknowledged_by) if incident.acknowledged_by else "nobody",
    )


def _severity(name: str) -> str:
    return "No severity" if name == "none" else name


def _figures(group: Group, name: str) -> Figures:
    median = [_median(one) for one in (group.acknowledge, group.mitigate, group.resolve)]
    due = group.deadlines
    return Figures(
        name,
        group.resolved + group.open,
        group.open,
        f"{due.met} of {due.due}" if due.due else "-",
        acknowledge=median[0],
        mitigate=median[1],
        resolve=median[2],
        worst=short(group.resolve.worst_s) if group.resolve else "",
        worst_incident=group.resolve.worst_incident if group.resolve else "",
    )


def _median(spread: Spread | None) -> str:
    return short(spread.median_s) if spread else "-"
