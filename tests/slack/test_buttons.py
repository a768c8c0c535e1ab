"""Clicks: one run whoever clicks first, a stale button shows the plan again, and everybody is answered."""

import sqlite3
from pathlib import Path

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain.events import Draft, RunFinished, RunRequested, StepFinished
from bot.domain.mitigation import Lease
from tests.slack.rig import Rig, rate_limited

ENABLE = "Enable emergency rate limit"


async def card(rig: Rig) -> Message:
    rig.clock.wind(31)
    await rig.cards.step()
    return rig.slack.messages(rig.channel)[-1]


async def told(rig: Rig, user: str) -> str:
    await rig.drain()
    return "\n".join(
        line for message in rig.slack.ephemerals(user, rig.channel) for line in render(message, width=300)
    )


async def switched_on(rig: Rig, stream: str, run: str, *, playbook: str = "rate-limited") -> None:
    """The run went through, and its lease is on."""
    now = rig.clock.now()
    lease = Lease(
        id=run,
        run=run,
        playbook=playbook,
        says="1 request per second",
        owner="slack:U9",
        reason="x",
        since=now,
    )
    await rig.timeline.append(
        Draft(
            stream=stream,
            actor="mx",
            at=now,
            fact=StepFinished(run=run, index=0, outcome="done", says="on", started=lease),
        ),
        Draft(stream=stream, actor="mx", at=now, fact=RunFinished(run=run, outcome="done", says="done")),
    )


