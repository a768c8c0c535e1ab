"""A proof of recovery in words: what was seen in, one line with its evidence out. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.domain.assessment import Assessment
from bot.domain.incident import Incident
from bot.domain.look import Look
from bot.domain.readings import Reading, Status
from bot.domain.telling import hour
from bot.domain.watching import LineState, Proof, RecoveryLine, verdict_of

ROUNDS, FRESH, ORDERS, BACKLOG = "good rounds", "fresh data", "work orders", "backlog"
MITIGATIONS, RUNS, GAPS, FINDINGS, SYNC = "mitigations", "runs", "gaps", "findings", "sync state"
ORDER = (ROUNDS, FRESH, ORDERS, BACKLOG, MITIGATIONS, RUNS, GAPS, FINDINGS, SYNC)
"""How the lines are shown."""

_LATE = 3
"""After so many intervals without a round nobody watches any more."""
_ROUND_S = 30.0
"""How long a round itself may take, and the wait for its turn."""
_WORDS: dict[LineState, str] = {
    "met": "met",
    "unmet": "not met",
    "no_traffic": "no traffic",
    "unknown": "not known",
}


class Seen(NamedTuple):
    """One round: when, whether it was good, and what it found where it was not."""

    at: datetime
    good: bool
    says: str = ""


class Began(NamedTuple):
    """Since when data has to have moved, and what that was."""

    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Outside:
    """What was asked of the outside for one proof: its lines, and the latest round."""

    at: datetime
    lines: tuple[RecoveryLine, ...]
    latest: Seen | None = None


def line(name: str, state: LineState, says: str) -> RecoveryLine:
    """One line."""
    return RecoveryLine(name=name, state=state, says=says)


def recent(rounds: Sequence[Seen], *, now: datetime, every_s: float, longest_s: float) -> tuple[Seen, ...]:
    """The rounds that follow one another up to now, newest first; empty where nobody watches.

    Args:
        rounds: newest first.
        now: the time.
        every_s: seconds between two rounds as things are.
        longest_s: the longest that two rounds may be apart by the settings.
    """
    found: list[Seen] = []
    border, apart = now, timedelta(seconds=_LATE * every_s + _ROUND_S)
    for one in rounds:
        if border - one.at > apart:
            break
        found.append(one)
        border, apart = one.at, timedelta(seconds=_LATE * longest_s + _ROUND_S)
    return tuple(found)


def in_a_row(rounds: Sequence[Seen]) -> tuple[Seen, ...]:
    """The good rounds up to now, newest first, as far back as the latest bad one."""
    for index, one in enumerate(rounds):
        if not one.good:
            return tuple(rounds[:index])
    return tuple(rounds)


def watched_line(rounds: Sequence[Seen], *, needed: int, every_s: float, zone: tzinfo) -> RecoveryLine:
    """By the monitor's rounds, newest first, of which there is one at least."""
    good, latest = in_a_row(rounds), rounds[0]
    if len(good) >= needed:
        row = "round was good" if needed == 1 else f"{needed} rounds were good"
        first = hour(good[needed - 1].at, zone)
        return line(ROUNDS, "met", f"the last {row}, {first} to {hour(latest.at, zone)}")
    bad = rounds[len(good)]
    says = f"{len(good)} in a row, {needed} needed; the latest bad one at {hour(bad.at, zone)}"
    says += f" ({bad.says})" if bad.says else ""
    return line(ROUNDS, "unmet", f"{says}; mx looks every {every_s:g} s, or at once: /mx triage")


def asked_line(rounds: Sequence[Seen], *, needed: int, apart_s: float) -> RecoveryLine:
    """By rounds that were asked just now, oldest first, up to the first bad one."""
    bad = next((one for one in rounds if not one.good), None)
    if bad is not None:
        return line(
            ROUNDS, "unmet", f"a round asked just now was bad: {bad.says}; to see all of it: /mx triage"
        )
    if len(rounds) < needed:
        says = f"{len(rounds)} asked just now were good, {needed} needed; let mx serve watch, or ask again"
        return line(ROUNDS, "unmet", says)
    apart = f", {apart_s:g} s apart" if needed > 1 else ""
    return line(ROUNDS, "met", f"{needed} asked just now{apart}: all good")


