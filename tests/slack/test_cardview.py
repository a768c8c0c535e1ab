"""The card as a pure function: what it says, that it pings nobody, that Slack takes it whatever is in it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from bot.demo.slack.blockkit import blocks_chars, blocks_faults
from bot.demo.slack.pings import notifications
from bot.demo.slack.records import Message, Version
from bot.demo.slack.render import render
from bot.domain.assessment import Assessment, Severity
from bot.domain.change import Change
from bot.domain.changed import changed
from bot.domain.fact import Address
from bot.domain.gap import Gap
from bot.domain.heading import title
from bot.domain.incident import AssessedAt, Incident, Override
from bot.domain.mitigation import Lease, Plan, PlannedStep
from bot.domain.oncall_state import Graded, OnCall, Snooze
from bot.domain.readings import Reading, Status, StatusPageDetail
from bot.domain.run import Run, StepState
from bot.slack import cardview, tables
from bot.slack.blocks import Message as Json
from bot.slack.cardview import Offer
from bot.slack.limits import PHONE
from tests.domain import made
from tests.slack.rig import DUTY, rate_limited

AT = made.AT
EVIL = "<!channel> <@U0EVIL> *bold* `tick` <https://evil.test|click> &amp; @here " + "x" * 900
PLAN = Plan(
    playbook="rate-limited",
    title="Emergency rate limit",
    steps=(
        PlannedStep(
            kind="gateway",
            title="Slow down",
            says="limit the gateway to 1 request per second",
            touches="last hour: 412 requests",
            undo_says="end the lease",
        ),
    ),
    fingerprint="f00d",
)
OFFER = Offer("Enable emergency rate limit", PLAN)
LEASE = Lease(
    id="run-1",
    run="run-1",
    playbook="rate-limited",
    says="1 request per second; asset-sync paused",
    owner="slack:U1",
    reason="rate-limited",
    since=AT,
    expires_at=AT + timedelta(hours=1),
)


def incident(assessment: Assessment | None = None) -> Incident:
    found = assessment or rate_limited()
    return Incident(
        id="mx-20261123-7f3a",
        integration="default",
        version=3,
        channel="C1",
        opened_at=AT,
        oncall=OnCall(clock_from=AT, graded=(Graded(AT, found.severity),) if found.severity else ()),
        opened_by="mx",
        requested_at=AT,
        requested_by="slack:U1",
        assessments=(AssessedAt(AT, found),),
        worst=found.severity,
    )


def run(**changes: object) -> Run:
    made_run = Run(
        id="run-1",
        playbook="rate-limited",
        mode="apply",
        undoes=None,
        requested_by="slack:U1",
        requested_at=AT,
        address=Address(),
        plan=PLAN,
        steps=(StepState(index=0, state="started"),),
    )
    return replace(made_run, **changes)  # type: ignore[arg-type]


def drawn(found: Incident, *offers: Offer) -> Json:
    return cardview.card(found, offers, duty=DUTY, head="41 deadbeef")


def seen(message: Json) -> str:
    return "\n".join(render(_posted(message), width=300))


def elements(message: Json) -> list[dict[str, Any]]:
    blocks: Any = message["blocks"]
    rows = [block for block in blocks if block["type"] == "actions"]
    return [element for row in rows for element in row["elements"]]


def buttons(message: Json) -> list[str]:
    return [one["text"]["text"] for one in elements(message) if one["type"] == "button"]


def _posted(message: Json) -> Message:
    blocks = message["blocks"]
    assert isinstance(blocks, list)
    return Message(channel="C1", ts="1.0", user="U0", versions=[Version(str(message["text"]), tuple(blocks))])


def test_it_says_how_bad_whose_fault_why_and_until_when_somebody_answers() -> None:
    text = seen(drawn(incident(), OFFER))
    assert text.startswith("SEV-2 · all 4 endpoints answered 429")
    assert "The fault is on our side" in text
    assert "Who has it: nobody yet · respond by 13:00 UTC" in text
    assert "Likely cause: " in text
    assert "Check: " in text
    assert "FAIL /workorders 3x 429" in text
    assert "mx-20261123-7f3a · opened 12:00 UTC · assessed 12:00 UTC · timeline 41 deadbeef" in text


def test_the_playbook_comes_first_and_its_button_is_bound_to_its_plan() -> None:
    message = drawn(incident(), OFFER)
    assert buttons(message) == ["Enable emergency rate limit", "Acknowledge", "Triage again", "Report"]
    more = elements(message)[-1]
    assert (more["type"], more["action_id"]) == ("overflow", "more")
    assert [line["text"]["text"] for line in more["options"]] == ["Note…", "Severity…", "Hand over…"]
    assert f'"fingerprint":"{PLAN.fingerprint}"' in str(message["blocks"])


def test_what_is_switched_on_is_said_with_owner_and_end_and_can_be_undone() -> None:
    undo = Offer("Undo: Emergency rate limit", PLAN.model_copy(update={"mode": "undo", "undoes": "run-1"}))
    held = replace(incident(), leases=(LEASE,), runs=(run(outcome="done"),), acknowledged_by="cli:ann@box")
    message = drawn(replace(held, acknowledged_at=AT), undo)
    text = seen(message)
    assert (
        "On: 1 request per second; asset-sync paused (rate-limited), by @U1 since 12:00 UTC, until 13:00 UTC"
        in text
    )
    assert "Who has it: cli:ann@box, since 12:00 UTC · until 13:00 UTC without a sign" in text
    assert buttons(message) == ["Undo: Emergency rate limit", "Triage again", "Report"]


def test_a_run_shows_each_step_and_how_it_went() -> None:
    going = seen(drawn(replace(incident(), runs=(run(),))))
    assert "Playbook rate-limited: running · @U1 at 12:00 UTC" in going
    assert "▸ Slow down: limit the gateway" in going
    broken = run(
        outcome="failed", steps=(StepState(index=0, state="failed", says="the gateway did not answer"),)
    )
    assert "✗ Slow down: the gateway did not answer" in seen(drawn(replace(incident(), runs=(broken,))))


def test_a_persons_severity_and_what_mx_sees_stand_side_by_side() -> None:
    down = made.judged([*made.everywhere(503, 503, 503), made.versions(503)])
    was = incident()
    seen_twice = (
        AssessedAt(AT, down.model_copy(update={"at": AT + timedelta(minutes=5)})),
        AssessedAt(AT, down.model_copy(update={"at": AT + timedelta(minutes=9)})),
    )
    both = replace(
        was,
        assessments=(*was.assessments, *seen_twice),
        override=Override(Severity.SEV3, "only the test plant", "slack:U1"),
    )
    text = seen(drawn(both))
    assert text.startswith("SEV-3")
    assert "@U1 set SEV-3: only the test plant" in text
    assert "mx sees SEV-1 since 12:05 UTC. To set that: /mx severity 1 REASON" in text


def test_it_says_how_often_it_is_looked_at_while_it_is_open() -> None:
    text = seen(cardview.card(incident(), (), duty=DUTY, head="", watched_s=30))
    assert "watched every 30 s; this card changes when something does" in text
    over = replace(incident(), state="resolved")
    assert "watched" not in seen(cardview.card(over, (), duty=DUTY, head="", watched_s=30))


def test_better_news_is_proposed_and_never_taken_over() -> None:
    slow = made.judged(made.healthy(made.api("/workorders", 200, ms=3000.0)))
    was = incident()
    lower = replace(was, assessments=(*was.assessments, AssessedAt(AT, slow)))
    text = seen(drawn(lower))
    assert text.startswith("SEV-2")
    assert "mx sees SEV-3 since 12:00 UTC. To set that: /mx severity 3 REASON" in text
    healthy = replace(was, assessments=(*was.assessments, AssessedAt(AT, made.judged(made.healthy()))))
    assert "To see whether it is over: /mx verify" in seen(drawn(healthy))


def test_a_resolved_incident_has_no_button_and_says_what_was_accepted() -> None:
    over = replace(
        incident(),
        state="resolved",
        resolved_at=AT,
        resolved_by="slack:U2",
        accepted=("rate-limited is on",),
    )
    message = drawn(over, OFFER)
    assert buttons(message) == []
    text = seen(message)
    assert text.startswith("Resolved · SEV-2 · all 4 endpoints")
    assert "Resolved by @U2 at 12:00 UTC" in text
    assert "Accepted: rate-limited is on" in text


def test_blind_spots_and_warnings_are_said() -> None:
    blind = rate_limited().model_copy(update={"blind_spots": ("the log: nothing is configured",)})
    warned = Offer("Enable", PLAN.model_copy(update={"warnings": ("no request passed the gateway",)}))
    text = seen(drawn(incident(blind), warned))
    assert "Not known: the log: nothing is configured" in text
    assert "Enable: no request passed the gateway" in text


def _evil() -> Incident:
    reading = Reading(probe="logs", target=EVIL, status=Status.FAILING, says=EVIL)
    finding = (
        rate_limited()
        .findings[0]
        .model_copy(update={"symptom": EVIL, "cause": EVIL, "check": EVIL, "evidence": (EVIL,) * 9})
    )
    found = rate_limited().model_copy(
        update={
            "findings": (finding,) * 9,
            "readings": (reading,) * 200,
            "blind_spots": (EVIL,) * 9,
        }
    )
    lease = LEASE.model_copy(update={"says": EVIL, "owner": EVIL})
    step = StepState(index=0, state="done", says=EVIL)
    return replace(
        incident(found),
        leases=(lease,) * 9,
        runs=(run(steps=(step,) * 9, requested_by=EVIL),) * 9,
        acknowledged_by=EVIL,
        acknowledged_at=AT,
        override=None,
    )


@pytest.mark.parametrize("state", ["open", "resolved"])
def test_whatever_is_in_it_slack_takes_it_and_nobody_is_pinged(state: Literal["open", "resolved"]) -> None:
    evil = replace(_evil(), state=state, resolved_by=EVIL, resolved_at=AT, accepted=(EVIL,) * 9)
    plan = PLAN.model_copy(update={"title": EVIL, "warnings": (EVIL,) * 5, "steps": (PLAN.steps[0],) * 20})
    message = drawn(evil, Offer(EVIL, plan))
    assert blocks_faults(message["blocks"]) == []
    assert blocks_chars(message["blocks"]) < 13_200
    assert len(str(message["text"])) <= 4000
    assert notifications(_posted(message)) == ()


def test_a_mention_of_the_actor_is_the_only_ping() -> None:
    held = replace(incident(), acknowledged_by="slack:U77", acknowledged_at=AT)
    assert notifications(_posted(drawn(held))) == ("<@U77>",)


def test_the_table_fits_a_phone() -> None:
    odd = Reading(probe="logs", target="a very long target's name", status=Status.UNKNOWN, says="words " * 40)
    rows = tables.readings([*rate_limited().readings, odd]).splitlines()
    assert max(len(row) for row in rows) <= PHONE
    assert rows[0].startswith("FAIL /users")
    assert rows[-1].startswith("ok   /versions")


def test_severity_by_a_person_wins() -> None:
    override = Override(Severity.SEV1, "the plant stands still", "slack:U1")
    assert title(replace(incident(), override=override)).startswith("SEV-1")


def test_once_it_is_over_the_card_is_short_and_still_says_what_it_was() -> None:
    was = incident()
    over = replace(
        was,
        assessments=(*was.assessments, AssessedAt(AT, made.judged(made.healthy()))),
        state="resolved",
        resolved_at=AT,
        resolved_by="slack:U2",
    )
    text = seen(drawn(over))
    assert text.startswith("Resolved · SEV-2 · all 4 endpoints answered 429")
    assert "The fault is on our side" in text
    assert "Check: " not in text
    assert "/workorders" not in text.split("Resolved by")[1]


def test_what_may_be_missing_is_said_with_its_window_and_what_to_do() -> None:
    over = AT + timedelta(minutes=51)
    found = (
        Gap(id="1", entity="/workorders", direction="in", since=AT, until=over),
        Gap(id="2", entity="/assets", direction="in", since=AT, until=over),
        Gap(id="3", entity="/workorders", direction="out", since=AT),
    )
    text = seen(drawn(replace(incident(), gaps=found)))
    assert (
        "Data may be missing: workorders, assets from MaintainX 2026-11-23 12:00 to 12:51 UTC; "
        "workorders to MaintainX since 2026-11-23 12:00 UTC" in text
    )
    assert "/mx gap says for each whether /mx run sync-gap can fill it, or how to accept it" in text


def test_who_changed_what_at_maintainx_stands_high_with_how_long_before() -> None:
    changes = tuple(
        Change(
            AT - timedelta(minutes=ago), "API_TOKEN_REVOKED", f"user {ago} revoked an API token", f"mxd_{ago}"
        )
        for ago in (30, 4, 20, 50)
    )
    late = Change(AT + timedelta(minutes=10), "WEBHOOK_ARCHIVED", "user 7 archived webhook 9", "mxd_late")
    text = seen(drawn(replace(incident(), changes=(*changes, late))))
    assert (
        "Changed at MaintainX: user 7 archived webhook 9 at 12:10 UTC, 10 minutes after it first failed"
        in text
    )
    assert (
        "Changed at MaintainX: user 4 revoked an API token at 11:56 UTC, 4 minutes before it first failed"
        in text
    )
    assert "and 2 more changes there: /mx timeline" in text
    assert text.index("Changed at MaintainX") < text.index("Who has it")


def test_of_a_rejected_key_it_is_told_against_the_first_401() -> None:
    rejected = made.judged([*made.everywhere(401), made.versions(200), made.key()])
    change = Change(AT - timedelta(minutes=4), "API_TOKEN_REVOKED", "user 7 revoked an API token", "mxd_1")
    about = replace(incident(), assessments=(AssessedAt(AT, rejected),), changes=(change,))
    assert (
        "Changed at MaintainX: user 7 revoked an API token at 11:56 UTC, 4 minutes before the first 401"
        in seen(drawn(about))
    )


def test_who_has_it_is_said_with_until_when_and_asked_for_with_a_button() -> None:
    was = replace(incident(), acknowledged_by="slack:U1", acknowledged_at=AT)
    asked = replace(was, oncall=changed(was.oncall, lapses_at=AT + timedelta(hours=1)))
    message = drawn(asked)
    assert "Who has it: @U1, since 12:00 UTC · to confirm by 13:00 UTC, else nobody has it" in seen(message)
    assert buttons(message) == ["Still on it", "Triage again", "Report"]
    over = replace(asked, state="resolved", resolved_at=AT, resolved_by="slack:U1")
    assert "to confirm" not in seen(drawn(over))


def test_a_deadline_of_another_day_has_its_date_and_a_missed_one_is_said_as_such() -> None:
    was = incident()
    due = AT + timedelta(hours=1)
    missed = replace(was, oncall=changed(was.oncall, told=frozenset({f"missed:{due.isoformat()}"})))
    assert "Who has it: nobody yet · response missed at 13:00 UTC" in seen(drawn(missed))
    late = AT + timedelta(hours=11, minutes=30)
    lapsed = replace(was, oncall=changed(was.oncall, clock_from=late, first_acknowledged_at=AT))
    assert "Who has it: nobody any more · respond by Tue 24 Nov 00:30 UTC" in seen(drawn(lapsed))


def test_the_deadline_does_not_move_with_each_look() -> None:
    was = incident()
    later = rate_limited().model_copy(update={"at": AT + timedelta(minutes=50), "response_due": AT})
    again = replace(was, assessments=(*was.assessments, AssessedAt(later.at, later)))
    assert "respond by 13:00 UTC" in seen(drawn(again))


def test_quiet_is_said_with_its_end_and_reason_and_pings_nobody_but_who_asked() -> None:
    was = incident()
    snooze = Snooze(AT + timedelta(minutes=30), "slack:U1", EVIL, Severity.SEV2, AT)
    held = replace(was, acknowledged_by="slack:U1", acknowledged_at=AT)
    quiet = replace(held, oncall=changed(was.oncall, snooze=snooze))
    message = drawn(quiet)
    assert "Quiet until 12:30 UTC, by @U1: <!channel>" in seen(message)
    assert set(notifications(_posted(message))) == {"<@U1>"}
    worse = replace(quiet, override=Override(Severity.SEV1, "all sites", "slack:U2"))
    assert "Quiet" not in seen(drawn(worse))
    kept = seen(drawn(quiet))
    assert "until 13:30 UTC without a sign" in kept


def test_announced_maintenance_says_that_nobody_is_disturbed() -> None:
    page = Reading(
        probe="status_page",
        target="status page",
        status=Status.OK,
        says="maintenance",
        detail=StatusPageDetail(state="maintenance", maintenance=True),
    )
    found = rate_limited().model_copy(update={"verdict": "maintainx", "readings": (page,)})
    assert "Quiet: MaintainX announced maintenance" in seen(drawn(incident(found)))
