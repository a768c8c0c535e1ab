"""By when somebody must have it, how long it holds, and what each clock brings about, at the minute."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.calendar import Calendar
from bot.domain.events import (
    Acknowledged,
    AnyFact,
    Assessed,
    Event,
    IncidentOpened,
    NoteAdded,
    Reopened,
    Resolved,
    SeveritySet,
)
from bot.domain.fold import evolve, replay
from bot.domain.incident import Incident
from bot.domain.oncall import AckLapsed, AckReminded, ResponseReminded, Snoozed, SnoozeEnded
from bot.domain.readings import Reading, Status, StatusPageDetail
from bot.domain.reminders import Duty, due_now
from bot.domain.response import Deadline, due, holds_until, quiet
from bot.domain.span import span
from bot.errors import Refused
from tests.facts import assessment, events

T0 = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # Monday, at night
CALENDAR = Calendar(ZoneInfo("UTC"))
DUTY = Duty(CALENDAR, timedelta(hours=1))
ANN, BEN, JO = "slack:U0ANN", "slack:U0BEN", "pagerduty:Jo"
S1, S2, S3, S4 = Severity


def minutes(count: float) -> datetime:
    return T0 + timedelta(minutes=count)


class Life:
    """An incident that facts come to, and its clocks."""

    def __init__(self, severity: Severity | None = S2, *, duty: Duty = DUTY, drill: bool = False) -> None:
        self.duty = duty
        self.history: list[Event] = []
        self.now = T0
        self.add(IncidentOpened(integration="default", drill=drill))
        if severity is not None:
            self.add(Assessed(assessment=assessment(severity)))

    @property
    def incident(self) -> Incident:
        return replay(self.history)

    def add(self, fact: AnyFact, actor: str = "mx", *, at: float | None = None) -> None:
        """One more fact, now or so many minutes after the beginning."""
        self.now = self.now if at is None else minutes(at)
        number = len(self.history) + 1
        (event,) = events((fact,), actor=actor, first_seq=number)
        self.history.append(event.model_copy(update={"version": number, "at": self.now}))

    def look(self, at: float) -> list[AnyFact]:
        """What the clocks bring about at this minute; it is written down."""
        self.now = minutes(at)
        found: list[AnyFact] = []
        while due_ := due_now(self.incident, self.duty, now=self.now):
            self.add(due_.fact)
            found.append(due_.fact)
            assert len(found) < 5, "the clocks never come to rest"
        return found

    def told(self, upto: float, *, every: float = 1.0) -> list[tuple[float, str]]:
        """Everything that a look each so many minutes brings about, with its minute."""
        found: list[tuple[float, str]] = []
        at = (self.now - T0).total_seconds() / 60
        while at <= upto:
            found += [(at, _word(fact)) for fact in self.look(at)]
            at += every
        return found


def _word(fact: AnyFact) -> str:
    return fact.stage if isinstance(fact, ResponseReminded) else fact.kind


def says(fact: AnyFact) -> str:
    assert isinstance(fact, ResponseReminded | AckReminded | AckLapsed | SnoozeEnded)
    return fact.says


@pytest.mark.parametrize(
    ("severity", "before", "missed"), [(S1, 10, 15), (S2, 45, 60), (S3, 225, 240), (S4, 420, 1860)]
)
def test_a_reminder_before_and_one_when_it_is_missed(severity: Severity, before: int, missed: int) -> None:
    # SEV-4, at 02:00 on Monday: the team opens at 09:00, and on Tuesday at 09:00 the time is over.
    assert Life(severity).told(missed + 600) == [(before, "before"), (missed, "missed")]


def test_of_sev_4_nobody_is_reminded_where_the_team_opens_only_at_the_deadline() -> None:
    friday = Deadline(S4, datetime(2026, 11, 20, 10, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC))
    assert friday.reminded_at(CALENDAR) is None


def test_what_is_missed_while_nobody_looked_is_told_once_with_the_true_time() -> None:
    life = Life(S2)
    (fact,) = life.look(60 * 20)
    assert isinstance(fact, ResponseReminded)
    assert (fact.stage, fact.due) == ("missed", minutes(60))
    assert "by 03:00 UTC, about 19 hours ago" in fact.says
    assert life.told(60 * 30, every=30) == []


def test_a_reminder_names_the_day_where_it_is_another_one() -> None:
    life = Life(S2)
    life.history = []
    life.add(IncidentOpened(integration="default"), at=-170)
    life.add(Assessed(assessment=assessment(S2)))
    (fact,) = life.look(-125)
    assert "Respond by Mon 23 Nov 00:10 UTC" in says(fact)


def test_without_a_severity_and_once_it_is_over_no_clock_runs() -> None:
    assert Life(None).told(600, every=5) == []
    life = Life(S1)
    life.add(Resolved(), ANN, at=5)
    assert life.told(600, every=5) == []
    assert due(life.incident, CALENDAR) is None


def test_a_raised_severity_gives_less_time_and_a_lowered_one_more() -> None:
    life = Life(S3)
    life.add(SeveritySet(severity=S1, reason="all sites"), BEN, at=100)
    assert due(life.incident, CALENDAR) == minutes(115)
    life.add(SeveritySet(severity=S3, reason="one site"), BEN, at=105)
    assert due(life.incident, CALENDAR) == minutes(240)
    life.add(SeveritySet(severity=S1, reason="all sites"), BEN, at=200)
    assert due(life.incident, CALENDAR) == minutes(215)
    late = Life(S3)
    late.add(SeveritySet(severity=S2, reason="more"), BEN, at=220)
    assert due(late.incident, CALENDAR) == minutes(240)  # not the hour from then, which would be later


def test_whoever_has_it_is_asked_and_without_a_sign_nobody_has_it() -> None:
    life = Life(S2)
    life.add(Acknowledged(), ANN, at=10)
    assert holds_until(life.incident, DUTY.lapses) == minutes(70)
    assert life.told(54) == []
    (asked,) = life.look(55)
    assert isinstance(asked, AckReminded)
    assert asked.lapses_at == minutes(70)
    assert life.told(69) == []
    (lapsed,) = life.look(70)
    assert isinstance(lapsed, AckLapsed)
    assert lapsed.who == ANN
    assert "No sign since 02:10 UTC" in lapsed.says
    assert "respond by 04:10 UTC" in lapsed.says
    assert life.incident.acknowledged_by is None
    assert due(life.incident, CALENDAR) == minutes(130)
    assert life.told(600) == [(115, "before"), (130, "missed")]


@pytest.mark.parametrize("sign", [NoteAdded(text="restarting it"), Acknowledged()])
def test_whatever_they_do_is_a_sign_even_after_the_question(sign: AnyFact) -> None:
    life = Life(S2)
    life.add(Acknowledged(), ANN, at=10)
    life.look(55)
    life.add(NoteAdded(text="what is up?"), BEN, at=60)  # nobody else's word is a sign
    assert life.incident.oncall.lapses_at == minutes(70)
    life.add(sign, ANN, at=69)
    assert life.incident.acknowledged_at == minutes(10)
    assert holds_until(life.incident, DUTY.lapses) == minutes(129)
    assert life.told(128)[0] == (114, "ack_reminded")
    assert life.incident.acknowledged_by == ANN
    assert life.look(129)[0].kind == "ack_lapsed"


@pytest.mark.parametrize("who", [JO, "cli:ann@box"])
def test_it_counts_and_lapses_alike_from_a_pager_or_a_terminal(who: str) -> None:
    life = Life(S1)
    life.add(Acknowledged(), who, at=5)
    assert [word for _, word in life.told(65)] == ["ack_reminded", "ack_lapsed"]


def test_an_acknowledgement_may_hold_for_ever() -> None:
    life = Life(S2, duty=Duty(CALENDAR))
    life.add(Acknowledged(), ANN, at=10)
    assert life.told(60 * 48, every=30) == []
    assert holds_until(life.incident, timedelta(0)) is None


def test_a_short_time_is_asked_about_in_its_last_third() -> None:
    life = Life(S2, duty=Duty(CALENDAR, timedelta(minutes=9)))
    life.add(Acknowledged(), ANN, at=0)
    assert life.told(9) == [(6, "ack_reminded"), (9, "ack_lapsed")]


def test_after_a_long_time_off_it_is_asked_before_it_lapses() -> None:
    life = Life(S2)
    life.add(Acknowledged(), ANN, at=10)
    (asked,) = life.look(600)
    assert isinstance(asked, AckReminded)
    assert asked.lapses_at == minutes(615)
    assert [word for _, word in life.told(615)] == ["ack_lapsed"]


def test_quiet_holds_reminders_back_and_ends_by_itself() -> None:
    life = Life(S2)
    life.add(Snoozed(until=minutes(130), severity=S2, reason="on the phone"), ANN, at=10)
    assert quiet(life.incident, minutes(129)) != ""
    assert life.told(129) == []
    (over,) = life.look(130)
    assert isinstance(over, SnoozeEnded)
    assert over.cause == "time"
    assert "until 04:10 UTC is over" in over.says
    # Who asked for quiet has it, and is asked as if that had been their last sign.
    assert life.told(190) == [(175, "ack_reminded"), (190, "ack_lapsed")]


def test_quiet_ends_at_once_when_it_becomes_worse() -> None:
    life = Life(S3)
    life.add(Snoozed(until=minutes(130), severity=S3, reason="on it"), ANN, at=10)
    life.add(SeveritySet(severity=S4, reason="less"), BEN, at=20)
    life.add(SeveritySet(severity=S3, reason="no"), BEN, at=25)
    assert life.look(30) == []
    life.add(Assessed(assessment=assessment(S1)), at=40)
    assert life.look(40) == []  # a person's word stands above what was computed
    life.add(SeveritySet(severity=S1, reason="all sites"), BEN, at=41)
    assert quiet(life.incident, minutes(41)) == ""
    (over,) = life.look(41)
    assert isinstance(over, SnoozeEnded)
    assert over.cause == "worse"
    assert "SEV-1 now, SEV-3 then" in over.says


def test_a_person_may_end_quiet_and_resolving_ends_it_unsaid() -> None:
    for end in (SnoozeEnded(cause="person", says="off"), Resolved()):
        life = Life(S2)
        life.add(Snoozed(until=minutes(40), severity=S2, reason="on it"), ANN, at=10)
        life.add(end, ANN, at=15)
        assert life.incident.oncall.snooze is None
        assert life.told(59) == []


def test_reopened_it_has_all_its_time_again() -> None:
    life = Life(S2)
    life.add(Resolved(), BEN, at=20)
    life.add(Reopened(reason="back"), BEN, at=500)
    assert life.told(1000) == [(545, "before"), (560, "missed")]


def test_a_drill_and_announced_maintenance_are_quiet_and_what_still_matters_is_told_afterwards() -> None:
    assert Life(S1, drill=True).told(120) == []
    life = Life(S1)
    page = Reading(
        probe="status_page",
        target="status page",
        status=Status.OK,
        says="maintenance",
        detail=StatusPageDetail(state="maintenance", maintenance=True),
    )
    work = assessment(S1).model_copy(update={"verdict": "maintainx", "readings": (page,)})
    life.add(Assessed(assessment=work), at=1)
    assert life.told(300) == []
    life.add(Assessed(assessment=assessment(S1)), at=301)
    (missed,) = life.look(301)
    assert "by 02:15 UTC, about 5 hours ago" in says(missed)


@pytest.mark.parametrize(
    ("typed", "length"),
    [("30m", 30), ("90", 90), ("1h30m", 90), ("1h30", 90), ("8h", 480), ("5", 5), ("2H", 120), ("45min", 45)],
)
def test_a_length_of_time_as_people_type_it(typed: str, length: int) -> None:
    assert span(typed) == timedelta(minutes=length)


@pytest.mark.parametrize(
    "typed", ["", "soon", "-5m", "1.5h", "h", "m", "30s", "1d", "30m1h", "\u0663\u0660m", "9" * 40]
)
def test_what_is_no_length_of_time_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(Refused, match="such as 30m, 1h30m or 90"):
        span(typed)


@pytest.mark.parametrize("typed", ["4m", "0", "8h1m", "481", "9999h"])
def test_quiet_is_neither_a_moment_nor_a_day(typed: str) -> None:
    with pytest.raises(Refused, match="from 5 minutes to 8 hours"):
        span(typed)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.5, 3, 10, 15, 40, 65, 300, 1500])),
        st.tuples(st.just("jump"), st.sampled_from([-300, -20, -1, 20, 700])),
        st.tuples(st.just("ack"), st.sampled_from([ANN, BEN, JO])),
        st.tuples(st.just("note"), st.sampled_from([ANN, BEN])),
        st.tuples(st.just("severity"), st.sampled_from([S1, S2, S3, S4])),
        st.tuples(st.just("assessed"), st.sampled_from([S1, S2, S3, S4])),
        st.tuples(st.just("snooze"), st.sampled_from([5, 60])),
        st.tuples(st.just("unsnooze"), st.just(ANN)),
        st.tuples(st.just("resolve"), st.just(ANN)),
        st.tuples(st.just("reopen"), st.just(BEN)),
    ),
    max_size=30,
)


class Oracle:
    """The deadline by another way: since when it has been at least as grave as each severity."""

    def __init__(self) -> None:
        self.since: dict[Severity, datetime] = {}
        self.anew = T0

    def graded(self, severity: Severity, at: datetime) -> None:
        for level in Severity:
            if severity.number <= level.number:
                self.since.setdefault(level, at)
            else:
                self.since.pop(level, None)

    def due(self) -> datetime | None:
        lengths = {S1: 15, S2: 60, S3: 240}
        found = [
            max(at, self.anew) + timedelta(minutes=lengths[level])
            if level in lengths
            else CALENDAR.next_business_day(max(at, self.anew))
            for level, at in self.since.items()
        ]
        return min(found, default=None)


def _act(life: Life, kind: str, what: object, oracle: Oracle) -> None:
    known = life.incident
    match kind, what:
        case (("wait" | "jump"), float() | int() as passed):
            life.now += timedelta(minutes=passed)
        case _ if known.open is (kind == "reopen"):
            return
        case "ack", str() as who:
            life.add(Acknowledged(), who)
        case "note", str() as who:
            life.add(NoteAdded(text="x"), who)
        case "severity", Severity() as severity:
            life.add(SeveritySet(severity=severity, reason="x"), BEN)
            oracle.graded(severity, life.now)
        case "assessed", Severity() as severity:
            life.add(Assessed(assessment=assessment(severity)))
            if known.override is None and severity.worse_than(known.worst):
                oracle.graded(severity, life.now)
        case "snooze", int() as length:
            until = life.now + timedelta(minutes=length)
            life.add(Snoozed(until=until, severity=known.severity, reason="x"), ANN)
        case "unsnooze", str() as who if known.oncall.snooze:
            life.add(SnoozeEnded(cause="person", says="x"), who)
        case "resolve", str() as who:
            life.add(Resolved(), who)
        case "reopen", str() as who:
            life.add(Reopened(reason="x"), who)
            oracle.anew = life.now
        case _:
            return


@settings(max_examples=150, deadline=None)
@given(steps=STEPS)
def test_whatever_happens_nothing_is_told_twice_or_left_out_and_worse_never_gives_more_time(
    steps: list[tuple[str, object]],
) -> None:
    life, oracle = Life(S3), Oracle()
    oracle.graded(S3, T0)
    reminders: list[tuple[str, datetime]] = []
    for kind, what in steps:
        was = life.incident
        _act(life, kind, what, oracle)
        now = life.incident
        before, after = due(was, CALENDAR), due(now, CALENDAR)
        if now.severity and was.severity and now.severity.worse_than(was.severity) and before and after:
            assert after <= before
        for fact in life.look((life.now - T0).total_seconds() / 60):
            if isinstance(fact, ResponseReminded):
                reminders.append((fact.stage, fact.due))
            if isinstance(fact, AckLapsed):
                oracle.anew = life.now
                _asked_since_the_last_sign(life.history[:-1], fact.who)
        found = life.incident
        runs = found.open and found.acknowledged_by is None
        assert due(found, CALENDAR) == (oracle.due() if runs else None)
        by = due(found, CALENDAR)
        if by is not None and by <= life.now and not quiet(found, life.now):
            assert ("missed", by) in reminders
        snooze = found.oncall.snooze
        assert snooze is None or life.now < snooze.until
    assert len(reminders) == len(set(reminders))
    assert _one_by_one(life.history) == life.incident


def _asked_since_the_last_sign(history: list[Event], who: str) -> None:
    later: list[Event] = []
    for event in reversed(history):
        if event.actor == who:
            break
        later.append(event)
    assert any(isinstance(event.fact, AckReminded) for event in later)


def _one_by_one(history: list[Event]) -> Incident | None:
    """What a process that was restarted before each fact knows."""
    incident: Incident | None = None
    for event in history:
        incident = evolve(replace(incident) if incident else None, event)
    return incident
