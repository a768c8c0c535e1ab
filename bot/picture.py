"""The picture of an incident: lanes of probes over time, what was done above them, the gateway's traffic below; as SVG and PNG."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.domain.readings import Status
from bot.domain.swimlane import Stretch, Swimlane, assessed, began, stretches
from bot.picture_marks import Axis, Bar, Line, Mark, bars, marks
from bot.templating import Rendered, Templates

WIDTH = 840.0
_LEFT = 150.0
_RIGHT = 24.0
_ROW = 26.0
_BAR = 24.0
_TRAFFIC = 84.0
_LEGEND = 20.0
_ROWS = 16
_LABEL = 18
_TICKS = 7
_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_SHORTEST = timedelta(minutes=1)
_SAID = {Status.OK: "ok", Status.SLOW: "slow", Status.FAILING: "failing", Status.UNKNOWN: "not known"}
_TRAFFIC_PROBE = "traffic"
"""Whether the gateway answered; what passed it is drawn below."""
_ORDER = ("api", "service", "host", "sync", "versions", "key", "status_page", "logs", "traffic")


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one lane."""

    x: float
    w: float
    status: str
    says: str
    """For a mouse or a screen reader: "failing, 02:10 to 02:31"."""


@dataclass(frozen=True, slots=True)
class Lane:
    """One probe's row."""

    label: str
    y: float
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """A time on the axis; ``day`` is set where a new day begins."""

    x: float
    text: str
    day: str


@dataclass(frozen=True, slots=True)
class Column:
    """What passed the gateway in a stretch of time, as heights from the bottom up."""

    x: float
    w: float
    ok: float
    other: float
    failed: float
    says: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that the template draws; places are in pixels, texts are plain."""

    incident: str
    title: str
    alt: str
    """What it shows, in words."""
    drill: bool
    width: float
    height: float
    left: float
    right: float
    bars: tuple[Bar, ...]
    bars_y: float
    bars_left_out: int
    marks: tuple[Mark, ...]
    pages_y: float
    people_y: float
    lanes: tuple[Lane, ...]
    lanes_y: float
    left_out: str
    left_out_y: float
    traffic_y: float
    columns: tuple[Column, ...]
    most: str
    """What the top of the traffic's columns stands for; empty where no traffic is known."""
    ticks: tuple[Tick, ...]
    axis_y: float
    legend: tuple[Line, ...]
    legend_y: float
    zone: str
    began_x: float
    ended_x: float | None


def picture_of(
    incident: Incident,
    history: Sequence[Event],
    *,
    lane: Swimlane | None = None,
    zone: tzinfo,
    now: datetime,
    names: Callable[[str], str],
) -> Picture:
    """What there is to draw. Without ``lane`` (an incident of long ago) the lanes are the timeline's assessments."""
    start, end = began(incident), incident.resolved_at or now
    room = max(end - start, _SHORTEST) / 24
    axis = Axis(start - room, max(end, start + _SHORTEST) + room, _LEFT, WIDTH - _LEFT - _RIGHT)
    found = lane.stretches if lane and lane.stretches else stretches(assessed(history), until=end)
    rows, left_out = _rows([one for one in found if one.until >= axis.began and one.since <= axis.ended])
    on, on_left_out = bars(history, axis)
    shown, legend = marks(history, axis, zone=zone, names=names)
    bars_y = 62.0
    pages_y = bars_y + _BAR * max(1, len({bar.row for bar in on})) + 8
    people_y = pages_y + 24
    lanes_y = people_y + 24
    left_out_y = lanes_y + _ROW * max(1, len(rows))
    traffic_y = left_out_y + (_ROW if left_out else 8)
    axis_y = traffic_y + _TRAFFIC + 6
    legend_y = axis_y + 62
    columns, most = _columns(lane, axis, zone)
    return Picture(
        incident=incident.id,
        title=_title(incident),
        alt=_alt(rows, on, shown, incident),
        drill=incident.drill,
        width=WIDTH,
        height=legend_y + 30 + _LEGEND * len(legend),
        left=_LEFT,
        right=WIDTH - _RIGHT,
        bars=on,
        bars_y=bars_y,
        bars_left_out=on_left_out,
        marks=shown,
        pages_y=pages_y,
        people_y=people_y,
        lanes=tuple(
            Lane(label, lanes_y + _ROW * number, tuple(_segment(one, axis, zone) for one in row))
            for number, (label, row) in enumerate(rows)
        ),
        lanes_y=lanes_y,
        left_out=left_out,
        left_out_y=left_out_y,
        traffic_y=traffic_y,
        columns=columns,
        most=most,
        ticks=_ticks(axis, zone),
        axis_y=axis_y,
        legend=legend,
        legend_y=legend_y,
        zone=start.astimezone(zone).tzname() or str(zone),
        began_x=axis.x(start),
        ended_x=axis.x(end) if incident.resolved_at else None,
    )


