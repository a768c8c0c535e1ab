"""The report says what the timeline proves, marks the rest as blanks, and shows nobody's markup."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.chain import Head
from bot.domain.fold import replay
from bot.domain.mitigation import Lease, Plan, PlannedStep
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.domain.readings import Reading, Status, TrafficDetail
from bot.report import Report, facts_for, markdown, summary
from bot.report_words import hours_and_minutes
from bot.templating import markdown_text

INCIDENT = "mx-20261123-7f3a"
BEGAN = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
ANA = "slack:U0ANA"
HEAD = Head(41, "ab" * 32)


def found(*, healthy: bool = False) -> Assessment:
    finding = Finding(
        rule="rate-limited",
        severity=Severity.SEV2,
        verdict="us",
        symptom="429 on all 4 endpoints",
        cause="asset-sync asks more than 100 times a minute",
        check="look at the request volume of the last hour",
        evidence=("12 of 12 tries got 429",),
        playbooks=("rate-limited",),
    )
    traffic = TrafficDetail(total=412, by_status={"200": 70, "429": 342})
    return Assessment(
        integration="default",
        at=BEGAN,
        severity=None if healthy else Severity.SEV2,
        verdict="nobody" if healthy else "us",
        response_due=None if healthy else BEGAN + timedelta(hours=1),
        findings=() if healthy else (finding,),
        readings=(Reading(probe="traffic", target="gateway", status=Status.OK, says="412", detail=traffic),),
        blind_spots=("log: no log is configured",),
        playbooks=(),
    )


class Story:
    """Facts of one incident, minute by minute."""

    def __init__(self, began: datetime = BEGAN) -> None:
        self.events: list[e.Event] = []
        self._began = began

    def add(self, minute: float, fact: e.AnyFact, *, actor: str = "mx") -> "Story":
        at = self._began + timedelta(minutes=minute)
        number = len(self.events) + 1
        self.events.append(
            e.Event(
                seq=number,
                stream=INCIDENT,
                version=number,
                actor=actor,
                at=at,
                recorded_at=at,
                key=None,
                fact=fact,
                hash="",
            )
        )
        return self

    def report(self, *, now: datetime | None = None, zone: str = "UTC") -> str:
        return markdown(self.facts(now=now, zone=zone))

    def facts(self, *, now: datetime | None = None, zone: str = "UTC") -> Report:
        return facts_for(
            replay(self.events),
            self.events,
            head=HEAD,
            zone=ZoneInfo(zone),
            now=now or self.events[-1].at,
            names=lambda actor: {ANA: "Ana"}.get(actor, actor),
        )


def outage() -> Story:
    opened = e.IncidentOpened(integration="default", requested_by=ANA, requested_at=BEGAN, channel="C1")
    step = PlannedStep(kind="gateway", title="Limit", says="limit the gateway to 1 request per second")
    plan = Plan(playbook="rate-limited", title="Emergency rate limit", steps=(step,), fingerprint="f")
    lease = Lease(
        id="r1", run="r1", playbook="rate-limited", says="gateway at 1 request per second", owner=ANA,
        reason="429", since=BEGAN + timedelta(minutes=6),
    )  # fmt: skip
    return (
        Story()
        .add(1, opened)
        .add(1, e.Assessed(assessment=found()))
        .add(4, e.Acknowledged(), actor=ANA)
        .add(5, e.RunRequested(run="r1", playbook="rate-limited"), actor=ANA)
        .add(5, e.RunPlanned(run="r1", plan=plan))
        .add(5, e.StepStarted(run="r1", index=0, epoch=1))
        .add(
            6,
            e.StepFinished(
                run="r1", index=0, outcome="done", says="gateway at 1 request per second", started=lease
            ),
        )
        .add(7, e.RunFinished(run="r1", outcome="done", says="1 of 1 steps done"))
    )


def ended(story: Story, minute: float, *accepted: str) -> Story:
    return story.add(minute, e.Resolved(reason="quiet again", accepted=accepted), actor=ANA)


def test_every_section_of_the_runbooks_template_is_filled_from_the_timeline() -> None:
    text = ended(outage().add(20, e.Assessed(assessment=found(healthy=True))), 135).report()
    for line in (
        "**Date**: 2026-11-23 (times in UTC)",
        "**Severity**: SEV-2",
        "**Duration**: 2 hours 15 minutes",
        "- 429 on all 4 endpoints (SEV-2)",
        "412 requests (70 times 200, 342 times 429)",
        "Acknowledged by Ana at 02:14 (due by 03:11, met).",
        "- 02:10 - Triage started (Ana)",
        "- 02:11 - Likely cause identified (SEV-2): 429 on all 4 endpoints (mx)",
        "- 02:15 - Playbook rate-limited asked for (Ana)",
        "- 02:16 - Mitigation applied: gateway at 1 request per second (mx)",
        "- 02:30 - Recovery seen: every probe answered well (mx)",
        "- 04:25 - Resolved: quiet again (Ana)",
        "- asset-sync asks more than 100 times a minute (evidence: 12 of 12 tries got 429)",
        "- Emergency rate limit, by Ana at 02:15: done. gateway at 1 request per second",
        "- [ ] Add an alert for this failure: a person noticed it before any monitor did (evidence: Ana asked",
        "- log: no log is configured",
        "fact 41 (line ",
        f"of this incident), hash\n`{'ab' * 32}`",
    ):
        assert line in text
    assert text.index("## Timeline") < text.index("## Root Cause") < text.index("## Resolution")
    assert text.index("## Resolution") < text.index("## Action Items")


def test_what_the_timeline_cannot_know_is_a_blank_for_a_person() -> None:
    text = outage().report()
    assert text.count("_to be filled in: ") == 8
    assert "**Impact**: _to be filled in: " in text
    assert "- [ ] _to be filled in: the lesson learned" in text


def test_an_incident_without_a_person_or_a_fault_gets_no_action_item_it_did_not_earn() -> None:
    opened = e.IncidentOpened(integration="default", requested_by="mx", requested_at=BEGAN)
    text = Story().add(0, opened).report()
    assert "Add an alert" not in text
    assert text.count("- [ ] ") == 3
    assert "No rule of mx found a cause." in text
    assert "None: every question could be asked." in text


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0.5, "0 hours 0 minutes"),
        (61, "1 hour 1 minute"),
        (26 * 60 + 3, "26 hours 3 minutes"),
        (-5, "0 hours 0 minutes"),
    ],
)
def test_days_are_counted_as_hours(minutes: float, words: str) -> None:
    assert hours_and_minutes(timedelta(minutes=minutes)) == words


def test_an_open_incident_is_ongoing_and_says_what_is_still_on() -> None:
    text = outage().report(now=BEGAN + timedelta(minutes=65))
    assert "**Duration**: ongoing, 1 hour 5 minutes so far" in text
    assert "- Still on: gateway at 1 request per second, since 02:16 by Ana" in text


def test_a_new_day_is_named_and_the_zone_is_the_teams() -> None:
    story = ended(outage(), 22 * 60)
    text = story.report(zone="Europe/Berlin")
    assert "(times in CET)" in text
    assert "- 03:10 - Triage started" in text
    assert "**2026-11-24**" in text


def test_lines_accepted_at_resolution_are_printed_and_become_actions() -> None:
    text = ended(outage(), 30, "still on: gateway at 1 request per second").report()
    assert "Accepted as it was when the incident was resolved:" in text
    assert "- [ ] Settle what was accepted when it was resolved (evidence: still on: gateway" in text


def test_a_failed_run_is_an_action_with_its_own_words() -> None:
    story = outage().add(
        8, e.RunRequested(run="r2", playbook="rate-limited", mode="undo", undoes="r1"), actor=ANA
    )
    text = story.add(9, e.RunFinished(run="r2", outcome="failed", says="the gateway did not answer")).report()
    assert "- [ ] Look why the playbook rate-limited failed (evidence: the gateway did not answer)" in text


def test_the_summary_is_short_and_plain() -> None:
    facts = outage().facts(now=BEGAN + timedelta(minutes=65))
    text = summary(facts)
    assert text.startswith("SEV-2, open, ongoing, 1 hour 5 minutes so far.")
    assert text.count("\n") < 8


def test_markup_from_outside_is_shown_and_not_obeyed() -> None:
    note = e.NoteAdded(text="# *bold* [link](http://x) <!channel> <script> `code`\n- [ ] not an item")
    text = outage().add(9, note, actor="slack:_evil_").report()
    assert (
        "\\*bold\\* \\[link\\](http://x) \\<!channel\\> \\<script\\> \\`code\\` - \\[ \\] not an item" in text
    )
    assert "(slack:\\_evil\\_)" in text


@given(st.text(max_size=80))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    shown = markdown_text(text)
    assert "\n" not in shown
    assert not shown.lstrip().startswith(("# ", "- ", "+ "))
    for mark in "`*<[":
        assert shown.count(mark) == shown.count(f"\\{mark}")


def test_a_replay_and_what_was_given_up_are_told_and_what_was_dropped_is_to_be_done() -> None:
    story = Story().add(0, e.IncidentOpened(integration="default", channel=None))
    story.add(5, ReplayAsked(request="o-1", action="start"), actor=ANA)
    story.add(5, GatewayAnswered(request="o-1", ok=True, says="The replay is running: 0 of 137 done."))
    story.add(6, WriteDecided(request="o-2", buffer_id="mxb_7", action="arrived"), actor=ANA)
    story.add(6, GatewayAnswered(request="o-2", ok=False, says="mxb_7 is waiting already."))
    feed = (
        ("write_parked", "2 writes parked in this replay"),
        ("replay_finished", "135 of 137 writes delivered"),
        *(("write_dropped", f"write dropped (mxb_{n}): ordered twice") for n in range(12)),
    )
    for what, says in feed:
        story.add(9, e.GatewayReported(what=what, says=says), actor="gateway")
    text = story.report()
    resolution, _, rest = text.partition("## Resolution")[2].partition("## Action Items")
    assert "Replay, by Ana at 02:15: The replay is running: 0 of 137 done." in resolution
    assert "02:19 135 of 137 writes delivered" in resolution
    assert "2 writes parked in this replay" in resolution
    assert "waiting already" not in resolution
    assert resolution.count("ordered twice") == 10
    assert "and 2 more such lines on the timeline" in resolution
    assert rest.count("Enter by hand what was dropped, where it is still wanted") == 1
    assert text.count("ordered twice") == 12 + 10 + 10
