"""The score of a drill: between 0 and 100, never less for the good thing done earlier, never more for harm."""

from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.demo.scoring import HARM, Score, score
from bot.domain.calendar import Calendar
from bot.domain.events import (
    Acknowledged,
    AnyFact,
    Assessed,
    Event,
    IncidentOpened,
    Resolved,
    RunFinished,
    RunRequested,
)
from bot.domain.fold import replay
from bot.domain.showing import ReportRequested
from bot.domain.watching import RecoveryChecked
from bot.scenario import shipped
from tests.facts import INCIDENT, NINE, PERSON, assessment

CALENDAR = Calendar(ZoneInfo("UTC"))
RATE_LIMIT = shipped()["rate-limit"]
BOTH = shipped()["storm-and-silence"]


def history(*facts: tuple[float, AnyFact]) -> tuple[Event, ...]:
    """Facts at seconds after nine."""
    first: list[tuple[float, AnyFact]] = [
        (0.0, IncidentOpened(integration="default", drill=True)),
        (0.1, Assessed(assessment=assessment())),
    ]
    timed = sorted([*first, *facts], key=lambda one: one[0])
    return tuple(
        Event(
            seq=number,
            stream=INCIDENT,
            version=number,
            actor=PERSON,
            at=NINE + timedelta(seconds=at),
            recorded_at=NINE + timedelta(seconds=at),
            key=None,
            fact=fact,
            hash="h",
        )
        for number, (at, fact) in enumerate(timed, start=1)
    )


def scored(*facts: tuple[float, AnyFact]) -> Score:
    events = history(*facts)
    return score(RATE_LIMIT, replay(events), events, began=NINE, calendar=CALENDAR)


def ran(playbook: str, at: float, outcome: str = "done") -> list[tuple[float, AnyFact]]:
    return [
        (at, RunRequested(run=f"r-{playbook}", playbook=playbook)),
        (at + 1, RunFinished(run=f"r-{playbook}", outcome=outcome, says="")),  # type: ignore[arg-type] # one of them
    ]


END: Sequence[tuple[float, AnyFact]] = (
    (1000, RecoveryChecked(verdict="proved", lines=(), says="proved")),
    (1001, Resolved()),
    (1002, ReportRequested(request="r")),
)


def test_the_good_way_is_all_of_it() -> None:
    found = scored((60, Acknowledged()), *ran("rate-limited", 200), *END)
    assert found.points == 100, found.lines
    assert all("Next time" not in line for line in found.lines)


def test_nothing_done_is_next_to_nothing_and_says_what_to_do() -> None:
    assert scored().points == 0
    assert sum("Next time" in line for line in scored().lines) >= 4
    none = score(RATE_LIMIT, None, (), began=NINE, calendar=CALENDAR)
    assert (none.points, "type /mx triage" in none.lines[0]) == (0, True)


def test_what_is_missing_is_named_and_costs_its_points() -> None:
    whole = scored((60, Acknowledged()), *ran("rate-limited", 200), *END).points
    no_proof = scored((60, Acknowledged()), *ran("rate-limited", 200), *END[1:])
    assert whole - no_proof.points == 15
    assert any("wait until every line is met" in line for line in no_proof.lines)
    unsure = scored((60, Acknowledged()), *ran("rate-limited", 200, "inconclusive"), *END)
    assert whole - unsure.points == 15
    failed = scored((60, Acknowledged()), *ran("rate-limited", 200, "failed"), *END)
    assert any("/mx run rate-limited" in line for line in failed.lines)


def test_a_mitigation_counts_from_when_it_was_started_however_long_the_outage_is_ridden_out() -> None:
    outage = shipped()["vendor-outage"]
    events = history(
        (60, Acknowledged()),
        (200, RunRequested(run="r", playbook="platform-outage")),
        (2400, RunFinished(run="r", outcome="done", says="")),
        *((2500 + at, fact) for at, fact in END),
    )
    found = score(outage, replay(events), events, began=NINE, calendar=CALENDAR)
    assert found.points == 100, found.lines
    assert any("was started 3 min 20 s after it broke" in line for line in found.lines)


def test_of_two_faults_both_count() -> None:
    events = history((60, Acknowledged()), *ran("rate-limited", 200), *END)
    found = score(BOTH, replay(events), events, began=NINE, calendar=CALENDAR)
    names = [mark.name for mark in found.marks if mark.name.startswith("Mitigated")]
    assert names == ["Mitigated (rate-limited)", "Mitigated (webhook-failure)"]
    assert found.points == 85


seconds = st.floats(1, 5000)


@given(seconds, seconds, st.booleans(), st.sets(st.sampled_from(["api-key-rejected", "platform-outage"])))
def test_it_stays_within_bounds_and_harm_never_pays(
    acked: float, helped: float, resolved: bool, harm: set[str]
) -> None:
    base = [(acked, Acknowledged()), *ran("rate-limited", helped), *(END if resolved else ())]
    without = scored(*base)
    with_harm = scored(*base, *(fact for name in sorted(harm) for fact in ran(name, 300)))
    assert 0 <= with_harm.points <= without.points <= 100
    assert with_harm.points == max(0, without.points - HARM * len(harm))
    assert sum(line.startswith("Harmful") for line in with_harm.lines) == len(harm)


@given(seconds, seconds, seconds, seconds)
def test_the_good_thing_done_earlier_never_scores_less(a: float, b: float, c: float, d: float) -> None:
    early, late = sorted((a, b))
    first, last = sorted((c, d))
    good = scored((early, Acknowledged()), *ran("rate-limited", first))
    worse = scored((late, Acknowledged()), *ran("rate-limited", last))
    assert good.points >= worse.points
