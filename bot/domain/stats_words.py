"""The stats in words and columns that fit a phone, and as JSON with every pair of facts. Pure."""

from collections.abc import Iterable

from pydantic import JsonValue

from bot.domain.incident import Incident
from bot.domain.stats import FACTS, MEASURES, Group, Measure, Spread, Stats, gravest, pair

_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400
_ROW = "{:<8}{:>4}{:>9}{:>9}{:>9}"
_NOTHING = "-"


def short(seconds: float) -> str:
    """A length of time in at most six characters: "45s", "12m", "3h05", "2d04h"."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f}s"
    if seconds < _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f}m"
    if seconds < _DAY_S:
        return f"{seconds // _HOUR_S:.0f}h{seconds % _HOUR_S // _MINUTE_S:02.0f}"
    return f"{seconds // _DAY_S:.0f}d{seconds % _DAY_S // _HOUR_S:02.0f}h"


def opening(found: Stats) -> str:
    """What was counted, and how many first responses came in time."""
    total = found.total
    number = total.resolved + total.open
    still = f", {total.open} of them open" if total.open else ""
    since = f" since {found.since}" if found.since else ""
    drills = f"; {found.drills} drill{'' if found.drills == 1 else 's'} left out" if found.drills else ""
    said = f"{number} incident{'' if number == 1 else 's'}{since}{still}{drills}."
    deadlines = total.deadlines
    if deadlines.due:
        said += f" The first response came in time in {deadlines.met} of {deadlines.due}."
    return said


def columns(found: Stats) -> str:
    """Fixed-width lines: the medians by severity and by month, the mean and the worst of all."""
    lines = [_ROW.format("median", "n", "ack", "mitigate", "resolve")]
    lines += [_medians(group, group.severity) for group in found.by_severity]
    lines += [_medians(found.total, "all")]
    lines += [_line("mean", found.total, [_said(of, "mean_s") for of in _spreads(found.total)])]
    lines += [_line("worst", found.total, [_said(of, "worst_s") for of in _spreads(found.total)])]
    if len(found.by_month) > 1:
        lines += ["", *(_medians(group, group.month) for group in found.by_month)]
    return "\n".join(line.rstrip() for line in lines)


def legend() -> str:
    """Between which facts the columns lie."""
    return (
        "From opened to the first acknowledgement, to the first mitigation that was on, and to the last time it was "
        "resolved. A severity is the worst that an incident had; a month is the one in which it was opened."
    )


def as_json(found: Stats, incidents: Iterable[Incident]) -> dict[str, JsonValue]:
    """The same for machines, in seconds, with the two facts behind each figure."""
    return {
        "since": found.since or None,
        "zone": found.zone,
        "facts": {measure: list(FACTS[measure]) for measure in MEASURES},
        "total": _group(found.total),
        "by_severity": [_group(group) for group in found.by_severity],
        "by_month": [_group(group) for group in found.by_month],
        "by_month_and_severity": [_group(group) for group in found.by_both],
        "drills": found.drills,
        "pairs": [
            row for one in incidents if one.id in found.counted for m in MEASURES if (row := _pair(one, m))
        ],
    }


def _medians(group: Group, name: str) -> str:
    return _line(name, group, [_said(of, "median_s") for of in _spreads(group)])


def _line(name: str, group: Group, cells: list[str]) -> str:
    return _ROW.format(name, group.resolved + group.open, *cells)


def _spreads(group: Group) -> tuple[Spread | None, ...]:
    return group.acknowledge, group.mitigate, group.resolve


def _said(of: Spread | None, what: str) -> str:
    return _NOTHING if of is None else short(getattr(of, what))


def _group(group: Group) -> dict[str, JsonValue]:
    named: dict[str, JsonValue] = {
        key: value for key, value in (("severity", group.severity), ("month", group.month)) if value
    }
    return {
        **named,
        "incidents": group.resolved + group.open,
        "resolved": group.resolved,
        "open": group.open,
        "response_deadlines": {
            "due": group.deadlines.due,
            "met": group.deadlines.met,
            "share": group.deadlines.share,
        },
        **{measure: _spread(of) for measure, of in zip(MEASURES, _spreads(group), strict=True)},
    }


def _spread(of: Spread | None) -> JsonValue:
    return None if of is None else {**of._asdict()}


def _pair(incident: Incident, measure: Measure) -> JsonValue:
    found = pair(incident, measure)
    if found is None:
        return None
    severity = gravest(incident)
    return {
        "incident": incident.id,
        "integration": incident.integration,
        "severity": str(severity) if severity else None,
        "measure": measure,
        "began": found.began.isoformat(),
        "ended": found.ended.isoformat(),
        "seconds": found.seconds,
    }
