"""``/mx``: every verb acknowledged in time, privately, once; what is wrong is answered with an example."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.demo.slack.pings import notifications
from bot.domain.events import Draft, NoteAdded, Resolved, TriageRequested
from bot.slack.commands import VERBS
from tests.slack import rig as rigs
from tests.slack.rig import Rig


async def say(rig: Rig, text: str) -> str:
    outcome = await rig.slack.command(rig.ann, rig.channel, "/mx", text)
    assert (outcome.status, outcome.error) == (200, None), outcome.details
    if outcome.message is None:
        return ""  # a dialog is the answer
    assert outcome.message.ephemeral_to == rig.ann
    shown = "\n".join([outcome.message.text, *map(str, outcome.message.blocks)])
    return shown.replace("&amp;", "&")


async def facts(rig: Rig, kind: str) -> list[str]:
    events = await rig.timeline.since(0)
    return [event.key or "" for event in events if event.fact.kind == kind]


async def test_alone_it_shows_what_is_open_and_every_verb(rig: Rig) -> None:
    text = await say(rig, "")
    assert "No incident is open" in text
    for verb in VERBS:
        assert f"/mx {verb.name}" in text


@pytest.mark.parametrize(
    ("typed", "example"),
    [
        ("frobnicate", "/mx triage"),
        ("severity 5 too much", "/mx severity 3 only reports are late"),
        ("severity two because", "/mx severity 3 only reports are late"),
        ("severity 2", "/mx severity 3 only reports are late"),
        ("redact", "/mx redact 12"),
        ("redact x y", "/mx redact 12"),
        ("redact ٣ reason", "no line"),
        ("redact 3", "/mx redact 12"),
        ("resolve because", "/mx resolve"),
        ("resolve anyway", "/mx resolve"),
        ("reopen", "/mx reopen the 429s"),
        ("run", "/mx run rate-limited"),
        ("run nothing-known", "/mx run rate-limited"),
        ("status please", "/mx status"),
        ("triage nowhere", "/mx triage"),
        ("approve 12", "does not wait for approval"),
        ("stop", "nothing to stop"),
        ("\x00\u202e", "/mx triage"),
    ],
)
async def test_a_bad_word_is_answered_privately_with_an_example(rig: Rig, typed: str, example: str) -> None:
    await rig.open()
    before = (await rig.timeline.book()).head
    assert example in await say(rig, typed)
    assert (await rig.timeline.book()).head == before


async def test_verbs_are_known_in_any_case_and_with_stray_spaces(rig: Rig) -> None:
    assert "No incident is open" in await say(rig, "  STATUS  ")


async def test_a_mistyped_verb_is_answered_with_the_one_that_is_meant(rig: Rig) -> None:
    for typed in ("tri", "help trriage"):
        text = await say(rig, typed)
        assert "is not a verb of mine. `/mx triage`?" in text
        assert "/mx snooze" not in text, "the whole list hides the answer"
    assert "/mx snooze" in await say(rig, "zzz")


async def test_help_for_one_verb_is_its_line(rig: Rig) -> None:
    text = await say(rig, "help redact")
    assert "/mx redact 12 a customer's name" in text
    assert "/mx triage" not in text


async def test_a_triage_is_asked_for_and_says_where_the_card_comes(rig: Rig) -> None:
    assert f"the card comes to <#{rig.channel}>" in await say(rig, "triage")
    (event,) = (await rig.timeline.book()).pending_triages()
    assert isinstance(event.fact, TriageRequested)
    assert event.actor == f"slack:{rig.ann}"
    assert event.fact.address.channel == rig.channel
    assert event.fact.address.reply is not None
    assert "http" not in event.model_dump_json()


async def test_a_repeated_delivery_happens_once_and_is_answered_alike(rig: Rig) -> None:
    await rig.open()
    rig.slack.mischief.repeat = 2
    assert "Noted" in await say(rig, "note only once")
    await rig.slack.settled()
    assert len(await facts(rig, "note_added")) == 1
    rig.slack.mischief.repeat = 0
    assert "Noted" in await say(rig, "note only once")
    assert len(await facts(rig, "note_added")) == 2


async def test_ack_severity_note_resolve_reopen_are_answered_in_a_sentence(rig: Rig) -> None:
    incident = await rig.open()
    assert f"You have {incident.id} now" in await say(rig, "ack")
    assert "is SEV-1 from here" in await say(rig, "severity 1 the plant stands still")
    assert "is SEV-3 from here" in await say(rig, "severity SEV-3 it was one site")
    assert "Noted" in await say(rig, "note the vendor knows")
    await rig.prove(incident)
    assert "is resolved" in await say(rig, "resolve")
    assert "is open again" in await say(rig, "reopen the 429s are back")
    now = await rig.incident(incident.id)
    assert (now.state, str(now.severity), now.acknowledged_by) == ("open", "SEV-3", None)


async def test_the_timeline_is_shown_with_line_numbers_and_a_redacted_line_is_hidden(rig: Rig) -> None:
    await rig.open()
    await say(rig, "note the customer Acme <!channel> called")
    text = await say(rig, "timeline")
    assert "`3` " in text
    assert "Acme &lt;!channel&gt; called" in text
    assert "is hidden from every view" in await say(rig, "redact 3 a customer's name")
    after = await say(rig, "timeline")
    assert "Acme" not in after
    assert "redacted by" in after


async def test_nobody_is_pinged_by_what_somebody_typed(rig: Rig) -> None:
    await rig.open()
    for typed in (
        "<!channel>",
        "note <!here>",
        "timeline",
        "severity 1 <!everyone>",
        "run <!channel>",
        "triage <!here>",
    ):
        outcome = await rig.slack.command(rig.ann, rig.channel, "/mx", typed)
        assert outcome.message is not None
        assert [ping for ping in notifications(outcome.message) if ping != f"<@{rig.ann}>"] == []


async def test_run_opens_the_plan_and_sending_it_in_starts_it(rig: Rig) -> None:
    incident = await rig.open()
    assert await say(rig, "run rate-limited") == ""
    await rig.slack.dialog(rig.ann)
    assert "pause asset-sync and report-generator" in rig.shown(rig.ann)
    assert "has changed" not in rig.shown(rig.ann)
    assert (await rig.incident(incident.id)).runs == ()
    await rig.send(rig.ann)
    (run,) = (await rig.incident(incident.id)).runs
    assert (run.playbook, run.requested_by) == ("rate-limited", f"slack:{rig.ann}")


async def test_with_several_integrations_an_unclear_one_is_asked_for(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, names=("plant-a", "plant-b"), channel_known=False) as rig:
        text = await say(rig, "triage")
        assert "Which integration? There are plant-a, plant-b" in text
        assert "Looking at both sides of plant-b" in await say(rig, "triage plant-b")
        await rig.open(integration="plant-b", asked_in=rig.channel)
        assert "Noted" in await say(rig, "note the one in trouble is meant")


async def test_of_several_in_one_channel_the_one_in_trouble_is_meant(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, names=("plant-a", "plant-b")) as rig:
        assert "Which integration? There are plant-a, plant-b" in await say(rig, "triage")
        await rig.open(integration="plant-b")
        assert "Looking at both sides of plant-b" in await say(rig, "triage")
        await rig.open(integration="plant-a")
        assert "Which integration? There are plant-a, plant-b" in await say(rig, "triage")


async def test_a_locked_database_is_said_within_three_seconds_and_nothing_is_half_written(
    rig: Rig, tmp_path: Path
) -> None:
    await rig.open()
    other = sqlite3.connect(tmp_path / "mx.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        outcome = await rig.slack.command(rig.ann, rig.channel, "/mx", "note while it is locked")
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert outcome.status == 200
    assert outcome.seconds < 3
    assert "lock" in (outcome.text or "")
    assert await facts(rig, "note_added") == []
    assert "Noted" in await say(rig, "note when it is free again")


async def test_a_triage_while_the_database_is_locked_is_answered_in_time_too(
    rig: Rig, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "mx.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        outcome = await rig.slack.command(rig.ann, rig.channel, "/mx", "triage")
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert (outcome.status, outcome.error) == (200, None)
    assert outcome.seconds < 3


async def test_fifty_commands_at_once_are_each_written_once(rig: Rig) -> None:
    await rig.open()
    outcomes = await asyncio.gather(
        *(rig.slack.command(rig.ann, rig.channel, "/mx", f"note number {n}") for n in range(50))
    )
    assert {outcome.status for outcome in outcomes} == {200}
    events = await rig.timeline.since(0)
    noted = [event.fact.text for event in events if isinstance(event.fact, NoteAdded)]
    assert sorted(noted) == sorted(f"number {n}" for n in range(50))


async def test_leftovers_of_an_oauth_app_in_the_environment_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "abc")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-another-workspace")
    async with rigs.rig(tmp_path) as rig:
        assert "No incident is open" in await say(rig, "status")


async def test_stats_are_columns_for_the_asker_alone(rig: Rig) -> None:
    assert "0 incidents since" in await say(rig, "stats")
    incident = await rig.open()
    await say(rig, "ack")
    await rig.timeline.append(
        Draft(stream=incident.id, actor=f"slack:{rig.ann}", at=rig.clock.now(), fact=Resolved())
    )
    shown = await say(rig, "stats 3")
    assert "1 incident since" in shown
    assert "SEV-2" in shown
    assert "mitigate" in shown
    assert "/mx stats 6" in await say(rig, "stats 0")
    assert "/mx stats 6" in await say(rig, "stats six")


async def test_status_timeline_and_stats_lead_to_the_pages_by_links_that_open_them(rig: Rig) -> None:
    incident = await rig.open()
    one, all_of_them = rig.edge.pages.incident(incident.id), rig.edge.pages.list()
    assert f"<{one}|Timeline page, live>" in await say(rig, "status")
    assert f"<{one}|Timeline page, live>" in await say(rig, "timeline")
    assert f"<{all_of_them}|" in await say(rig, "stats")
