"""What stands above the lanes of the picture: mitigations as bars, pages and acts of people as numbered marks. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from bot.domain.events import Event
from bot.domain.oncall import PageFailed, PageRequested, PageSent
from bot.report_on import switched_on
from bot.report_people import acts
from bot.report_words import with_names

Names = Callable[[str], str]

_MARK_W = 20.0
"""Marks that are nearer to each other than this are one."""
_BAR_ROWS = 4
_LETTER_W = 6.9
"""Of a bar's label; a longer word is clipped by the template, so no label leaves its room."""
_PAD = 5.0
_LABEL_W = 60.0
"""Less room than this holds no word."""
_LEGEND = 14
_LONGEST = 108


@dataclass(frozen=True, slots=True)
class Axis:
    """Time to places: from ``left`` on, ``width`` wide."""

    began: datetime
    ended: datetime
    left: float
    width: float

    def x(self, at: datetime) -> float:
        """Where this time is; outside of the axis, its nearer end."""
        share = (at - self.began) / (self.ended - self.began)
        return round(self.left + min(1.0, max(0.0, share)) * self.width, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A mitigation from when to when; ``row`` counts from the top."""

    x: float
    w: float
    row: int
    text: str
    open: bool
    """It is still on."""
    label: str = ""
    """What of the text is written: in the bar, or beside one that is too short for it; empty where no room is."""
    place: Literal["in", "after", "before"] = "in"
    label_x: float = 0.0
    label_w: float = 0.0
    """The room of the label, which nothing else is in."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One page, or one or more acts of people that lie close together; ``number`` is its line in the legend."""

    x: float
    kind: Literal["page", "failed", "person"]
    number: int
    many: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the legend."""

    number: int
    kind: Literal["page", "failed", "person"]
    text: str


@dataclass(frozen=True, slots=True)
class _Happened:
    at: datetime
    kind: Literal["page", "failed", "person"]
    who: str
    says: str


def bars(history: Sequence[Event], axis: Axis) -> tuple[tuple[Bar, ...], int]:
    """The mitigations, each in the first row that is free then; and how many found no row."""
    free: list[datetime] = []
    made: list[Bar] = []
    left_out = 0
    for one in switched_on(history):
        until = one.until or axis.ended
        row = next((n for n, end in enumerate(free) if end <= one.since), len(free))
        if row >= _BAR_ROWS:
            left_out += 1
            continue
        free[row : row + 1] = [until]
        x = axis.x(one.since)
        made.append(
            Bar(x, max(4.0, round(axis.x(until) - x, 1)), row, one.lease.says, open=one.until is None)
        )
    return _labelled(made, axis), left_out


def _labelled(row_by_row: Sequence[Bar], axis: Axis) -> tuple[Bar, ...]:
    """Each bar with its text where most of it can be read: within, or beside it up to what is next in its row."""
    taken: dict[int, float] = {}
    made: list[Bar] = []
    for number, bar in enumerate(row_by_row):
        end = bar.x + bar.w
        following = next((one.x for one in row_by_row[number + 1 :] if one.row == bar.row), None)
        before, after = (
            taken.get(bar.row, axis.left),
            axis.left + axis.width if following is None else following,
        )
        rooms: dict[Literal["in", "after", "before"], tuple[float, float]] = {
            "in": (bar.x + _PAD, bar.w - 2 * _PAD),
            "after": (end + _PAD, after - end - 2 * _PAD),
            "before": (before + _PAD, bar.x - before - 2 * _PAD),
        }
        place = max(
            rooms, key=lambda one: min(rooms[one][1], len(bar.text) * _LETTER_W)
        )  # in, where all fits
        x, width = rooms[place]
        taken[bar.row] = end
        label = _fits(bar.text, int(width / _LETTER_W)) if width >= _LABEL_W else ""
        taken[bar.row] = min(x + width, x + len(label) * _LETTER_W) if label and place == "after" else end
        made.append(replace(bar, label=label, place=place, label_x=round(x, 1), label_w=round(width, 1)))
    return tuple(made)


def _fits(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def marks(
    history: Sequence[Event], axis: Axis, *, zone: tzinfo, names: Names
) -> tuple[tuple[Mark, ...], tuple[Line, ...]]:
    """The marks of pages and of people, numbered in the order of time, and the legend that tells what they are."""
    found: list[list[_Happened]] = []
    for one in sorted((*_pages(history), *_people(history, names)), key=lambda one: one.at):
        row = next((r for r in reversed(found) if (r[0].kind == "person") == (one.kind == "person")), None)
        if row is not None and axis.x(one.at) - axis.x(row[0].at) < _MARK_W:
            row.append(one)
        else:
            found.append([one])
    groups = sorted(found, key=lambda row: row[0].at)
    made = tuple(
        Mark(axis.x(row[0].at), _kind(row), number, len(row)) for number, row in enumerate(groups, start=1)
    )
    long = axis.ended - axis.began > timedelta(hours=20)
    lines = [Line(n, _kind(row), _told(row, zone, long=long)) for n, row in enumerate(groups, start=1)]
    if len(lines) > _LEGEND:
        more = len(lines) - _LEGEND + 1
        lines = [*lines[: _LEGEND - 1], Line(0, "person", f"and {more} more; the report's timeline has each")]
    return made, tuple(lines)


def _kind(row: Sequence[_Happened]) -> Literal["page", "failed", "person"]:
    return "failed" if any(one.kind == "failed" for one in row) else row[0].kind


def _pages(history: Sequence[Event]) -> list[_Happened]:
    """Pages that somebody was to be woken by, and tries that did not come through."""
    asked = {
        event.fact.page: event.fact.says
        for event in history
        if isinstance(event.fact, PageRequested) and event.fact.action == "trigger"
    }
    found: list[_Happened] = []
    for event in history:
        match event.fact:
            case PageSent(page=page, outcome="taken", pager=pager) if page in asked:
                found.append(_Happened(event.at, "page", pager, f"{pager} paged: {asked[page]}"))
            case PageFailed(page=page, pager=pager, says=says) if page in asked:
                found.append(_Happened(event.at, "failed", pager, f"page of {pager} did not go out: {says}"))
            case _:
                pass
    return found


def _people(history: Sequence[Event], names: Names) -> list[_Happened]:
    return [
        _Happened(act.at, "person", names(act.actor), f"{names(act.actor)}: {with_names(act.says, names)}")
        for act in acts(history)
    ]


def _told(row: Sequence[_Happened], zone: tzinfo, *, long: bool) -> str:
    shape = "%d %b %H:%M" if long else "%H:%M"
    when = f"{row[0].at.astimezone(zone):{shape}}"
    if len(row) == 1:
        return _cut(f"{when}  {row[0].says}")
    if len(row) <= 2:  # noqa: PLR2004 - two still fit
        return _cut(f"{when}  {row[0].says}; {row[1].says}")
    who = ", ".join(dict.fromkeys(one.who for one in row))
    until = f"{row[-1].at.astimezone(zone):{shape}}"
    what = "acts of" if row[0].kind == "person" else "pages to"
    return _cut(
        f"{when} to {until}  {len(row)} {what} {who}" if until != when else f"{when}  {len(row)} {what} {who}"
    )


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rstrip() + "…"
