"""Hand-over by dialog: who has it from here, what they have to know, and that they hear of it."""

from datetime import timedelta
from pathlib import Path

from bot.clocks import Clocks
from bot.demo.slack.pings import notifications
from bot.demo.slack.render import render
from bot.domain.authority import Authority
from bot.domain.events import Acknowledged, Draft, StepFinished
from bot.domain.mitigation import Lease
from bot.domain.notebook import HandedOver
from bot.domain.oncall import AckReminded
from tests.slack import rig as rigs
from tests.slack.forms_scene import card, form, kinds, text, typed
from tests.slack.rig import DUTY, Rig

TO = "Who has it from here?"
KNOW = "What do they have to know?"


async def _switch_on(rig: Rig, incident: str) -> None:
    """A rate limit is on for an hour."""
    now = rig.clock.now()
    lease = Lease(
        id="run-1",
        run="run-1",
        playbook="rate-limited",
        says="1 request per second",
        owner=f"slack:{rig.ann}",
        reason="429",
        since=now,
        expires_at=now + timedelta(hours=1),
    )
    done = StepFinished(run="run-1", index=0, outcome="done", says="on", started=lease)
    await rig.timeline.append(Draft(stream=incident, actor="mx", at=now, fact=done))


async def test_the_other_one_has_it_is_pinged_once_and_reads_what_they_take_over(rig: Rig) -> None:
    incident = await rig.open()
    await typed(rig, "ack")
    await _switch_on(rig, incident.id)
    dialog = await form(rig, "Hand over…")
    shown = text(dialog)
    assert "SEV-2: " in shown
    assert "The fault is on our side." in shown
    assert "On: 1 request per second (rate-limited), until" in shown
    assert f"Who has it now: @{rig.ann}" in shown
    words = "Vendor calls at 10.\n<!channel> is not to be pinged"
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben, KNOW: words})
    assert (sent.error, sent.errors, sent.view) == (None, {}, None)
    found = await rig.incident(incident.id)
    assert found.acknowledged_by == f"slack:{rig.ben}"
    (handed,) = found.notebook.handed
    assert (handed.by, handed.fact.summary) == (f"slack:{rig.ann}", words)
    assert handed.fact.lines[0].startswith("On: 1 request per second")
    await rig.posts.step()
    post = rig.slack.messages(rig.channel)[-1]
    read = "\n".join(render(post, width=10_000))
    assert f"@{rig.ben} you have {incident.id} from here, handed over by @{rig.ann}" in read
    assert "> Vendor calls at 10." in read
    assert "• On: 1 request per second" in read
    assert set(notifications(post)) == {f"<@{rig.ann}>", f"<@{rig.ben}>"}
    assert await rig.posts.step() == 0
    assert f"Who has it: @{rig.ben}" in await _card(rig)


async def test_what_the_form_wrote_beforehand_is_not_said_twice_in_the_post(rig: Rig) -> None:
    incident = await rig.open()
    await _switch_on(rig, incident.id)
    dialog = await form(rig, "Hand over…")
    await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben})
    await rig.posts.step()
    assert "\n".join(render(rig.slack.messages(rig.channel)[-1], width=10_000)).count("On: 1 request") == 1


async def test_who_is_given_it_can_confirm_with_the_posts_button_and_hand_it_on(rig: Rig) -> None:
    incident = await rig.open()
    assert await typed(rig, "handover the vendor calls back at 10") == ""
    dialog = await rig.slack.dialog(rig.ann)
    assert "the vendor calls back at 10" in text(dialog)
    assert "SEV-2: " in text(dialog)
    await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben})
    await rig.posts.step()
    await rig.slack.click(rig.ben, rig.channel, rig.slack.messages(rig.channel)[-1].ts, "I have it")
    await rig.drain()
    assert "and that is confirmed" in rig.slack.ephemerals(rig.ben, rig.channel)[-1].text
    assert (await kinds(rig, incident.id))[-1] == "acknowledged"
    dialog = await form(rig, "Hand over…", user=rig.ben)
    await rig.slack.submit_view(rig.ben, dialog.id, {TO: rig.ann, KNOW: "back to you"})
    found = await rig.incident(incident.id)
    assert found.acknowledged_by == f"slack:{rig.ann}"
    assert [one.fact.to for one in found.notebook.handed] == [f"slack:{rig.ben}", f"slack:{rig.ann}"]


