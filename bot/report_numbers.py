"""The impact in numbers: what the gateway and the probes counted. What cannot be known is None, with the reason. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.domain.gap import Gap, GapEnd
from bot.domain.incident import Incident
from bot.domain.readings import Status
from bot.domain.swimlane import Counted, Stretch, Swimlane, began
from bot.report_words import blank, clock_time
from bot.templating import Written

_WORK_ORDERS = "workorders"
_SEEN = ("api", "service")
"""Kinds of probes whose failing is felt by the integration's users."""
_OPEN = "still open"
_LOOSE = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number; ``amount`` is None where it cannot be known, and ``how`` then says why."""

    name: str
    """Stable, for machines: ``failed_requests``, ``minutes_without_data:/workorders:in``."""
    label: str
    amount: float | None
    unit: str
    how: str
    """From where it is known."""

    @property
    def shown(self) -> str | Written:
        """The number with its unit, or the blank."""
        if self.amount is None:
            return blank(self.unit)
        said = f"{self.amount:,.0f}"
        unit = self.unit[:-1] if said == "1" and self.unit.endswith("s") else self.unit
        return f"{said} {unit}"


def figures(
    incident: Incident, lane: Swimlane | None, looks: Sequence[Stretch], *, zone: tzinfo, now: datetime
) -> tuple[Figure, ...]:
    """Every number; ``looks`` are the probes' stretches, of the lane or of the timeline's assessments."""
    end = incident.resolved_at or now
    traffic = lane.traffic if lane else ()
    return (
        _failed(traffic, began(incident), end, zone=zone),
        _delayed(traffic),
        *_failing(looks, began(incident), end, whole=bool(lane and lane.stretches)),
        *_without_data(incident, end),
        _late(incident),
    )


def _failed(traffic: Sequence[Counted], start: datetime, end: datetime, *, zone: tzinfo) -> Figure:
    name, label, unit = "failed_requests", "Failed requests", "requests"
    if not traffic:
        why = "the gateway's counts of that time are not known"
        return Figure(name, label, None, unit, why)
    total, failed = sum(one.total for one in traffic), sum(one.failed for one in traffic)
    kinds = {
        "429": sum(one.limited for one in traffic),
        "5xx": sum(one.server for one in traffic),
        "no answer": sum(one.lost for one in traffic),
    }
    told = ", ".join(f"{count:,} times {kind}" for kind, count in kinds.items() if count) or "none"
    how = f"of {total:,} that came to the gateway: {told}"
    return Figure(name, label, failed, unit, how + _covered(traffic, start, end, zone))


def _covered(traffic: Sequence[Counted], start: datetime, end: datetime, zone: tzinfo) -> str:
    """What part of the incident the counts tell of, where that is not all of it."""
    counted = timedelta(seconds=sum(one.seconds for one in traffic))
    if counted >= end - start - _LOOSE:
        return ""
    first, last = traffic[0].since, traffic[-1].until
    return (
        f"; counted from {clock_time(first, zone)} to {clock_time(last, zone)} alone, "
        f"{counted.total_seconds() // 60:.0f} of {(end - start).total_seconds() // 60:.0f} minutes"
    )


def _delayed(traffic: Sequence[Counted]) -> Figure:
    name, label = "delayed_writes", "Delayed writes"
    if not traffic:
        return Figure(name, label, None, "writes", "the gateway's counts of that time are not known")
    count = sum(one.buffered for one in traffic)
    how = "kept by the gateway, to be delivered later" if count else "the gateway kept none back"
    return Figure(name, label, count, "writes", how)


def _failing(looks: Sequence[Stretch], start: datetime, end: datetime, *, whole: bool) -> Iterator[Figure]:
    """How long each endpoint failed, as the probes saw it; only where one did."""
    spent: dict[str, float] = {}
    seen: dict[str, float] = {}
    for one in looks:
        seconds = max(0.0, (min(one.until, end) - max(one.since, start)).total_seconds())
        if one.probe in _SEEN and one.status is not Status.UNKNOWN:
            seen[one.target] = seen.get(one.target, 0.0) + seconds
        if one.probe in _SEEN and one.status is Status.FAILING:
            spent[one.target] = spent.get(one.target, 0.0) + seconds
    lasted = (end - start).total_seconds()
    how = (
        "by the monitor's rounds"
        if whole
        else "by the triages on the timeline; the rounds are not kept any more"
    )
    for target, seconds in sorted(spent.items()):
        blind = lasted - seen[target]
        part = (
            f"; how it was in the other {blind // 60:.0f} of {lasted // 60:.0f} minutes was not seen"
            if blind > _LOOSE.total_seconds()
            else ""
        )
        label = f"{target} failing"
        amount = round(seconds / 60) or (
            None if part else 0
        )  # seen at one moment only: not known for how long
        yield Figure(f"minutes_failing:{target}", label, amount, "minutes", how + part)


def _without_data(incident: Incident, end: datetime) -> Iterator[Figure]:
    """How long data of each entity may have been missed: from its gaps, filled, accepted or open."""
    closed = [
        (one.gap, f"{one.how} later" if one.how == "filled" else "accepted as it is")
        for one in incident.closed_gaps
    ]
    found: list[tuple[Gap, str]] = [*closed, *((gap, _OPEN) for gap in incident.gaps)]
    if not found:
        yield Figure("minutes_without_data", "Minutes without data", 0, "minutes", "no gap was noted")
    for about in dict.fromkeys((gap.entity, gap.direction) for gap, _ in found):
        ours = [(gap, how) for gap, how in found if (gap.entity, gap.direction) == about]
        spent = sum((((gap.until or max(end, gap.since)) - gap.since) for gap, _ in ours), timedelta())
        ends = [how + ("" if gap.until else _endless(how)) for gap, how in ours]
        yield Figure(
            f"minutes_without_data:{about[0]}:{about[1]}",
            f"Without data: {ours[0][0].name}",
            round(spent.total_seconds() / 60),
            "minutes",
            "; ".join(dict.fromkeys(ends)),
        )


def _endless(how: str) -> str:
    """What is said of a gap whose end nobody saw."""
    return ", and it may go on" if how == _OPEN else "; no end of it was seen, so it is counted to the end"


def _late(incident: Incident) -> Figure:
    """Work orders that came late: those that MaintainX had in a gap, as the latest backfill counted them."""
    name, label, unit = "work_orders_late", "Work orders late", "work orders"
    gaps = [*(one.gap for one in incident.closed_gaps), *incident.gaps]
    ours = [gap for gap in gaps if gap.entity.strip("/") == _WORK_ORDERS and gap.direction == "in"]
    if not ours:
        return Figure(name, label, 0, unit, "no gap of work orders was noted")
    ends: dict[str, GapEnd] = {end.gap: end for end in incident.gap_ends}
    counted = [ends[gap.id] for gap in ours if gap.id in ends]
    if len(counted) < len(ours):
        return Figure(name, label, None, unit, "no backfill has counted them")
    missing = sum(end.missing for end in counted)
    how = (
        f"found by the backfill of the gap; {missing} of them not there yet"
        if missing
        else "found by the backfill of the gap, all of them there now"
    )
    return Figure(name, label, sum(end.expected for end in counted), unit, how)
