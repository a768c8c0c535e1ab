"""How well a drill was flown: its own timeline against what the scenario calls good, in points of 100. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.calendar import Calendar
from bot.domain.events import Event, Resolved, RunFinished, RunRequested
from bot.domain.incident import Incident
from bot.domain.response import earliest
from bot.domain.showing import ReportRequested
from bot.domain.watching import RecoveryChecked
from bot.scenario import Help, Scenario

ACKNOWLEDGED, MITIGATED, TAKEN_BACK, PROVED, RESOLVED, REPORTED = 25, 30, 10, 15, 10, 10
HARM = 15
"""Points that each harmful playbook costs."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One criterion: what was expected, what was done, and what to do better; ``points`` of ``most``."""

    name: str
    points: int
    most: int
    says: str
    next_time: str = ""

    def line(self) -> str:
        """As it is printed."""
        better = f" Next time: {self.next_time}" if self.next_time else ""
        return f"{self.name}: {self.points} of {self.most}. {self.says}{better}"


@dataclass(frozen=True, slots=True)
class Score:
    """The whole score."""

    points: int
    marks: tuple[Mark, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each criterion."""
        return tuple(mark.line() for mark in self.marks)


def score(
    scenario: Scenario,
    incident: Incident | None,
    history: Sequence[Event],
    *,
    began: datetime,
    calendar: Calendar,
) -> Score:
    """The points for what was done.

    Args:
        scenario: what was played.
        incident: the drill's incident; None where nobody and nothing noticed anything.
        history: its facts, in order.
        began: when the first fault broke.
        calendar: the team's, for the response clock.
    """
    if incident is None:
        says = (
            "No incident was opened: nobody asked for a triage, and no round of the monitor had found it yet."
        )
        return Score(
            0,
            (
                Mark(
                    "Noticed", 0, 100, says, "type /mx triage as soon as somebody says that it stands still."
                ),
            ),
        )
    marks = (
        _acknowledged(incident, calendar),
        *_mitigated(scenario, history, began),
        _taken_back(incident, history),
        _proved(incident, history),
        _resolved(incident, history),
        _reported(history),
        *_harmed(scenario, history),
    )
    return Score(max(0, min(100, sum(mark.points for mark in marks))), marks)


def share(elapsed: timedelta, allowed: timedelta) -> float:
    """Of the points for something timed: all within half of the time, half of them at its end, none at its double."""
    if allowed <= timedelta():
        return 0.0
    used = elapsed / allowed
    return max(0.0, min(1.0, 1.0 - (used - 0.5) if used <= 1.0 else 0.5 - 0.5 * (used - 1.0)))


def _acknowledged(incident: Incident, calendar: Calendar) -> Mark:
    name, oncall = "Acknowledged", incident.oncall
    at = oncall.first_acknowledged_at
    worst = max(
        (one.severity for one in oncall.graded), key=lambda one: -one.number, default=incident.severity
    )
    due = earliest(worst, oncall.graded, since=incident.opened_at, calendar=calendar)
    if at is None or due is None:
        return Mark(
            name, 0, ACKNOWLEDGED, "Nobody took it.", "/mx ack first: the others then know that you have it."
        )
    elapsed, allowed = at - incident.opened_at, due - incident.opened_at
    points = round(ACKNOWLEDGED * share(elapsed, allowed))
    says = f"After {_minutes(elapsed)} of the {_minutes(allowed)} that its severity allows."
    return Mark(
        name, points, ACKNOWLEDGED, says, "" if points == ACKNOWLEDGED else "take it before you look further."
    )


def _mitigated(scenario: Scenario, history: Sequence[Event], began: datetime) -> Iterator[Mark]:
    helps = scenario.good.helps
    for number, wanted in enumerate(helps):
        most = MITIGATED // len(helps) + (number < MITIGATED % len(helps))
        yield _help(wanted, history, began, most)


def _help(wanted: Help, history: Sequence[Event], began: datetime, most: int) -> Mark:
    names = " or ".join(wanted.any_of)
    name = f"Mitigated ({names})"
    allowed = timedelta(seconds=wanted.within_s)
    best = max(
        (
            (share(at - began, allowed) * weight, at, playbook)
            for playbook, at, weight in _ran(history)
            if playbook in wanted.any_of
        ),
        default=None,
    )
    if best is None:
        return Mark(
            name, 0, most, "It was not run, or did not come to its end.", f"/mx run {wanted.any_of[0]}"
        )
    value, at, playbook = best
    says = f"{playbook} was started {_minutes(at - began)} after it broke; {_minutes(allowed)} are good."
    points = round(most * value)
    return Mark(
        name,
        points,
        most,
        says,
        "" if points == most else "the card offers it: read the plan, and start it sooner.",
    )


def _ran(history: Sequence[Event]) -> Iterator[tuple[str, datetime, float]]:
    """Runs that came to a good end, or to one that nobody could judge, which counts half: playbook, when, weight.

    When they were started is what people decide; an outage of the vendor's is ridden out until the vendor is back.
    """
    asked = {
        event.fact.run: event
        for event in history
        if isinstance(event.fact, RunRequested) and event.fact.mode == "apply"
    }
    for event in history:
        if isinstance(event.fact, RunFinished) and event.fact.run in asked:
            weight = {"done": 1.0, "inconclusive": 0.5}.get(event.fact.outcome, 0.0)
            if weight:
                began = asked[event.fact.run]
                assert isinstance(began.fact, RunRequested)
                yield began.fact.playbook, began.at, weight


def _taken_back(incident: Incident, history: Sequence[Event]) -> Mark:
    name = "Taken back"
    left = [lease.playbook for lease in incident.leases]
    if left:
        says = f"Still on at the end: {', '.join(left)}."
        return Mark(
            name, 0, TAKEN_BACK, says, "/mx undo before /mx resolve: what stays on is the next outage."
        )
    if incident.open or not any(True for _ in _ran(history)):
        return Mark(name, 0, TAKEN_BACK, "There was nothing to take back, or it was not over.")
    return Mark(name, TAKEN_BACK, TAKEN_BACK, "Nothing was left switched on.")


def _proved(incident: Incident, history: Sequence[Event]) -> Mark:
    name = "Recovery proved"
    resolved = [event for event in history if isinstance(event.fact, Resolved)]
    proved = [
        event
        for event in history
        if isinstance(event.fact, RecoveryChecked) and event.fact.verdict == "proved"
    ]
    if not resolved or not proved or proved[0].seq > resolved[-1].seq:
        return Mark(
            name,
            0,
            PROVED,
            "It was not proved before the end.",
            "/mx verify, and wait until every line is met.",
        )
    if incident.accepted:
        says = f"Resolved with {len(incident.accepted)} open points accepted."
        return Mark(
            name, PROVED // 2, PROVED, says, "close the points, or have a good reason ready for the report."
        )
    return Mark(name, PROVED, PROVED, "Every line was met.")


def _resolved(incident: Incident, history: Sequence[Event]) -> Mark:
    if incident.open or not history:
        return Mark(
            "Resolved", 0, RESOLVED, "It was still open at the end.", "/mx resolve once recovery is proved."
        )
    return Mark("Resolved", RESOLVED, RESOLVED, "It was closed.")


def _reported(history: Sequence[Event]) -> Mark:
    if any(isinstance(event.fact, ReportRequested) for event in history):
        return Mark("Report", REPORTED, REPORTED, "It was asked for.")
    return Mark(
        "Report", 0, REPORTED, "Nobody asked for it.", "/mx report: the timeline has written it already."
    )


def _harmed(scenario: Scenario, history: Sequence[Event]) -> Iterator[Mark]:
    ran = {
        event.fact.playbook
        for event in history
        if isinstance(event.fact, RunRequested) and event.fact.mode == "apply"
    }
    for harm in scenario.good.harms:
        if harm.playbook in ran:
            yield Mark(f"Harmful: {harm.playbook}", -HARM, 0, f"{harm.why[:1].upper()}{harm.why[1:]}.")


def _minutes(span: timedelta) -> str:
    seconds = max(0, round(span.total_seconds()))
    return f"{seconds // 60} min {seconds % 60:02} s"