async def test_the_button_shows_the_plan_and_sending_it_in_asks_for_the_run(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    dialog = await rig.press(rig.ann, message.ts, ENABLE, send=False)
    assert "Limit the gateway to 1 request per second" in rig.shown(rig.ann)
    assert dialog.body["submit"]["text"] == "Start it"
    assert (await rig.incident(incident.id)).runs == ()
    await rig.send(rig.ann)
    (run,) = (await rig.incident(incident.id)).runs
    assert run.requested_by == f"slack:{rig.ann}"
    assert run.address.channel == rig.channel
    assert await told(rig, rig.ann) == rig.shown(rig.ann) == ""


async def test_closing_the_dialog_does_nothing(rig: Rig) -> None:
    await rig.open()
    message = await card(rig)
    head = (await rig.timeline.book()).head
    dialog = await rig.press(rig.ann, message.ts, ENABLE, send=False)
    await rig.slack.close_view(rig.ann, dialog.id)
    assert (await rig.timeline.book()).head == head


async def test_repeated_deliveries_open_one_dialog_and_start_one_run(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    rig.slack.mischief.repeat = 3
    await rig.press(rig.ann, message.ts, ENABLE)
    await rig.slack.settled()
    assert len((await rig.incident(incident.id)).runs) == 1
    assert await told(rig, rig.ann) == ""


async def test_the_second_of_two_people_is_told_who_was_first(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.press(rig.ann, message.ts, ENABLE, send=False)
    await rig.press(rig.ben, message.ts, ENABLE, send=False)
    await rig.send(rig.ann)
    await rig.send(rig.ben)
    assert len((await rig.incident(incident.id)).runs) == 1
    assert f"@{rig.ann} started it at" in rig.shown(rig.ben)
    assert rig.shown(rig.ann) == await told(rig, rig.ann) == ""


async def test_a_stale_button_shows_the_plan_as_it_is_now_and_says_so(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await another(rig, incident.id)
    click = await rig.slack.click_stale(rig.ann, rig.channel, message.ts, ENABLE, version=0)
    assert click.status == 200
    await rig.slack.dialog(rig.ann)
    assert "This has changed since the card was drawn" in rig.shown(rig.ann)
    assert "Limit the gateway to 1 request per second" in rig.shown(rig.ann)
    await rig.send(rig.ann)
    assert [run.playbook for run in (await rig.incident(incident.id)).runs] == ["another", "rate-limited"]


async def test_a_plan_that_changed_while_it_was_read_is_shown_again_instead_of_carried_out(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.press(rig.ann, message.ts, ENABLE, send=False)
    await another(rig, incident.id)
    await rig.send(rig.ann)
    assert [run.playbook for run in (await rig.incident(incident.id)).runs] == ["another"]
    await rig.slack.dialog(rig.ann)
    assert "has changed since it was shown" in rig.shown(rig.ann)
    await rig.send(rig.ann)
    assert [run.playbook for run in (await rig.incident(incident.id)).runs] == ["another", "rate-limited"]
    assert rig.shown(rig.ann) == ""


async def another(rig: Rig, stream: str) -> None:
    """Another mitigation goes on, and the card of this person's phone does not know."""
    fact = RunRequested(run="other", playbook="another")
    await rig.timeline.append(Draft(stream=stream, actor="cli:x@y", at=rig.clock.now(), fact=fact))
    await switched_on(rig, stream, "other", playbook="another")


async def test_a_button_of_an_incident_that_is_over_does_nothing_and_says_so(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.prove(incident)
    await rig.edge.incidents.resolve("default", actor=f"slack:{rig.ben}")
    for button in (ENABLE, "Acknowledge"):
        await rig.slack.click_stale(rig.ann, rig.channel, message.ts, button, version=0)
    now = await rig.incident(incident.id)
    assert (now.runs, now.acknowledged_by) == ((), None)
    assert f"{incident.id} was resolved by @{rig.ben}, so nothing was done" in await told(rig, rig.ann)


async def test_what_is_on_can_be_undone_by_its_own_button(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.press(rig.ann, message.ts, ENABLE)
    (run,) = (await rig.incident(incident.id)).runs
    await switched_on(rig, incident.id, run.id)
    message = await card(rig)
    await rig.press(rig.ben, message.ts, "Undo: Emergency rate limit")
    assert await told(rig, rig.ben) == ""
    runs = (await rig.incident(incident.id)).runs
    assert [(one.mode, one.undoes) for one in runs] == [("apply", None), ("undo", run.id)]


async def test_acknowledge_triage_again_and_report_are_facts(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    for button in ("Acknowledge", "Triage again", "Report"):
        assert (await rig.slack.click(rig.ann, rig.channel, message.ts, button)).status == 200
    now = await rig.incident(incident.id)
    assert now.acknowledged_by == f"slack:{rig.ann}"
    assert len(now.triages_pending) == 1
    assert len(now.reports_pending) == 1
    assert "Looking at both sides again" in await told(rig, rig.ann)


async def test_the_card_is_drawn_again_after_a_stale_click(rig: Rig) -> None:
    incident = await rig.open()
    message = await card(rig)
    await rig.prove(incident)
    await rig.edge.incidents.resolve("default", actor="cli:x@y")
    await card(rig)
    calls = len(rig.slack.calls)
    await rig.slack.click_stale(rig.ann, rig.channel, message.ts, ENABLE, version=0)
    await rig.drain()
    await card(rig)
    asked = [call.method for call in rig.slack.calls[calls:]]
    assert [method for method in asked if method.startswith(("chat.", "views."))] == ["chat.update"]


async def test_what_fits_is_offered_and_what_is_on_is_not(rig: Rig) -> None:
    incident = await rig.open(rate_limited())
    assert [offer.label for offer in await rig.edge.planner.offers(incident, now=rig.clock.now())] == [ENABLE]
    await rig.edge.incidents.request_run("default", "rate-limited", actor="cli:x@y")
    assert await rig.edge.planner.offers(await rig.incident(incident.id), now=rig.clock.now()) == ()


async def test_a_click_while_the_database_is_locked_is_answered_and_writes_nothing(
    rig: Rig, tmp_path: Path
) -> None:
    incident = await rig.open()
    message = await card(rig)
    other = sqlite3.connect(tmp_path / "mx.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        click = await rig.slack.click(rig.ann, rig.channel, message.ts, "Acknowledge")
        assert (click.status, click.error) == (200, None)
        assert click.seconds < 3
        says = await told(rig, rig.ann)
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert "nothing was written" in says
    assert "Try again" in says
    assert (await rig.incident(incident.id)).acknowledged_by is None
    await rig.slack.click(rig.ann, rig.channel, message.ts, "Acknowledge")
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{rig.ann}"
