"""An incident is what its facts say: given these facts, this is how it stands."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assessment import Severity
from bot.domain.book import Book
from bot.domain.changed import changed
from bot.domain.events import (
    FACTS,
    Acknowledged,
    AnyFact,
    Assessed,
    Event,
    GatewayReported,
    IncidentOpened,
    LeaseEnded,
    NoteAdded,
    Redacted,
    Reopened,
    Resolved,
    RunFinished,
    RunPlanned,
    RunRequested,
    SeveritySet,
    StepFinished,
    StepStarted,
    TriageFinished,
    TriageRequested,
)
from bot.domain.fold import evolve, replay
from bot.domain.incident import Card, Incident, Note, Override
from bot.domain.showing import CardPosted, DeliveryFailed, ReportPosted, ReportRequested
from tests.facts import DESK, EVERY_FACT, LEASE, NINE, PERSON, PLAN, READINGS, assessment, events

OPENED = IncidentOpened(integration="default", channel="C0123", requested_by=PERSON, requested_at=NINE)
RUN = (
    RunRequested(run="run-1", playbook="rate-limited", fingerprint="f1"),
    RunPlanned(run="run-1", plan=PLAN),
)


def given_facts(*facts: AnyFact) -> Incident:
    return replay(events((OPENED, *facts)))


def minute(number: int) -> timedelta:
    return timedelta(minutes=number)


def test_an_opened_incident_knows_who_asked_and_where() -> None:
    incident = given_facts()

    assert (incident.state, incident.version, incident.integration) == ("open", 1, "default")
    assert (incident.opened_at, incident.requested_at, incident.requested_by) == (NINE, NINE, PERSON)
    assert incident.channel == "C0123"
    assert (incident.severity, incident.proposed, incident.healthy_now) == (None, None, False)


def test_a_stream_that_does_not_begin_with_its_opening_is_no_incident() -> None:
    with pytest.raises(ValueError, match="begins with note_added"):
        replay(events((NoteAdded(text="hello"),)))
    with pytest.raises(ValueError, match="without a single fact"):
        replay(())


def test_assessing_raises_the_severity_and_only_proposes_to_lower_it() -> None:
    incident = given_facts(
        Assessed(assessment=assessment(Severity.SEV3)),
        Assessed(assessment=assessment(Severity.SEV1)),
        Assessed(assessment=assessment(Severity.SEV2)),
    )

    assert incident.severity == Severity.SEV1
    assert incident.proposed == Severity.SEV2
    assert not incident.healthy_now


def test_a_healthy_assessment_lowers_nothing_and_is_told() -> None:
    incident = given_facts(Assessed(assessment=assessment()), Assessed(assessment=assessment(None)))

    assert incident.severity == Severity.SEV2
    assert (incident.proposed, incident.healthy_now) == (None, True)


def test_a_persons_severity_stands_until_a_person_changes_it() -> None:
    incident = given_facts(
        Assessed(assessment=assessment(Severity.SEV2)),
        SeveritySet(severity=Severity.SEV4, reason="a test account"),
        Assessed(assessment=assessment(Severity.SEV1)),
    )

    assert incident.severity == Severity.SEV4
    assert incident.override == Override(Severity.SEV4, "a test account", PERSON)
    assert incident.proposed == Severity.SEV1, "and is told what mx sees"


def test_only_the_latest_assessment_keeps_its_readings() -> None:
    incident = given_facts(*[Assessed(assessment=assessment())] * 3)

    assert [len(at.assessment.readings) for at in incident.assessments] == [0, 0, len(READINGS)]
    assert incident.assessments[0].at == NINE + minute(1)
    assert incident.assessment == assessment()


def test_somebody_has_it() -> None:
    incident = given_facts(Acknowledged())

    assert (incident.acknowledged_by, incident.acknowledged_at) == (PERSON, NINE + minute(1))


def test_notes_keep_their_version() -> None:
    assert given_facts(NoteAdded(text="hello")).notes == (Note(2, NINE + minute(1), PERSON, "hello"),)


def test_a_run_is_followed_from_the_request_to_its_end() -> None:
    asked = given_facts(RUN[0])
    planned = given_facts(*RUN)
    begun = given_facts(*RUN, StepStarted(run="run-1", index=0, epoch=3, before={"mode": "pass"}))
    limited = given_facts(
        *RUN,
        StepStarted(run="run-1", index=0, epoch=3, before={"mode": "pass"}),
        StepFinished(run="run-1", index=0, outcome="done", says="limited", started=LEASE),
    )
    over = given_facts(*RUN, RunFinished(run="run-1", outcome="done", says="all done"))

    assert (asked.runs[0].plan, asked.runs[0].steps, asked.runs[0].live) == (None, (), True)
    assert [step.state for step in planned.runs[0].steps] == ["waiting", "waiting"]
    assert planned.runs[0].plan == PLAN
    assert [step.state for step in begun.runs[0].steps] == ["started", "waiting"]
    assert (begun.runs[0].steps[0].before, begun.runs[0].steps[0].epoch) == ({"mode": "pass"}, 3)
    assert limited.runs[0].steps[0].says == "limited"
    assert limited.runs[0].steps[0].before == {"mode": "pass"}
    assert limited.leases == (LEASE,)
    assert limited.live_runs == limited.runs
    assert (over.run("run-1"), over.live_runs) == (over.runs[0], ())
    assert (over.runs[0].outcome, over.runs[0].says) == ("done", "all done")
    assert over.run("run-2") is None


def test_a_step_that_was_never_planned_still_gets_its_place() -> None:
    incident = given_facts(RUN[0], StepFinished(run="run-1", index=1, outcome="failed", says="no"))

    assert [step.state for step in incident.runs[0].steps] == ["waiting", "failed"]


def test_facts_of_a_run_that_nobody_asked_for_change_no_run() -> None:
    incident = given_facts(*RUN, RunFinished(run="run-9", outcome="failed", says="?"))

    assert incident.live_runs == incident.runs


@pytest.mark.parametrize(
    "end",
    [
        StepFinished(run="undo-1", index=0, outcome="done", says="taken back", ended="run-1"),
        LeaseEnded(lease="run-1", cause="expired", says="ran out"),
    ],
)
def test_a_lease_is_on_until_it_ends(end: AnyFact) -> None:
    start = StepFinished(run="run-1", index=0, outcome="done", says="limited", started=LEASE)
    other = LEASE.model_copy(update={"id": "run-2"})
    second = StepFinished(run="run-2", index=0, outcome="done", says="limited", started=other)

    assert given_facts(*RUN, start, second).leases == (LEASE, other)
    assert given_facts(*RUN, start, second, start).leases == (other, LEASE)
    assert given_facts(*RUN, start, second, end).leases == (other,)


def test_the_card_stands_where_it_was_posted_last_and_a_failure_is_told_until_then() -> None:
    failed = DeliveryFailed(what="card", channel="C9", code="not_in_channel", says="/invite @mx")

    assert given_facts(failed).delivery_failed == failed
    posted = given_facts(
        failed, CardPosted(channel="C1", message="1.0"), CardPosted(channel="C1", message="2.0")
    )
    assert (posted.card, posted.delivery_failed) == (Card("C1", "2.0"), None)


def test_requests_wait_until_they_are_answered() -> None:
    asked = (
        TriageRequested(request="t-1", integration="default"),
        TriageRequested(request="t-2", integration="default"),
        ReportRequested(request="r-1"),
        ReportRequested(request="t-2"),
    )
    waiting = given_facts(*asked)
    answered = given_facts(
        *asked,
        TriageFinished(request="t-1", severity=None, verdict="nobody", incident=None, says="healthy"),
        ReportPosted(request="r-1", says="posted"),
    )

    assert [e.version for e in waiting.triages_pending] == [2, 3]
    assert [e.version for e in waiting.reports_pending] == [4, 5]
    assert [e.version for e in answered.triages_pending] == [3]
    assert [e.version for e in answered.reports_pending] == [5]


def test_it_is_over_and_then_it_is_not() -> None:
    over = given_facts(Resolved(reason="quiet", accepted=("lease run-1 is on",)))
    back = given_facts(Resolved(reason="quiet", accepted=("lease run-1 is on",)), Reopened(reason="no"))

    assert (over.state, over.open, over.resolved_at, over.resolved_by) == (
        "resolved",
        False,
        NINE + minute(1),
        PERSON,
    )
    assert (over.resolved_reason, over.accepted) == ("quiet", ("lease run-1 is on",))
    assert (back.state, back.open, back.resolved_at, back.resolved_by) == ("open", True, None, None)
    assert (back.resolved_reason, back.accepted) == ("", ())


def test_news_of_the_gateway_and_redactions_count_as_facts() -> None:
    incident = given_facts(
        GatewayReported(what="restarted", says="restarted"), Redacted(version=2, reason="x")
    )

    assert (incident.version, incident.redacted) == (3, frozenset({2}))


def test_every_kind_of_fact_is_in_the_life_that_tests_use() -> None:
    assert {type(fact) for fact in EVERY_FACT} == set(FACTS)


def test_a_change_of_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="Incident has no field colour"):
        changed(given_facts(), colour="red")  # type: ignore[call-arg] # that is the point


LATER_FACTS = st.lists(
    st.sampled_from([f for f in EVERY_FACT if not isinstance(f, IncidentOpened)]), max_size=12
)


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[Event, ...]]:
    lives = [events((OPENED, *draw(LATER_FACTS)), stream=f"mx-{n}") for n in range(draw(st.integers(1, 4)))]
    desk = [f for f in draw(LATER_FACTS) if isinstance(f, TriageRequested | TriageFinished | DeliveryFailed)]
    return [*lives, events(tuple(desk), stream=DESK)]


@settings(max_examples=120, deadline=None)
@given(lives=streams(), data=st.data())
def test_however_streams_are_interleaved_each_is_what_its_own_facts_say(
    lives: list[tuple[Event, ...]], data: st.DataObject
) -> None:
    tickets = data.draw(st.permutations([n for n, life in enumerate(lives) for _ in life]))
    left = [list(life) for life in lives]
    book = Book()
    for seq, ticket in enumerate(tickets, start=1):
        book.apply(left[ticket].pop(0).model_copy(update={"seq": seq}))
        if seq % 5 == 0:
            book.copy()

    for life in lives[:-1]:
        alone = replay(life)
        folded = book.incident(alone.id)
        assert folded is not None
        assert without_numbers(folded) == without_numbers(alone)
        assert book.version(alone.id) == len(life)
        assert (folded in book.open_incidents()) == folded.open
        assert (folded in book.running()) == bool(folded.live_runs)
        assert (folded in book.paging()) == bool(folded.oncall.waiting)
    assert len(book.incidents()) == len(lives) - 1
    assert book.desk("default").version == len(lives[-1])
    waiting = [e.seq for e in book.pending_triages()]
    assert waiting == sorted(waiting)
    at_incidents = sum(len(i.triages_pending) for i in book.incidents())
    assert len(waiting) == at_incidents + len(book.desk("default").triages_pending)
    assert len(book.pending_reports()) == sum(len(i.reports_pending) for i in book.incidents())


@settings(max_examples=60, deadline=None)
@given(later=LATER_FACTS)
def test_one_by_one_or_all_at_once_is_the_same(later: list[AnyFact]) -> None:
    life = events((OPENED, *later))
    incident: Incident | None = None
    for event in life:
        incident = evolve(incident, event)
    assert incident == replay(life)


def without_numbers(incident: Incident) -> Incident:
    """The interleaving gives other numbers to the same events."""
    return changed(
        incident,
        triages_pending=tuple(e.model_copy(update={"seq": 0}) for e in incident.triages_pending),
        reports_pending=tuple(e.model_copy(update={"seq": 0}) for e in incident.reports_pending),
        verifies_pending=tuple(e.model_copy(update={"seq": 0}) for e in incident.verifies_pending),
        notebook=replace(
            incident.notebook,
            wanted=tuple(e.model_copy(update={"seq": 0}) for e in incident.notebook.wanted),
        ),
    )
