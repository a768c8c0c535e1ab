"""The judge of one integration's rounds: what the latest one, after those before it, is worth writing down. Pure.

Both directions have a threshold. A state is told when ``bad_rounds`` (or ``good_rounds``) rounds in a row say so, so
that a lost packet is no incident and one good answer no recovery. Rounds without a way out count for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.domain.assessment import Assessment, Severity, Verdict
from bot.domain.desk import Desk
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.readings import HttpDetail, Reading, Status, StatusPageDetail
from bot.domain.response import announced
from bot.domain.telling import hour
from bot.domain.watching import WatchMoved, WatchState

_OUTSIDE = frozenset(("api", "versions", "status_page"))
_TELLING = frozenset(("api", "versions", "service"))
_OURS: frozenset[Verdict] = frozenset(("us", "key"))
_MILDEST = 5
"""The rank of no severity, behind SEV-4."""


class Seen(NamedTuple):
    """What one round saw."""

    at: datetime
    state: WatchState
    severity: Severity | None
    verdict: Verdict
    rules: tuple[str, ...]
    """Which rules found something, the gravest first."""
    missing: frozenset[str] | None = None
    """The collections without any good answer; None where that is not known any more, after a restart."""

    @property
    def fault(self) -> tuple[WatchState, Severity | None, Verdict, tuple[str, ...]]:
        """What it is, whenever it was and wherever."""
        return self.state, self.severity, self.verdict, self.rules


class Judged(NamedTuple):
    """What is to be written down after a round."""

    moved: WatchMoved | None = None
    opens: bool = False
    """An incident is to be opened."""
    failing_since: datetime | None = None
    """When the first of the rounds was for which it is opened."""
    assessed: bool = False
    """The open incident is to be assessed anew: it is graver, milder or another fault, and not by chance."""
    unsure: bool = False
    """One more round decides: it is to follow soon."""


class _Told(NamedTuple):
    """What the timeline says, and after when rounds count towards something else."""

    state: WatchState | None
    since: datetime | None = None
    after: datetime | None = None


def heard(readings: Iterable[Reading]) -> bool:
    """Somebody outside answered by HTTP, however badly: mx has a way out."""
    return any(_answered(reading) for reading in readings if reading.probe in _OUTSIDE)


def seen(found: Assessment, *, online: bool = True) -> Seen | None:
    """What a round saw; None where nothing could be asked that tells whether it is well."""
    if found.healthy:
        told = any(one.probe in _TELLING and one.status is not Status.UNKNOWN for one in found.readings)
        state: WatchState | None = "well" if told else None
    elif not online:
        state = "offline"
    else:
        state = "maintenance" if announced(found) else "bad"
    if state is None:
        return None
    rules = tuple(finding.rule for finding in found.findings)
    missing = frozenset((*found.unanswered, *found.limited))
    return Seen(found.at, state, found.severity, found.verdict, rules, missing)


def kept(spec: Integration) -> int:
    """How many of the latest rounds the judge needs."""
    return 3 * max(spec.bad_rounds, spec.good_rounds)


def in_a_row(rounds: Iterable[Seen], *, now: datetime, spec: Integration) -> list[Seen]:
    """Of rounds from before a restart, newest first: those that still count, oldest first.

    Rounds that are further apart than two intervals are not in a row: mx did not look in between.
    """
    apart = timedelta(seconds=2 * max(spec.interval_s, spec.interval_open_s) + spec.deadline_s)
    row: list[Seen] = []
    later = now
    for one in rounds:
        if later - one.at > apart:
            break
        row.append(one)
        later = one.at
    return row[::-1]


def judge(
    spec: Integration,
    found: Assessment,
    rounds: Sequence[Seen],
    *,
    desk: Desk,
    latest: Incident | None,
    zone: tzinfo,
) -> Judged:
    """What the last of these rounds, which brought ``found``, is worth; ``latest``: the integration's latest incident."""
    told = _told(desk, latest)
    counted = [one for one in rounds if told.after is None or one.at > told.after]
    if not counted or counted[-1] is not rounds[-1]:
        return Judged()  # somebody looked, or resolved it, after this round had begun
    state, since = _settled(spec, counted, told.state)
    last = counted[-1].state
    unsure = last not in {"well", state}
    at = since or found.at
    if latest is not None and latest.open:
        turned = (state == "offline") != (told.state == "offline") and state is not None
        moved = _moved(told, state, at, found, latest, zone) if turned and state else None
        known = latest.assessment
        assessed = _graded(spec, counted, known) or _elsewhere(spec, counted, known)
        return Judged(moved=moved, assessed=assessed, unsure=unsure)
    if state is None or state == told.state:
        return Judged(unsure=unsure)
    if state != "bad":
        return Judged(moved=_moved(told, state, at, found, latest, zone), unsure=unsure)
    if last != "bad":
        return Judged(unsure=True)
    back = _moved(told, state, at, found, latest, zone) if told.state == "offline" else None
    return Judged(moved=back, opens=True, failing_since=at)


