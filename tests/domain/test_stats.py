"""MTTA, time to mitigate and MTTR are pairs of facts: whatever the history, each can be looked up on it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.calendar import Calendar
from bot.domain.chain import GENESIS
from bot.domain.events import (
    Acknowledged,
    AnyFact,
    Assessed,
    Event,
    IncidentOpened,
    NoteAdded,
    Reopened,
    Resolved,
    RunRequested,
    SeveritySet,
    StepFinished,
)
from bot.domain.fold import replay
from bot.domain.incident import Incident
from bot.domain.oncall import AckLapsed, Snoozed, SnoozeEnded
from bot.domain.stats import MEASURES, Stats, first_month, gravest, pair, response_met, stats
from bot.domain.stats_words import as_json, columns, opening, short
from bot.meter import Family
from bot.slack.limits import PHONE
from bot.told import Told
from tests.facts import LEASE, NINE, PERSON, assessment

BERLIN = Calendar(ZoneInfo("Europe/Berlin"))
OPENED = IncidentOpened(integration="default")
SEV = {n: Severity(f"SEV-{n}") for n in (1, 2, 3, 4)}
ON = StepFinished(run="r", index=0, outcome="done", says="on", started=LEASE)

Minutes = tuple[tuple[float, AnyFact], ...]


def found(n: int) -> Assessed:
    return Assessed(assessment=assessment(SEV[n]))


def told(name: str, minutes: Minutes, *, at: datetime = NINE, opening: AnyFact = OPENED) -> list[Event]:
    """An incident's events, each so many minutes after its opening."""
    return [
        Event(
            seq=version,
            stream=name,
            version=version,
            actor=PERSON,
            at=at + timedelta(minutes=minute),
            recorded_at=at + timedelta(minutes=minute),
            key=None,
            fact=fact,
            hash=GENESIS,
        )
        for version, (minute, fact) in enumerate(((0.0, opening), *minutes), start=1)
    ]


def incident(
    name: str, *minutes: tuple[float, AnyFact], at: datetime = NINE, drill: bool = False
) -> Incident:
    opening = IncidentOpened(integration="default", drill=drill)
    return replay(told(name, minutes, at=at, opening=opening))


def reckoned(*incidents: Incident, days: int = 30, months: int | None = None) -> Stats:
    return stats(incidents, calendar=BERLIN, now=NINE + timedelta(days=days), months=months)


FACTS = st.one_of(
    st.sampled_from((1, 2, 3, 4)).map(found),
    st.sampled_from((1, 2, 3, 4)).map(lambda n: SeveritySet(severity=SEV[n], reason="seen")),
    st.sampled_from(
        (
            Acknowledged(),
            Snoozed(until=NINE, severity=None, reason="on it"),
            SnoozeEnded(cause="time", says="over"),
            AckLapsed(who=PERSON, says="no sign"),
            ON,
            RunRequested(run="r", playbook="p"),
            Resolved(),
            Reopened(reason="back"),
            NoteAdded(text="x"),
        )
    ),
)
HISTORY = st.lists(st.tuples(st.floats(0, 600), FACTS), max_size=25).map(
    lambda rows: tuple(zip(sorted(minute for minute, _ in rows), (fact for _, fact in rows), strict=True))
)


@settings(max_examples=150)
@given(HISTORY)
def test_whatever_the_history_each_pair_is_the_two_facts_that_it_names(history: Minutes) -> None:
    events = told("mx-1", history)
    state = replay(events)

    def first(*kinds: type) -> datetime | None:
        return next((one.at for one in events if isinstance(one.fact, kinds)), None)

    ends = [one for one in events if isinstance(one.fact, Resolved | Reopened)]
    over = ends[-1].at if ends and isinstance(ends[-1].fact, Resolved) else None
    expected = {
        "acknowledge": first(Acknowledged, Snoozed),
        "mitigate": first(StepFinished),
        "resolve": over,
    }
    for measure in MEASURES:
        of_it = pair(state, measure)
        assert (of_it.ended if of_it else None) == expected[measure]
        assert of_it is None or (of_it.began == events[0].at and of_it.seconds >= 0)
    assert state.oncall.first_resolved_at == first(Resolved)


def sums(families: tuple[Family, ...]) -> dict[tuple[str, str], float]:
    return {
        (family.name + sample.suffix, sample.labels.get("severity", "")): sample.value
        for family in families
        for sample in family.samples()
        if family.kind in ("summary", "counter")
    }


@settings(max_examples=100)
@given(HISTORY)
def test_what_prometheus_sums_up_never_falls(history: Minutes) -> None:
    seen: list[dict[tuple[str, str], float]] = []
    book, told_so_far = Book(), Told()
    for event in told("mx-1", history):
        book.apply(event)
        seen.append(sums(Told().families(book.copy(), now=event.at)))
        assert sums(told_so_far.families(book.copy(), now=event.at)) == seen[-1], "as a restart counts it"
    for before, after in pairwise(seen):
        assert all(after.get(key, 0) >= value for key, value in before.items())


def test_mean_median_and_worst_and_which_incident_that_was() -> None:
    quick = incident("mx-a", (0, found(2)), (2, Acknowledged()), (10, Resolved()))
    slow = incident("mx-b", (0, found(2)), (4, Acknowledged()), (50, Resolved()))
    worst = incident("mx-c", (0, found(2)), (30, Acknowledged()), (60, Resolved()))
    total = reckoned(quick, slow, worst).total
    assert total.acknowledge is not None
    assert total.acknowledge == (3, 720.0, 240.0, 1800.0, "mx-c")
    assert total.mitigate is None
    assert (total.resolved, total.open) == (3, 0)