async def test_the_question_whether_they_still_have_it_goes_to_the_new_owner_and_a_full_time_later(
    rig: Rig,
) -> None:
    clocks = Clocks(rig.timeline, rig.clock, duty=DUTY)
    incident = await rig.open()
    await typed(rig, "ack")
    rig.clock.wind(50 * 60)
    await clocks.step()
    assert (await rig.incident(incident.id)).oncall.lapses_at is not None
    gus = _person(rig, "Gus")
    dialog = await form(rig, "Hand over…", user=rig.ben)
    await rig.slack.submit_view(rig.ben, dialog.id, {TO: gus, KNOW: "yours"})
    assert (await rig.incident(incident.id)).oncall.lapses_at is None
    rig.clock.wind(40 * 60)
    await clocks.step()
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{gus}"
    rig.clock.wind(10 * 60)
    await clocks.step()
    facts = [event.fact for event in await rig.timeline.history(incident.id)]
    assert len([fact for fact in facts if isinstance(fact, AckReminded)]) == 2
    while await rig.posts.step():
        rig.clock.wind(2)
    assert f"<@{gus}> do you still have" in rig.slack.messages(rig.channel)[-1].text
    rig.clock.wind(20 * 60)
    await clocks.step()
    assert (await rig.incident(incident.id)).acknowledged_by is None


async def test_only_a_person_who_may_act_can_be_given_it_and_the_field_says_why_not(rig: Rig) -> None:
    incident = await rig.open()
    await typed(rig, "ack")
    guest, outside = rig.slack.add_user("Gil", role="guest"), rig.slack.add_user("Eve")
    rig.slack.state.channels[rig.channel].members.append(guest)
    dialog = await form(rig, "Hand over…")
    for who, why in (
        (rig.ann, "They have it already"),
        (guest, "They are a guest here"),
        (outside, "They are not in the incident's channel"),
        (rig.slack.state.bot.id, "That is an app"),
    ):
        sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: who, KNOW: "x"})
        assert list(sent.errors) == ["to"], (who, sent)
        assert why in sent.errors["to"]
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben, KNOW: " "})
    assert "Say it in words" in sent.errors["summary"]
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{rig.ann}"


async def test_where_responders_are_named_only_they_can_be_given_it(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, authority=lambda people: Authority((people[0],), ())) as rig:
        await rig.open()
        dialog = await form(rig, "Hand over…")
        sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben, KNOW: "x"})
        assert "not among the responders of mx.toml" in sent.errors["to"]
        assert "Only responders may hand an incident over" in await typed(rig, "handover", user=rig.ben)


async def test_while_slack_cannot_say_who_somebody_is_nothing_is_handed_over(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Hand over…")
    new = _person(rig, "New")
    rig.slack.mischief.answer("users.info", 500, times=9)
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: new, KNOW: "x"})
    assert "could not be checked" in sent.errors["to"]
    assert (await rig.incident(incident.id)).acknowledged_by is None


async def test_a_repeat_of_the_delivery_is_one_hand_over_and_no_error(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Hand over…")
    rig.slack.mischief.repeat = 3
    sent = await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben, KNOW: "x"})
    assert (sent.error, sent.errors) == (None, {})
    assert (await kinds(rig, incident.id)).count("handed_over") == 1


async def test_old_news_is_not_posted(rig: Rig) -> None:
    incident = await rig.open()
    dialog = await form(rig, "Hand over…")
    await rig.slack.submit_view(rig.ann, dialog.id, {TO: rig.ben, KNOW: "x"})
    before = len(rig.slack.messages(rig.channel))
    taken = Draft(stream=incident.id, actor=f"slack:{rig.ann}", at=rig.clock.now(), fact=Acknowledged())
    await rig.timeline.append(taken)
    await rig.posts.step()
    assert len(rig.slack.messages(rig.channel)) == before
    facts = [event.fact for event in await rig.timeline.history(incident.id)]
    assert [fact.summary for fact in facts if isinstance(fact, HandedOver)] == ["x"]


def _person(rig: Rig, name: str) -> str:
    """Somebody else in the incident's channel."""
    who = rig.slack.add_user(name)
    rig.slack.state.channels[rig.channel].members.append(who)
    return who


async def _card(rig: Rig) -> str:
    ts = await card(rig)
    (shown,) = [one for one in rig.slack.messages(rig.channel) if one.ts == ts]
    return "\n".join(render(shown, width=10_000))