def began(incident: Incident | None, rounds: Sequence[Seen], *, now: datetime) -> Began:
    """Since when it has been well, as far as that is known: data that moved before proves nothing."""
    good = in_a_row(rounds)
    if good and len(good) < len(rounds):
        return Began(good[-1].at, "the first good round")
    if incident is None:
        return Began(now - timedelta(hours=1), "an hour ago")
    found = Began(incident.failing_since or incident.opened_at, "the incident began")
    if (mitigated := incident.oncall.mitigated_at) is not None and mitigated > found.at:
        found = Began(mitigated, "the first mitigation")
    healthy: datetime | None = None
    for at, assessment in reversed(incident.assessments):
        if not assessment.healthy:
            break
        healthy = at
    if healthy is not None and healthy > found.at:
        found = Began(healthy, "the first good triage")
    return found


def backlog_line(look: Look | None, *, zone: tzinfo) -> RecoveryLine:
    """By a look at the gateway; None: the integration is not behind it."""
    if look is None:
        return line(BACKLOG, "unknown", "the integration is not behind the mx gateway, so none is known")
    waiting = look.held_back(zone)
    if waiting:
        return line(BACKLOG, "unmet", "; ".join(waiting))
    if look.trouble:
        return line(BACKLOG, "unknown", f"the gateway could not be asked: {look.trouble}")
    return line(BACKLOG, "met", f"nothing waits at the gateway (mode {look.mode})")


def standing_line(name: str, found: Sequence[str], *, good: str) -> RecoveryLine:
    """What the timeline itself knows to be open still: leases, runs, gaps."""
    return line(name, "unmet", "; ".join(found)) if found else line(name, "met", good)


def findings_line(assessment: Assessment | None, latest: Seen | None, *, zone: tzinfo) -> RecoveryLine:
    """By the latest look at both sides, be it a triage or a round."""
    if latest is not None and (assessment is None or latest.at > assessment.at):
        if latest.good:
            return line(FINDINGS, "met", f"the latest look ({hour(latest.at, zone)}) found nothing")
        return line(FINDINGS, "unmet", f"the latest look ({hour(latest.at, zone)}) found: {latest.says}")
    if assessment is None:
        return line(FINDINGS, "unknown", "nobody has looked yet: /mx triage")
    at = hour(assessment.at, zone)
    if assessment.healthy:
        return line(FINDINGS, "met", f"the latest triage ({at}) found nothing")
    more = len(assessment.findings) - 1
    also = f" (and {more} more)" if more else ""
    says = f"the latest triage ({at}) still found: {assessment.findings[0].symptom}{also}; to look again: /mx triage"
    return line(FINDINGS, "unmet", says)


def sync_line(reading: Reading | None) -> RecoveryLine:
    """By the integration's own record of its last sync; None: where it is kept is not set."""
    if reading is None:
        return line(SYNC, "unknown", "where the integration keeps it is not set (sync_state_file)")
    if reading.status is Status.UNKNOWN:
        return line(SYNC, "unknown", reading.says)
    return line(SYNC, "met" if reading.status is Status.OK else "unmet", reading.says)


def in_order(lines: Iterable[RecoveryLine]) -> tuple[RecoveryLine, ...]:
    """The lines as they are shown; one of a name that is not known here comes last."""
    return tuple(sorted(lines, key=lambda one: ORDER.index(one.name) if one.name in ORDER else len(ORDER)))


def open_lines(lines: Iterable[RecoveryLine]) -> tuple[RecoveryLine, ...]:
    """What stands in the way of calling it over."""
    return tuple(one for one in lines if one.state in ("unmet", "no_traffic"))


def accepted(lines: Iterable[RecoveryLine]) -> tuple[str, ...]:
    """What a person takes in their name who calls it over all the same."""
    return tuple(f"{one.name}: {one.says}" for one in open_lines(lines))


def shown(one: RecoveryLine) -> str:
    """A line in words: "good rounds, met: the last 3 rounds were good, 14:03 UTC to 14:05 UTC"."""
    return f"{one.name}, {_WORDS[one.state]}: {one.says}"


def headline(lines: tuple[RecoveryLine, ...]) -> str:
    """What it comes to, in one line without a full stop."""
    names = ", ".join(one.name for one in open_lines(lines))
    unknown = sum(one.state == "unknown" for one in lines)
    seen = len(lines) - unknown
    verdict: Proof = verdict_of(lines)
    match verdict:
        case "proved":
            more = f"; {unknown} not known" if unknown else ""
            return f"Recovery is proved: {seen} checks met{more}"
        case "no_traffic":
            return f"No traffic to judge recovery by: {names}"
        case "not_proved":
            return f"Recovery is not proved: {names}"
