"""What may be done in an incident, and what is answered."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from bot.deciding import LONGEST_TEXT, Done
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fact import Address
from bot.domain.mitigation import Lease
from bot.domain.showing import ReportRequested
from bot.errors import Refused
from bot.incidents import Incidents
from bot.planning import fingerprint
from bot.playbook import Playbook, PlaybookStep
from bot.run_rules import Stale
from bot.timeline import Timeline
from tests.room import ANN, BEN, EVE, INCIDENT, assessment, numbered, open_incident, prove, timeline_at, write
from tests.wound_clock import WoundClock

PLAYBOOKS: Mapping[str, Playbook] = {
    name: Playbook(
        name=name,
        title=name.capitalize(),
        button=name,
        fits=("rate-limited",),
        when="Ever.",
        steps=(PlaybookStep(kind="switch", title="On", values={"word": name}),),
    )
    for name in ("rate-limited", "other")
}


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def timeline(tmp_path: Path, clock: WoundClock) -> AsyncIterator[Timeline]:
    async with timeline_at(tmp_path / "mx.db", clock) as opened:
        yield opened


@pytest.fixture
async def incidents(timeline: Timeline, clock: WoundClock) -> Incidents:
    return Incidents(timeline, clock, playbooks=PLAYBOOKS, new_id=numbered("id"))


async def lease_on(timeline: Timeline, clock: WoundClock, *, run: str = "id-1", owner: str = ANN) -> None:
    """The run's step put its lease on, and the run is over."""
    lease = Lease(
        id=run,
        run=run,
        playbook="rate-limited",
        says="gateway slow",
        owner=owner,
        reason="r",
        since=clock.now(),
    )
    await write(
        timeline,
        clock,
        e.StepFinished(run=run, index=0, outcome="done", says="on", started=lease),
        e.RunFinished(run=run, outcome="done", says="on"),
    )


async def test_without_an_incident_every_verb_says_what_to_type(incidents: Incidents) -> None:
    for asked in (
        incidents.acknowledge("default", actor=ANN),
        incidents.note("default", "x", actor=ANN),
        incidents.set_severity("default", Severity.SEV1, reason="x", actor=ANN),
        incidents.request_run("default", "rate-limited", actor=ANN),
        incidents.resolve("default", actor=ANN),
        incidents.reopen("default", "x", actor=ANN),
    ):
        with pytest.raises(
            Refused, match=r"There is no open incident for default\. Type /mx triage to look\."
        ):
            await asked
    for asked in (
        incidents.request_report("default", actor=ANN),
        incidents.redact("default", 1, reason="x", actor=ANN),
    ):
        with pytest.raises(Refused, match="There has been no incident for default yet"):
            await asked
    with pytest.raises(Refused, match="rate-limited was not run for default"):
        await incidents.request_undo("default", "rate-limited", actor=ANN)