def test_by_severity_it_is_the_worst_that_it_had_a_lowered_one_too() -> None:
    lowered = incident(
        "mx-a", (0, found(3)), (5, found(1)), (9, SeveritySet(severity=SEV[4], reason="a test plant"))
    )
    assert gravest(lowered) == SEV[1]
    assert [group.severity for group in reckoned(lowered).by_severity] == ["SEV-1"]


def test_drills_are_left_out_open_ones_counted_apart_and_reopened_ones_go_to_their_last_end() -> None:
    drill = incident("mx-a", (0, found(1)), (1, Resolved()), drill=True)
    still = incident("mx-b", (0, found(1)))
    again = incident("mx-c", (0, found(1)), (10, Resolved()), (20, Reopened(reason="x")), (90, Resolved()))
    result = reckoned(drill, still, again)
    assert (result.drills, result.total.open, result.total.resolved) == (1, 1, 1)
    assert result.total.resolve is not None
    assert result.total.resolve.worst_s == 90 * 60
    reopened = incident("mx-d", (0, found(1)), (10, Resolved()), (20, Reopened(reason="x")))
    assert reckoned(reopened).total.resolve is None


def test_a_month_begins_in_the_teams_zone_and_only_the_last_ones_count() -> None:
    # 23:30 UTC on the last of October is November in Berlin, an hour ahead by then.
    eve = incident("mx-a", (0, found(1)), at=datetime(2026, 10, 31, 23, 30, tzinfo=UTC))
    before = incident("mx-b", (0, found(2)), at=datetime(2026, 10, 31, 22, 30, tzinfo=UTC))
    result = reckoned(before, eve, days=0)
    assert [(g.month, g.severity) for g in result.by_both] == [("2026-11", "SEV-1"), ("2026-10", "SEV-2")]
    assert reckoned(before, eve, days=0, months=1).counted == {"mx-a"}
    assert first_month(datetime(2026, 1, 31, 23, 30, tzinfo=UTC), BERLIN.zone, months=2) == "2026-01"
    assert first_month(datetime(2026, 1, 15, tzinfo=UTC), BERLIN.zone, months=2) == "2025-12"


@pytest.mark.parametrize(
    ("minutes", "now", "met"),
    [
        (((0, found(1)), (14, Acknowledged())), 60, True),
        (((0, found(1)), (16, Acknowledged())), 60, False),
        (((0, found(1)), (14, Resolved())), 60, True),
        (((0, found(1)),), 14, None),
        (((0, found(1)),), 16, False),
        ((), 600, None),
        # Raised a minute before the hour of a SEV-2: the hour stays the deadline, a quarter from then gives no more time.
        (((0, found(2)), (59, found(1)), (61, Acknowledged())), 90, False),
        (((0, found(2)), (20, found(1)), (34, Acknowledged())), 90, True),
        (((0, found(2)), (20, found(1)), (36, Acknowledged())), 90, False),
        # What became of it after somebody had it changes nothing.
        (((0, found(2)), (30, Acknowledged()), (31, found(1))), 900, True),
        # A SEV-4 waits for the next business day's opening: Tuesday 09:00 in Berlin.
        (((0, found(4)), (23 * 60, Acknowledged())), 3000, True),
        (((0, found(4)), (23 * 60 + 1, Acknowledged())), 3000, False),
    ],
)
def test_a_first_response_in_time(minutes: Minutes, now: float, met: bool | None) -> None:
    state = incident("mx-a", *minutes)
    assert response_met(state, BERLIN, now=NINE + timedelta(minutes=now)) is met


def test_the_words_fit_a_phone_and_machines_get_the_pairs() -> None:
    a = incident("mx-a", (0, found(1)), (3, Acknowledged()), (11, ON), (62, Resolved()))
    b = incident("mx-b", (0, found(2)), (90, Acknowledged()), at=NINE - timedelta(days=40))
    result = reckoned(a, b, days=1)
    assert opening(result) == "2 incidents, 1 of them open. The first response came in time in 1 of 2."
    shown = columns(result)
    assert all(len(line) <= PHONE for line in shown.splitlines())
    assert "SEV-1      1       3m      11m     1h02" in shown
    assert "SEV-2      1     1h30        -        -" in shown
    assert "2026-10" in shown
    data = as_json(result, (a, b))
    assert data["pairs"] == [
        {
            "incident": name,
            "integration": "default",
            "severity": severity,
            "measure": measure,
            "began": began.isoformat(),
            "ended": (began + timedelta(minutes=minutes)).isoformat(),
            "seconds": minutes * 60.0,
        }
        for name, severity, began, measure, minutes in (
            ("mx-a", "SEV-1", NINE, "acknowledge", 3),
            ("mx-a", "SEV-1", NINE, "mitigate", 11),
            ("mx-a", "SEV-1", NINE, "resolve", 62),
            ("mx-b", "SEV-2", NINE - timedelta(days=40), "acknowledge", 90),
        )
    ]
    assert [short(s) for s in (0, 59, 60, 3599, 3600, 86399, 86400, 86400 * 40)] == [
        *("0s", "59s", "1m", "59m", "1h00", "23h59", "1d00h", "40d00h")
    ]


def test_nothing_at_all_is_told_as_nothing() -> None:
    result = reckoned(months=6)
    assert opening(result) == "0 incidents since 2026-07."
    assert as_json(result, ())["pairs"] == []
