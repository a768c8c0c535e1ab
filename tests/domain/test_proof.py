"""The words of a proof: what counts as met, since when data has to have moved, what is shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.incident import AssessedAt
from bot.domain.oncall_state import OnCall
from bot.domain.proof import (
    Seen,
    accepted,
    asked_line,
    began,
    findings_line,
    headline,
    in_order,
    line,
    recent,
    shown,
    watched_line,
)
from bot.domain.watching import LineState, verdict_of
from tests.domain import made
from tests.steps.around import incident

AT = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
GOOD = made.judged([made.api("/workorders", 200)])
BAD = made.judged([made.api("/workorders", 503)])


def ago(seconds: float) -> datetime:
    return AT - timedelta(seconds=seconds)


def rounds(*good: bool, every_s: float = 30.0) -> tuple[Seen, ...]:
    return tuple(Seen(ago(index * every_s), one, "" if one else "SEV-2") for index, one in enumerate(good))


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (("met", "met"), "proved"),
        (("met", "unknown"), "proved"),
        (("met", "no_traffic", "unknown"), "no_traffic"),
        (("no_traffic", "unmet"), "not_proved"),
        (("unmet",), "not_proved"),
    ],
)
def test_no_traffic_is_a_verdict_of_its_own_and_what_is_not_known_does_not_count(
    states: tuple[LineState, ...], verdict: str
) -> None:
    lines = tuple(line(f"line {index}", state, "because") for index, state in enumerate(states))
    assert verdict_of(lines) == verdict
    assert headline(lines).startswith(
        {
            "proved": "Recovery is proved",
            "no_traffic": "No traffic to judge recovery by: ",
            "not_proved": "Recovery is not proved: ",
        }[verdict]
    )


def test_a_person_accepts_what_is_unmet_and_what_has_no_traffic_and_nothing_else() -> None:
    lines = (
        line("runs", "met", "none"),
        line("gaps", "unmet", "one is open"),
        line("work orders", "no_traffic", "0"),
        line("sync state", "unknown", "not set"),
    )
    assert accepted(lines) == ("gaps: one is open", "work orders: 0")
    assert [shown(one) for one in in_order(lines)] == [
        "work orders, no traffic: 0",
        "runs, met: none",
        "gaps, not met: one is open",
        "sync state, not known: not set",
    ]


def test_rounds_are_in_a_row_only_where_nobody_paused_between_them() -> None:
    seen = (*rounds(True, True), Seen(ago(3600), True))
    assert len(recent(seen, now=AT, every_s=30, longest_s=300)) == 2
    assert recent(seen, now=AT + timedelta(minutes=3), every_s=30, longest_s=300) == ()
    slow = rounds(True, True, True, every_s=300)
    assert len(recent(slow, now=AT, every_s=30, longest_s=300)) == 3, (
        "they were 5 minutes apart before it was opened"
    )


def test_the_monitors_rounds_count_from_the_latest_bad_one() -> None:
    said = watched_line(rounds(True, True, False, True), needed=3, every_s=30, zone=UTC)
    assert (said.state, said.says.partition(";")[0]) == ("unmet", "2 in a row, 3 needed")
    assert "the latest bad one at 14:04 UTC (SEV-2)" in said.says
    met = watched_line(rounds(True, True, True, False), needed=3, every_s=30, zone=UTC)
    assert (met.state, met.says) == ("met", "the last 3 rounds were good, 14:04 UTC to 14:05 UTC")
    one = watched_line(rounds(True), needed=1, every_s=30, zone=UTC)
    assert one.says == "the last round was good, 14:05 UTC to 14:05 UTC"


def test_too_few_rounds_of_its_own_are_not_enough() -> None:
    assert asked_line(rounds(True), needed=3, apart_s=3).state == "unmet"


def test_since_when_data_has_to_have_moved() -> None:
    opened = ago(1800)
    plain = replace(incident(), opened_at=opened, oncall=OnCall(clock_from=opened))
    assert began(None, (), now=AT) == (ago(3600), "an hour ago")
    assert began(plain, rounds(True, True), now=AT) == (opened, "the incident began")
    assert began(plain, rounds(True, True, False), now=AT) == (ago(30), "the first good round")
    monitored = replace(plain, failing_since=ago(2000))
    assert began(monitored, (), now=AT) == (ago(2000), "the incident began")
    mitigated = replace(plain, oncall=OnCall(clock_from=opened, mitigated_at=ago(900)))
    assert began(mitigated, (), now=AT) == (ago(900), "the first mitigation")
    looked = (
        AssessedAt(ago(800), GOOD),
        AssessedAt(ago(700), BAD),
        AssessedAt(ago(600), GOOD),
        AssessedAt(AT, GOOD),
    )
    triaged = replace(mitigated, assessments=looked)
    assert began(triaged, (), now=AT) == (ago(600), "the first good triage")


def test_the_latest_look_decides_about_findings() -> None:
    found = BAD.model_copy(update={"at": ago(300)})
    assert findings_line(found, None, zone=UTC).state == "unmet"
    assert "to look again: /mx triage" in findings_line(found, None, zone=UTC).says
    assert findings_line(found, Seen(ago(10), True), zone=UTC).state == "met"
    assert findings_line(found, Seen(ago(400), True), zone=UTC).state == "unmet"
    assert (
        findings_line(GOOD.model_copy(update={"at": AT}), Seen(ago(10), False, "SEV-2"), zone=UTC).state
        == "met"
    )
    assert findings_line(None, None, zone=UTC).state == "unknown"
