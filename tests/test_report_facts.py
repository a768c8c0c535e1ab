"""What the report computes: numbers, milestones, clocks, what was on, who did what, and items that earned their place."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.domain.fold import replay
from bot.domain.gap import Gap, GapEnd
from bot.domain.notebook import ActionAdded, ActionChanged, ActionTicked, KeptMessageChanged, MessageKept
from bot.domain.oncall import AckLapsed, PageFailed, PageRequested
from bot.domain.readings import Status
from bot.domain.swimlane import Counted, Stretch, Swimlane
from bot.domain.watching import GapsAccepted, GapsOpened, RecoveryChecked
from bot.picture import picture_of
from bot.report import Report, facts_for, summary
from bot.report_actions import Action, stable_id
from bot.report_forms import Forms, as_json, forms
from bot.report_numbers import Figure
from bot.templating import Templates
from tests.test_report import ANA, BEGAN, HEAD, Story, ended, found, outage

UTC_ZONE = ZoneInfo("UTC")
BEN = "slack:U0BEN"
MINUTE = timedelta(minutes=1)
SCHEMA = json.loads((Path(__file__).parent.parent / "docs" / "report.schema.json").read_text("utf-8"))


def report_of(story: Story, lane: Swimlane | None = None, *, minute: float | None = None) -> Report:
    now = story.events[-1].at if minute is None else BEGAN + minute * MINUTE
    return facts_for(
        replay(story.events),
        story.events,
        head=HEAD,
        zone=UTC_ZONE,
        now=now,
        names=lambda actor: {ANA: "Ana", BEN: "Ben"}.get(actor, actor),
        lane=lane,
    )


def figure(report: Report, name: str) -> Figure:
    (one,) = [one for one in report.figures if one.name == name]
    return one


def item(report: Report, name: str) -> Action:
    (one,) = [one for one in report.actions if one.id == name]
    return one


def rules(report: Report) -> list[str]:
    return [one.id for one in report.actions if one.id]


def written(story: Story, lane: Swimlane | None = None, own: Path | None = None) -> Forms:
    report = report_of(story, lane)
    picture = picture_of(
        replay(story.events), story.events, lane=lane, zone=UTC_ZONE, now=story.events[-1].at, names=str
    )
    return forms(report, picture, Templates(own))


def traffic(minutes: int, **counts: int) -> Swimlane:
    return Swimlane(
        (), tuple(Counted(BEGAN + n * MINUTE, BEGAN + (n + 1) * MINUTE, **counts) for n in range(minutes))
    )


def gap(entity: str, *, until: float | None = None) -> Gap:
    return Gap(
        id=f"g-{entity}",
        entity=entity,
        direction="in",
        since=BEGAN,
        until=None if until is None else BEGAN + until * MINUTE,
        says="since the last good answer",
    )


# -- numbers -------------------------------------------------------------------------------------------------------


def test_what_failed_and_what_was_delayed_is_counted_by_the_gateway() -> None:
    report = report_of(ended(outage(), 30), traffic(30, ok=10, limited=4, server=1, lost=2, buffered=3))
    assert figure(report, "failed_requests").amount == 210
    assert figure(report, "failed_requests").how == (
        "of 600 that came to the gateway: 120 times 429, 30 times 5xx, 60 times no answer"
    )
    assert figure(report, "delayed_writes").amount == 90


def test_counts_of_a_part_of_the_time_say_so_and_without_counts_there_is_a_blank() -> None:
    report = report_of(ended(outage(), 60), traffic(30, ok=1))
    assert figure(report, "failed_requests").how.endswith(
        "counted from 02:10 to 02:40 alone, 30 of 60 minutes"
    )
    blind = figure(report_of(outage()), "failed_requests")
    assert (blind.amount, str(blind.shown)) == (None, "_to be filled in: requests_")


def test_minutes_without_data_and_late_work_orders_come_from_the_gaps() -> None:
    story = outage().add(
        8, GapsOpened(gaps=(gap("/workorders", until=50), gap("/users"), gap("/assets", until=20)))
    )
    story.add(50, GapsAccepted(gaps=("g-/assets",), reason="compared every night"), actor=ANA)
    story.add(
        55,
        e.StepFinished(
            run="r1",
            index=0,
            outcome="done",
            says="backfill",
            settled=(GapEnd(gap="g-/workorders", expected=412, found=412, missing=0, says="412 expected"),),
        ),
    )
    report = report_of(story, minute=60)
    assert figure(report, "minutes_without_data:/workorders:in").amount == 50
    assert figure(report, "minutes_without_data:/assets:in").how == "accepted as it is"
    assert figure(report, "minutes_without_data:/users:in").amount == 60
    assert figure(report, "minutes_without_data:/users:in").how == "still open, and it may go on"
    assert figure(report, "work_orders_late").amount == 412


def test_work_orders_that_no_backfill_counted_are_a_blank_and_not_a_guess() -> None:
    report = report_of(outage().add(8, GapsOpened(gaps=(gap("/workorders"),))))
    late = figure(report, "work_orders_late")
    assert (late.amount, late.how) == (None, "no backfill has counted them")


# -- milestones and clocks -----------------------------------------------------------------------------------------


def test_milestones_with_the_time_between_them() -> None:
    story = outage().add(20, e.Assessed(assessment=found(healthy=True)))
    story.add(25, RecoveryChecked(verdict="not_proved", lines=(), says="not yet"))
    story.add(26, RecoveryChecked(verdict="proved", lines=(), says="proved"))
    story.add(27, RecoveryChecked(verdict="proved", lines=(), says="proved"))
    report = report_of(ended(story, 30))
    told = [(one.name, one.time, one.after_start, one.after_last) for one in report.milestones]
    assert told == [
        ("began", "02:10", "", ""),
        ("detected", "02:11", "1 minute", "1 minute"),
        ("acknowledged", "02:14", "4 minutes", "3 minutes"),
        ("mitigated", "02:16", "6 minutes", "2 minutes"),
        ("recovered", "02:30", "20 minutes", "14 minutes"),
        ("proved", "02:36", "26 minutes", "6 minutes"),
        ("resolved", "02:40", "30 minutes", "4 minutes"),
    ]


def test_what_was_not_reached_says_so() -> None:
    report = report_of(outage())
    assert [one.says for one in report.milestones if one.at is None] == ["not yet"] * 3


def test_a_response_clock_is_met_missed_or_still_running() -> None:
    (met,) = report_of(outage()).clocks
    assert met.met
    assert "due by 03:11, answered by Ana at 02:14: met" in met.says
    silent = Story().add(0, e.IncidentOpened(integration="default")).add(0, e.Assessed(assessment=found()))
    assert report_of(silent, minute=30).clocks[0].met is None
    (missed,) = report_of(silent, minute=61).clocks
    assert missed.met is False
    assert "answered by nobody: missed" in missed.says
    lapsed = outage().add(70, AckLapsed(who=ANA, says="no sign")).add(140, e.Acknowledged(), actor=BEN)
    assert [clock.met for clock in report_of(lapsed).clocks] == [True, False]


# -- what was on, and who ------------------------------------------------------------------------------------------


def test_what_was_on_and_for_how_long_and_how_it_ended() -> None:
    story = outage().add(26, e.LeaseEnded(lease="r1", cause="expired", says="expired"))
    (one,) = report_of(story).on
    assert (one.who, one.since, one.until, one.lasted, one.ended) == (
        "Ana",
        "02:16",
        "02:36",
        "20 minutes",
        "by its own end",
    )
    (still,) = report_of(outage(), minute=66).on
    assert (still.until, still.lasted, still.ended) == ("", "1 hour 0 minutes", "still on")


def test_who_did_what_names_people_and_no_machine() -> None:
    report = report_of(outage().add(9, e.NoteAdded(text="the plant stands"), actor=BEN))
    assert [one.name for one in report.people] == ["Ana", "Ben"]
    assert report.people[0].acts == ("02:14 Acknowledged", "02:15 Playbook rate-limited asked for")


def test_a_kept_message_reads_as_it_does_now_with_its_author_and_link() -> None:
    story = outage().add(
        9,
        MessageKept(
            channel="C1",
            message="1.2",
            author=BEN,
            said_at=BEGAN + 2 * MINUTE,
            text="vendor says",
            by="emoji",
            permalink="https://x.slack.com/p1",
        ),
        actor=ANA,
    )
    story.add(
        12,
        KeptMessageChanged(
            channel="C1", message="1.2", text="vendor says: 503", edited_at=BEGAN + 11 * MINUTE
        ),
    )
    (one,) = report_of(story).kept
    assert (one.time, one.who, one.text, one.link, one.note) == (
        "02:12",
        "Ben",
        "vendor says: 503",
        "https://x.slack.com/p1",
        "kept by Ana, edited at 02:21",
    )


# -- action items --------------------------------------------------------------------------------------------------


def test_a_smooth_incident_earns_no_item() -> None:
    opened = e.IncidentOpened(
        integration="default", requested_by="mx", requested_at=BEGAN, found_by="monitor"
    )
    assert rules(report_of(Story().add(0, opened))) == []


def test_each_thing_that_was_missing_is_an_item_with_its_evidence() -> None:
    story = outage()
    story.add(8, e.RunRequested(run="r2", playbook="sync-gap"), actor=ANA)
    story.add(9, e.RunFinished(run="r2", outcome="failed", says="the gateway did not answer"))
    story.add(
        10,
        PageRequested(
            page="p1",
            action="trigger",
            level=1,
            dedup="d",
            cause="opened",
            severity=Severity.SEV2,
            says="429",
        ),
    )
    story.add(11, PageFailed(page="p1", pager="PagerDuty", tries=3, again_at=None, says="no way there"))
    story.add(12, GapsOpened(gaps=(gap("/users"), gap("/assets", until=20))))
    story.add(13, GapsAccepted(gaps=("g-/assets",), reason="compared every night"), actor=BEN)
    story.add(70, AckLapsed(who=ANA, says="no sign"))
    story.add(140, e.Resolved(accepted=("the backlog: 3 writes wait",)), actor=ANA)
    report = report_of(story)
    assert rules(report) == [
        "auto:no-alert",
        "auto:clock-missed",
        "auto:page-failed",
        "auto:blind:log",
        "auto:playbook:sync-gap",
        "auto:gap:users-in",
        "auto:gap-accepted:assets-in",
        "auto:accepted:the-backlog-3-writes-wait",
        "auto:not-proved",
    ]
    assert all(one.evidence for one in report.actions if one.id)
    story.add(150, e.Reopened(reason="429 again"), actor=BEN)
    assert item(report_of(story), "auto:reopened").evidence == "04:40 Ben: 429 again"


def test_what_stayed_on_past_its_end_is_an_item() -> None:
    story = outage()
    started = story.events[6].fact
    assert isinstance(started, e.StepFinished)
    assert started.started is not None
    lease = started.started.model_copy(update={"expires_at": BEGAN + 10 * MINUTE, "at_expiry": "keep"})
    story.events[6] = story.events[6].model_copy(
        update={"fact": started.model_copy(update={"started": lease})}
    )
    assert "auto:left-on:r1" not in rules(report_of(story, minute=9))
    late = item(report_of(story, minute=40), "auto:left-on:r1")
    assert late.evidence == "gateway at 1 request per second, on past 02:20 and still is, by Ana"


def test_people_change_assign_tick_and_add_and_what_they_did_stays() -> None:
    story = outage()
    story.add(
        20,
        ActionChanged(item="auto:no-alert", text="Alert on any 429", assignee=BEN, due=date(2026, 12, 1)),
        actor=ANA,
    )
    story.add(21, ActionTicked(item="auto:blind:log", done=True, text="x"), actor=ANA)
    story.add(22, ActionAdded(item="a-1", text="Talk to the vendor"), actor=BEN)
    story.add(23, ActionTicked(item="auto:gap:users-in", done=True, text="Fill the gap of users"), actor=BEN)
    report = report_of(story)
    changed = item(report, "auto:no-alert")
    assert (changed.text, changed.who, changed.due) == ("Alert on any 429", "Ben", date(2026, 12, 1))
    assert changed.evidence.startswith("Ana asked for the triage")
    assert item(report, "auto:blind:log").done
    assert item(report, "a-1").added_by == "Ben"
    assert item(report, "auto:gap:users-in").text == "Fill the gap of users"
    text = written(story).markdown
    assert "- [ ] Alert on any 429, Ben, by 2026-12-01 (evidence: " in text
    assert "- [x] Fill the gap of users" in text
    assert "- [ ] Talk to the vendor (added by Ben)" in text


@given(st.text(max_size=200))
def test_an_id_is_stable_and_short_whatever_it_is_about(about: str) -> None:
    assert stable_id("accepted", about) == stable_id("accepted", about)
    assert len(stable_id("accepted", about)) <= 60


# -- forms ---------------------------------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>",
    "|",
    "```",
    "`",
    "\n# a\n- b",
    "</svg>",
    '" onload="x',
    "{{ 7*7 }}",
    "\x00\x1b",
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30)), min_size=1, max_size=4))
def test_hostile_words_are_shown_in_every_format_and_obeyed_in_none(parts: list[str]) -> None:
    text = "".join(parts)
    story = outage().add(9, e.NoteAdded(text=text), actor=f"slack:{text}")
    story.add(10, ActionAdded(item="a-1", text=text), actor=ANA)
    story.add(11, GapsOpened(gaps=(gap(f"/{text}"),)))
    plain, made = written(outage().add(9, e.NoteAdded(text="x"), actor="slack:x")), written(story)
    assert made.faults == ()
    assert made.html.count("<script") == 0
    assert made.html.count("<svg") == made.html.count("</svg>") == 1
    assert "onload=" not in made.html.replace("&#34; onload=", "")
    assert "49" not in made.html or "49" in text or "49" in plain.html
    headings = [line for line in made.markdown.split("\n") if line.startswith("#")]
    assert headings == [line for line in plain.markdown.split("\n") if line.startswith("#")]
    rows = [line for line in made.markdown.split("\n") if line.startswith("| Without data")]
    assert all(row.replace("\\\\", "").replace("\\|", "").count("|") == 4 for row in rows)


def test_the_page_needs_nothing_beside_it_and_prints_and_knows_the_dark() -> None:
    page = written(ended(outage(), 30), traffic(30, ok=2)).html
    for loaded in ("<script", "<link", "src=", "@import", "url(http", "<iframe"):
        assert loaded not in page
    for wanted in ('lang="en"', "prefers-color-scheme: dark", "@media print", 'role="img"', HEAD.hash):
        assert wanted in page
    assert page.count('<em class="blank">to be filled in: ') == 6


def test_a_drill_says_so_in_every_format() -> None:
    story = Story().add(0, e.IncidentOpened(integration="default", drill=True))
    made, report = written(story), report_of(story)
    assert made.markdown.startswith("# DRILL")
    assert "<title>DRILL: " in made.html
    assert 'class="drill"' in made.html
    assert ">DRILL<" in made.svg
    assert summary(report).startswith("DRILL")
    assert as_json(report, UTC_ZONE)["drill"] is True


def full() -> Story:
    story = outage().add(12, GapsOpened(gaps=(gap("/users"),)))
    story.add(13, ActionAdded(item="a-1", text="Talk", assignee=BEN, due=date(2026, 12, 1)), actor=BEN)
    story.add(
        14,
        MessageKept(channel="C1", message="1.2", author=BEN, said_at=BEGAN, text="down", by="shortcut"),
        actor=ANA,
    )
    return ended(story, 30)


@pytest.mark.parametrize("story", [full(), outage(), Story().add(0, e.IncidentOpened(integration="x"))])
def test_the_json_is_of_the_documented_shape(story: Story) -> None:
    made: Any = json.loads(json.dumps(as_json(report_of(story, traffic(5, ok=1)), UTC_ZONE)))
    jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(made)
    assert made["head"]["hash"] == HEAD.hash
    assert made["blanks"][0].startswith("what was affected")


def test_the_schema_refuses_a_key_it_does_not_know() -> None:
    made: Any = as_json(report_of(outage()), UTC_ZONE)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made | {"surprise": 1}, SCHEMA)


def test_a_severity_that_was_lowered_is_told_with_the_gravest() -> None:
    story = outage().add(8, e.SeveritySet(severity=Severity.SEV1, reason="no work order goes out"), actor=ANA)
    story.add(9, e.SeveritySet(severity=Severity.SEV3, reason="nearly over"), actor=ANA)
    made = written(story)
    for text in (made.markdown, made.html, summary(report_of(story))):
        assert "SEV-3 (SEV-1 at its worst)" in text
    as_told: Any = as_json(report_of(story), UTC_ZONE)
    assert (as_told["severity"], as_told["worst_severity"]) == ("SEV-3", "SEV-1")
    assert "at its worst" not in written(outage()).markdown


def test_the_duration_is_that_of_the_milestones() -> None:
    opened = e.IncidentOpened(
        integration="default",
        requested_by="mx",
        requested_at=BEGAN + 4 * MINUTE,
        found_by="monitor",
        failing_since=BEGAN,
    )
    report = report_of(ended(Story().add(5, opened), 30))
    assert report.duration == "0 hours 30 minutes"
    assert report.milestones[-1].after_start == "30 minutes"


def test_a_time_in_which_no_round_saw_an_endpoint_is_said() -> None:
    def seen(status: Status, since: int, until: int) -> Stretch:
        return Stretch("api", "/users", status, BEGAN + since * MINUTE, BEGAN + until * MINUTE)

    story = ended(outage(), 30.7)  # whole minutes, as the duration has them
    partly = Swimlane((seen(Status.FAILING, 0, 10), seen(Status.OK, 20, 30)))
    told = figure(report_of(story, partly), "minutes_failing:/users")
    assert told.amount == 10
    assert told.how == ("by the monitor's rounds; how it was in the other 10 of 30 minutes was not seen")
    once = Swimlane((seen(Status.FAILING, 3, 3),))
    assert figure(report_of(story, once), "minutes_failing:/users").amount is None, (
        "nobody knows for how long"
    )
    whole = Swimlane((seen(Status.FAILING, 0, 10), seen(Status.OK, 10, 30)))
    assert figure(report_of(story, whole), "minutes_failing:/users").how == "by the monitor's rounds"


def test_the_summary_tells_the_mitigation_and_not_its_undo_alone() -> None:
    report = report_of(ended(outage(), 30))
    told = summary(
        replace(report, resolution=("it was limited: done", "the undo of it: done", "resolved by Ana"))
    )
    assert "it was limited: done\nthe undo of it: done\nresolved by Ana" in told
    many = tuple(f"step {number}" for number in range(7))
    told = summary(replace(report, resolution=many))
    assert "3 earlier steps of its resolution are in the report.\nstep 3" in told
    assert "step 2" not in told


def test_the_summary_counts_the_items_and_no_blanks() -> None:
    assert rules(report_of(outage())) == ["auto:no-alert", "auto:blind:log"]
    assert summary(report_of(outage())).endswith(", 2 action items to do.")


def test_a_blind_probe_is_named_and_the_way_rounds_ask_is_no_item() -> None:
    once = "each endpoint was asked once: a fault that comes and goes can be missed (ask with 3 samples)"
    looked = found().model_copy(update={"blind_spots": ("log: no log is configured", once)})
    report = report_of(
        Story().add(0, e.IncidentOpened(integration="x")).add(1, e.Assessed(assessment=looked))
    )
    assert [one.text for one in report.actions if one.id.startswith("auto:blind")] == [
        "Make the log visible to the triage"
    ]
    assert once in report.blind_spots