def _answered(reading: Reading) -> bool:
    match reading.detail:
        case HttpDetail() as http:
            return any(one.code is not None or one.failed_phase == "body" for one in http.samples)
        case StatusPageDetail():
            return True
        case _:
            return False


def _told(desk: Desk, latest: Incident | None) -> _Told:
    """What stands on the timeline; rounds count anew after each thing that was written down."""
    if latest is not None and latest.open:
        at, known = latest.assessments[-1] if latest.assessments else (None, None)
        if latest.watch is not None and latest.watch.now == "offline":
            return _Told("offline", latest.watch.since, _later(at, latest.watch_at))
        was = seen(known) if known is not None else None
        return _Told(was.state if was else "well", after=_later(at, latest.watch_at))
    over = latest.resolved_at if latest is not None else None
    watch, at = desk.watch, desk.watch_at
    if watch is None or at is None or (over is not None and at <= over):
        return _Told(None, after=over)
    if watch.now == "bad":  # that is told by an incident, which could not be opened then
        return _Told(None, after=over)
    return _Told(watch.now, watch.since, at)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _settled(
    spec: Integration, counted: Sequence[Seen], told: WatchState | None
) -> tuple[WatchState | None, datetime | None]:
    """How it is by the rounds in a row, and since when; what was told before where they do not suffice."""
    offline = _tail(counted, lambda one: one.state == "offline")
    if len(offline) >= spec.bad_rounds:
        return "offline", offline[0].at
    online = _online(counted)
    well = _tail(online, lambda one: one.state == "well")
    if len(well) >= spec.good_rounds:
        return "well", well[0].at
    ill = _tail(online, lambda one: one.state != "well")
    if told in {"bad", "maintenance"}:
        same = _tail(ill, lambda one: one.state == ill[-1].state)
        return (ill[-1].state, same[0].at) if len(same) >= spec.bad_rounds else (told, None)
    if len(ill) >= spec.bad_rounds:
        # A status page that is not reached each time must not wake anybody for work that it announced.
        planned = any(one.state == "maintenance" for one in ill) and ill[-1].verdict not in _OURS
        return "maintenance" if planned else "bad", ill[0].at
    return told, None


def _graded(spec: Integration, counted: Sequence[Seen], known: Assessment | None) -> bool:
    """The last round is to be the incident's assessment."""
    now, online = counted[-1], _online(counted)
    if now.state == "offline":
        return False
    if known is None:
        return True
    was = seen(known)
    rank, before = _rank(now.severity), _rank(known.severity)
    bad, good = online[-spec.bad_rounds :], online[-spec.good_rounds :]
    if rank < before:
        return len(bad) == spec.bad_rounds and all(_rank(one.severity) <= rank for one in bad)
    if len(good) < spec.good_rounds:
        return False
    if rank > before:
        return all(_rank(one.severity) >= rank for one in good)
    return (was is None or now.fault != was.fault) and all(one.fault == now.fault for one in good)


def _elsewhere(spec: Integration, counted: Sequence[Seen], known: Assessment | None) -> bool:
    """The same fault in other collections, in rounds enough: of each it is to be known since when data may be missing."""
    now, was = counted[-1], seen(known) if known is not None else None
    if now.missing is None or was is None or now.fault != was.fault or now.missing == was.missing:
        return False
    row = _online(counted)[-spec.bad_rounds :]
    return len(row) == spec.bad_rounds and all(one[1:] == now[1:] for one in row)


def _moved(
    told: _Told, now: WatchState, since: datetime, found: Assessment, latest: Incident | None, zone: tzinfo
) -> WatchMoved:
    was = told.state or ("bad" if latest else None)
    wrong = f"{found.severity}: {found.findings[0].symptom}" if found.findings else "every probe answers well"
    at = hour(since, zone)
    if told.state == "offline":
        start = hour(told.since or since, zone)
        says = (
            f"mx is online again: from {start} to {at} it saw nothing, and blames nobody for it. Now {wrong}"
        )
    elif now == "offline":
        says = (
            f"mx itself is not online since {at}: nobody outside answers, so nobody is blamed and nobody is woken. "
            "Look at the network of the machine that mx runs on"
        )
    elif now == "maintenance":
        says = (
            f"MaintainX announced maintenance for now, so nobody is woken: since {at}, {wrong}. "
            "Is it still so when the maintenance is over, an incident opens"
        )
    elif was is None:
        says = f"Watched from here on; since {at} {wrong}"
    else:
        says = f"Well again since {at}: {wrong}"
    return WatchMoved(integration=found.integration, was=was, now=now, since=since, says=says)


def _rank(severity: Severity | None) -> int:
    return severity.number if severity else _MILDEST


def _online(rounds: Iterable[Seen]) -> list[Seen]:
    return [one for one in rounds if one.state != "offline"]


def _tail(rounds: Sequence[Seen], such: Callable[[Seen], bool]) -> list[Seen]:
    """The last rounds in a row that are such, oldest first."""
    row: list[Seen] = []
    for one in reversed(rounds):
        if not such(one):
            break
        row.append(one)
    return row[::-1]