def svg(picture: Picture, templates: Templates) -> Rendered:
    """The picture as SVG, by ``templates/incident_picture.svg.j2``."""
    return templates.render("incident_picture.svg.j2", picture=picture, traffic_h=_TRAFFIC)


def png(drawn: str, templates: Templates) -> bytes:
    """An SVG as PNG, twice as large; takes a tenth of a second. Raises ValueError where it is none."""
    # Imported here alone, and only now: most processes never draw.
    made: bytes = importlib.import_module("bot.picture_png").png(drawn, templates.fonts())
    return made


def _rows(found: Sequence[Stretch]) -> tuple[list[tuple[str, list[Stretch]]], str]:
    """The lanes to draw, and what is said of those that are left out."""
    lanes: dict[tuple[str, str], list[Stretch]] = {}
    for one in sorted(found, key=lambda one: one.since):
        lanes.setdefault((one.probe, one.target), []).append(one)
    lanes = {key: row for key, row in lanes.items() if key[0] != _TRAFFIC_PROBE}
    blind = [key for key, row in lanes.items() if all(one.status is Status.UNKNOWN for one in row)]
    kept = sorted((key for key in lanes if key not in blind), key=lambda key: (_ORDER.index(key[0]), key[1]))
    cut = kept[_ROWS:]
    said = [f"never seen: {', '.join(target for _, target in sorted(blind))}"] if blind else []
    said += [f"and {len(cut)} more"] if cut else []
    return [(_short(key[1], _LABEL), lanes[key]) for key in kept[:_ROWS]], _short("; ".join(said), 100)


def _segment(one: Stretch, axis: Axis, zone: tzinfo) -> Segment:
    x = axis.x(one.since)
    when = f"{one.since.astimezone(zone):%H:%M} to {one.until.astimezone(zone):%H:%M}"
    return Segment(
        x, max(1.5, round(axis.x(one.until) - x, 1)), one.status.value, f"{_SAID[one.status]}, {when}"
    )


def _columns(lane: Swimlane | None, axis: Axis, zone: tzinfo) -> tuple[tuple[Column, ...], str]:
    counted = [one for one in (lane.traffic if lane else ()) if one.seconds >= 1 and one.until >= axis.began]
    if not counted:
        return (), ""
    most = max(1.0, *(one.total / one.seconds * 60 for one in counted))
    scale = _TRAFFIC / most
    made = []
    for one in counted:
        x = axis.x(one.since)
        a_minute = scale * 60 / one.seconds
        when = f"{one.since.astimezone(zone):%H:%M} to {one.until.astimezone(zone):%H:%M}"
        made.append(
            Column(
                x,
                max(1.0, round(axis.x(one.until) - x, 1)),
                round(one.ok * a_minute, 1),
                round((one.client + one.buffered + one.held) * a_minute, 1),
                round(one.failed * a_minute, 1),
                f"{when}: {one.total} requests, {one.failed} of them failed, {one.buffered} buffered",
            )
        )
    return tuple(made), f"{most:,.0f}/min"


def _ticks(axis: Axis, zone: tzinfo) -> tuple[Tick, ...]:
    length = (axis.ended - axis.began).total_seconds()
    step = next((step for step in _STEPS if length / step <= _TICKS), _STEPS[-1])
    local = axis.began.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + timedelta(seconds=((local - midnight).total_seconds() // step + 1) * step)
    made: list[Tick] = []
    day = ""
    while at <= axis.ended and len(made) <= _TICKS:
        date = f"{at:%d %b}"
        made.append(Tick(axis.x(at), f"{at:%H:%M}", date if date != day else ""))
        day = date
        at += timedelta(seconds=step)
    return tuple(made)


def _alt(
    rows: Sequence[tuple[str, list[Stretch]]], on: Sequence[Bar], shown: Sequence[Mark], of: Incident
) -> str:
    bad = [label for label, row in rows if any(one.status is Status.FAILING for one in row)]
    said = f"{len(rows)} probes over time; failing at some time: {', '.join(bad) or 'none'}"
    pages = sum(mark.kind != "person" for mark in shown)
    drill = "A drill. " if of.drill else ""
    return f"{drill}{said}; {len(on)} mitigations, {pages} pages, {len(shown) - pages} marks of people"


def _title(incident: Incident) -> str:
    about = f"{incident.id}, {_short(incident.integration, 24)}"
    return f"{about}: {incident.severity or 'not assessed'}, {'open' if incident.open else 'resolved'}"


def _short(text: str, most: int) -> str:
    """Cut in the middle: of paths that begin alike the end tells which is which."""
    if len(text) <= most:
        return text
    tail = most // 2
    return f"{text[: most - tail - 1]}…{text[-tail:]}"