async def test_a_triage_goes_to_the_desk_or_to_the_open_incident(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    done = await incidents.request_triage("default", actor=ANN, address=Address(channel="C1"), key="d1")
    assert done.incident is None
    assert done.event is not None
    assert done.event.stream == "integration/default"
    await open_incident(timeline, clock)
    done = await incidents.request_triage("default", actor=ANN, samples=1)
    assert (done.incident, done.event.stream if done.event else None) == (INCIDENT, INCIDENT)
    assert len((await timeline.book()).pending_triages()) == 2


async def test_a_delivery_that_comes_twice_happens_once_and_is_answered_alike(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    first = await incidents.request_run("default", "rate-limited", actor=ANN, key="delivery-1")
    second = await incidents.request_run("default", "rate-limited", actor=ANN, key="delivery-1")
    assert first.event == second.event
    assert second.says == "Playbook rate-limited asked for."
    third = await incidents.note("default", "said once", actor=ANN, key="delivery-2")
    fourth = await incidents.note("default", "said once", actor=ANN, key="delivery-2")
    assert third == fourth
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert (len(incident.runs), len(incident.notes)) == (1, 1)


async def test_acknowledging_twice_and_handing_over(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    assert (await incidents.acknowledge("default", actor=ANN)).says == f"You have {INCIDENT} now."
    clock.wind(120)
    again = await incidents.acknowledge("default", actor=ANN)
    assert again.says == f"You have {INCIDENT}, since 12:00 UTC, and that is confirmed."
    over = await incidents.acknowledge("default", actor=BEN)
    assert over.says == f"You have {INCIDENT} now. {ANN} had it, since 12:00 UTC."
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert incident.acknowledged_by == BEN


async def test_a_severity_is_set_with_a_reason(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    done = await incidents.set_severity("default", Severity.SEV1, reason=" all sites ", actor=ANN)
    assert (
        done.says
        == f"{INCIDENT} is SEV-1 from here, by your word; it was SEV-2. It stays so until a person changes it."
    )
    with pytest.raises(Refused, match="Say it in words, such as: /mx severity 2"):
        await incidents.set_severity("default", Severity.SEV2, reason="  ", actor=ANN)


async def test_notes_are_words_and_not_books(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    assert (await incidents.note("default", "vendor called", actor=ANN)).says == f"Noted in {INCIDENT}."
    with pytest.raises(Refused, match="Say it in words"):
        await incidents.note("default", "\n", actor=ANN)
    with pytest.raises(Refused, match=f"write at most {LONGEST_TEXT}"):
        await incidents.note("default", "x" * (LONGEST_TEXT + 1), actor=ANN)


async def test_a_run_is_asked_for_once(incidents: Incidents, timeline: Timeline, clock: WoundClock) -> None:
    await open_incident(timeline, clock)
    done = await incidents.request_run("default", "rate-limited", actor=ANN)
    assert done.says == f"Rate-limited starts in {INCIDENT}; the card shows each step."
    clock.wind(60)
    with pytest.raises(Refused, match=f"rate-limited is going already: {ANN} started it at 12:00 UTC"):
        await incidents.request_run("default", "rate-limited", actor=BEN)
    await lease_on(timeline, clock)
    with pytest.raises(Refused, match=f"rate-limited is on already: {ANN} started it at 12:01 UTC"):
        await incidents.request_run("default", "rate-limited", actor=BEN)
    assert (await incidents.request_run("default", "other", actor=BEN)).event is not None
    with pytest.raises(Refused, match=r"There is no playbook nonsense\. There is: other, rate-limited\."):
        await incidents.request_run("default", "nonsense", actor=BEN)


async def test_a_plan_that_has_changed_is_stale_and_nothing_happens(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    seen = fingerprint(PLAYBOOKS["rate-limited"], incident=incident)
    await write(timeline, clock, e.Assessed(assessment=assessment(clock, "rate-limited", "slow")))
    with pytest.raises(Stale, match="has changed since it was shown"):
        await incidents.request_run("default", "rate-limited", actor=ANN, fingerprint=seen)
    fresh = (await timeline.book()).incident(INCIDENT)
    assert fresh is not None
    assert fresh.runs == ()
    seen = fingerprint(PLAYBOOKS["rate-limited"], incident=fresh)
    await incidents.note("default", "an unrelated fact", actor=BEN)
    assert (
        await incidents.request_run("default", "rate-limited", actor=ANN, fingerprint=seen)
    ).event is not None


async def test_an_undo_names_the_run_that_is_on(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await incidents.request_run("default", "rate-limited", actor=ANN)
    await lease_on(timeline, clock)
    done = await incidents.request_undo("default", "rate-limited", actor=BEN)
    assert done.says == f"Rate-limited is being taken back in {INCIDENT}."
    assert done.event is not None
    assert isinstance(done.event.fact, e.RunRequested)
    assert (done.event.fact.mode, done.event.fact.undoes) == ("undo", "id-1")
    with pytest.raises(Refused, match=f"{BEN} asked to take it back at 12:00 UTC"):
        await incidents.request_undo("default", "id-1", actor=EVE)
    with pytest.raises(Refused, match=f"{BEN} asked to take it back at 12:00 UTC"):
        await incidents.request_run("default", "rate-limited", actor=EVE)
    await write(
        timeline,
        clock,
        e.StepFinished(run=done.event.fact.run, index=0, outcome="done", says="off", ended="id-1"),
        e.RunFinished(run=done.event.fact.run, outcome="done", says="off"),
    )
    with pytest.raises(Refused, match=f"{BEN} took it back at 12:00 UTC"):
        await incidents.request_undo("default", "rate-limited", actor=EVE)


async def test_a_lease_is_taken_back_after_its_incident_too(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await incidents.request_run("default", "rate-limited", actor=ANN)
    await lease_on(timeline, clock)
    await prove(timeline, clock)
    await incidents.resolve("default", actor=ANN, anyway_reason="it stays on over night")
    await open_incident(timeline, clock, incident="mx-20261123-0002")
    assert (await incidents.request_undo("default", "rate-limited", actor=ANN)).incident == INCIDENT


async def test_the_undo_of_a_stale_plan_is_stale(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await incidents.request_run("default", "rate-limited", actor=ANN)
    await lease_on(timeline, clock)
    with pytest.raises(Stale):
        await incidents.request_undo("default", "rate-limited", actor=BEN, fingerprint="of another plan")


async def test_resolve_refuses_and_lists_why(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await incidents.request_run("default", "rate-limited", actor=ANN)
    await lease_on(timeline, clock)
    await incidents.request_run("default", "other", actor=BEN)
    with pytest.raises(Refused) as refused:
        await incidents.resolve("default", actor=ANN)
    assert str(refused.value).splitlines() == [
        f"{INCIDENT} cannot be resolved yet:",
        f"- rate-limited is on (gateway slow), by {ANN}; take it back: /mx undo rate-limited",
        f"- other is still running, asked for by {BEN} at 12:00 UTC; wait for its end on the card, or /mx stop",
        "Settle that first, or take it in your name: /mx resolve anyway REASON",
    ]
    with pytest.raises(Refused, match="Say it in words"):
        await incidents.resolve("default", actor=ANN, anyway_reason=" ")
    await prove(timeline, clock)
    done = await incidents.resolve("default", actor=ANN, anyway_reason="the vendor needs it so")
    assert done.says.startswith(f"{INCIDENT} is resolved. For its report: /mx report.")
    assert "\nAccepted by you, and the report says so:\n- rate-limited is on" in done.says
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert (incident.state, incident.resolved_reason, len(incident.accepted)) == (
        "resolved",
        "the vendor needs it so",
        2,
    )


async def test_resolve_and_reopen(incidents: Incidents, timeline: Timeline, clock: WoundClock) -> None:
    await open_incident(timeline, clock)
    with pytest.raises(Refused, match=f"{INCIDENT} is open; there is nothing to reopen"):
        await incidents.reopen("default", "too early", actor=ANN)
    await prove(timeline, clock)
    over = (await incidents.resolve("default", actor=ANN)).says
    assert over == f"{INCIDENT} is resolved. For its report: /mx report. If it is back: /mx reopen REASON"
    again = (await incidents.reopen("default", "the 429s are back", actor=BEN)).says
    assert again == f"{INCIDENT} is open again. To look now: /mx triage"
    assert (await timeline.book()).open_incident("default") is not None


async def test_redaction_hides_words_and_only_words(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await incidents.note("default", "call Mr Miller on 555", actor=ANN)
    await incidents.acknowledge("default", actor=ANN)
    done = await incidents.redact("default", 3, reason="a name", actor=ANN)
    assert "Line 3 of" in done.says
    assert "Miller" not in str(await timeline.history(INCIDENT))
    for version, why in (
        (1, "it holds no words, and it stays"),
        (4, "holds no words that could be hidden"),
        (3, "is redacted already"),
        (99, "has no line 99; its lines go from 1 to 5"),
        (0, "has no line 0"),
    ):
        with pytest.raises(Refused, match=why):
            await incidents.redact("default", version, reason="x", actor=ANN)


async def test_a_report_is_of_the_open_incident_or_the_latest(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    await prove(timeline, clock)
    await incidents.resolve("default", actor=ANN)
    done: Done = await incidents.request_report("default", actor=ANN, address=Address(channel="C9"))
    assert done.incident == INCIDENT
    (pending,) = (await timeline.book()).pending_reports()
    assert isinstance(pending.fact, ReportRequested)
    assert pending.fact.address.channel == "C9"


async def test_requests_at_the_same_time_all_find_their_place(
    incidents: Incidents, timeline: Timeline, clock: WoundClock
) -> None:
    await open_incident(timeline, clock)
    async with asyncio.TaskGroup() as group:
        for person in (ANN, BEN, EVE):
            group.create_task(incidents.acknowledge("default", actor=person))
            group.create_task(incidents.note("default", f"by {person}", actor=person))
    incident = (await timeline.book()).incident(INCIDENT)
    assert incident is not None
    assert len(incident.notes) == 3
    assert incident.version == 2 + 3 + 3
