"""``/mx snooze`` and ``/mx ack`` as people type them, what the card shows of it, and who may."""

import re
from datetime import timedelta
from pathlib import Path

from bot.clocks import Clocks
from bot.demo.slack.render import render
from bot.domain.authority import Authority
from bot.domain.incident import Incident
from bot.domain.oncall import SnoozeEnded
from tests.slack import rig as rigs
from tests.slack.rig import DUTY, Rig


async def say(rig: Rig, text: str, *, user: str | None = None) -> str:
    outcome = await rig.slack.command(user or rig.ann, rig.channel, "/mx", text)
    assert (outcome.status, outcome.error) == (200, None)
    return outcome.text or ""


async def card(rig: Rig) -> str:
    """The card as it reads now."""
    rig.clock.wind(2)
    await rig.cards.step()
    (shown,) = [
        one
        for one in rig.slack.messages(rig.channel)
        if (one.now.metadata or {}).get("event_type") == "mx_incident"
    ]
    return "\n".join(render(shown, width=10_000))


async def test_quiet_with_a_time_and_a_reason_shows_on_the_card_and_ends_by_hand(rig: Rig) -> None:
    incident = await rig.open()
    said = await say(rig, "snooze 1h30m on the phone with <!channel>")
    assert f"You have {incident.id}, and it is quiet until" in said
    assert "no reminder and no page, unless it becomes worse than SEV-2" in said
    shown = await card(rig)
    assert re.search(rf"Quiet until .*\d\d:\d\d UTC, by @{rig.ann}: on the phone with <!channel>", shown)
    assert "Acknowledge" not in shown
    assert "is no longer quiet: reminders and pages are on again" in await say(rig, "snooze off")
    assert "Quiet" not in await card(rig)
    assert "is not quiet, so there is nothing to end" in await say(rig, "snooze off")
    kinds = [event.fact.kind for event in await rig.timeline.history(incident.id)]
    assert kinds.count("snoozed") == kinds.count("snooze_ended") == 1


async def test_what_it_takes_is_said_with_an_example(rig: Rig) -> None:
    incident = await rig.open()
    for words in ("snooze", "snooze 30m", "snooze  "):
        said = await say(rig, words)
        assert "Quiet needs a time, such as 30m or 1h30m, and a reason." in said
        assert "For example: `/mx snooze 30m on the phone with the vendor`" in said
    assert "soon is no length of time" in await say(rig, "snooze soon on it")
    assert "from 5 minutes to 8 hours, and 9h is not" in await say(rig, "snooze 9h asleep")
    assert "There is no open incident" in await say_nothing_open(rig, incident)
    assert "snooze" in await say(rig, "help")


async def say_nothing_open(rig: Rig, incident: Incident) -> str:
    await rig.prove(incident)
    await say(rig, "resolve")
    return await say(rig, "snooze 30m on it")


async def test_only_a_responder_may_ask_for_quiet_or_end_it(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, authority=lambda people: Authority((people[0],), ())) as rig:
        incident = await rig.open()
        said = await say(rig, "snooze 30m on it", user=rig.ben)
        assert "Only responders may ask for quiet" in said
        assert (await rig.incident(incident.id)).oncall.snooze is None
        await say(rig, "snooze 30m on it", user=rig.ann)
        assert "Only responders" in await say(rig, "snooze off", user=rig.ben)
        assert (await rig.incident(incident.id)).oncall.snooze is not None


async def test_when_it_becomes_worse_the_quiet_is_over_and_the_card_and_the_channel_say_so(rig: Rig) -> None:
    clocks = Clocks(rig.timeline, rig.clock, duty=DUTY)
    incident = await rig.open()
    await say(rig, "snooze 30m on it")
    await say(rig, "severity 3 only one site", user=rig.ben)
    await clocks.step()
    assert "Quiet until" in await card(rig)
    await say(rig, "severity 1 all sites stand still", user=rig.ben)
    await clocks.step()
    assert "Quiet until" not in await card(rig)
    await rig.posts.step()
    post = rig.slack.messages(rig.channel)[-1]
    assert f"<@{rig.ann}> {incident.id} became worse than when quiet until" in post.text
    assert "SEV-1 now, SEV-2 then" in post.text


async def test_ack_says_until_when_it_holds_and_typed_again_confirms_it(rig: Rig) -> None:
    clocks = Clocks(rig.timeline, rig.clock, duty=DUTY)
    incident = await rig.open()
    assert f"You have {incident.id} now. It holds until" in await say(rig, "ack")
    rig.clock.wind(50 * 60)
    await clocks.step()
    shown = await card(rig)
    assert "to confirm by" in shown
    assert "Still on it" in shown
    assert "and that is confirmed. It holds until" in await say(rig, "ack")
    assert "Still on it" not in await card(rig)
    assert "until" in await say(rig, "status")
    rig.clock.wind(3600)
    await clocks.step()
    rig.clock.wind(15 * 60)
    await clocks.step()
    shown = await card(rig)
    assert "Who has it: nobody any more · respond by" in shown
    assert "Acknowledge" in shown


async def test_whoever_else_presses_still_on_it_has_it(rig: Rig) -> None:
    incident = await rig.open()
    await say(rig, "ack")
    rig.clock.wind(50 * 60)
    await Clocks(rig.timeline, rig.clock, duty=DUTY).step()
    await card(rig)
    await rig.slack.click(rig.ben, rig.channel, rig.slack.messages(rig.channel)[0].ts, "Still on it")
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{rig.ben}"


async def test_one_delivery_asks_for_quiet_once(rig: Rig) -> None:
    incident = await rig.open()
    rig.slack.mischief.repeat = 2
    await say(rig, "snooze 30m on it")
    rig.slack.mischief.repeat = 0
    kinds = [event.fact.kind for event in await rig.timeline.history(incident.id)]
    assert kinds.count("snoozed") == 1


async def test_the_end_of_quiet_comes_by_itself(rig: Rig) -> None:
    clocks = Clocks(rig.timeline, rig.clock, duty=DUTY)
    incident = await rig.open()
    await say(rig, "snooze 30m on it")
    rig.clock.wind(timedelta(minutes=31).total_seconds())
    await clocks.step()
    await clocks.step()
    ends = [one for one in await rig.timeline.history(incident.id) if isinstance(one.fact, SnoozeEnded)]
    assert [(one.actor, one.fact.kind) for one in ends] == [("mx", "snooze_ended")]
    await rig.posts.step()
    assert "is over, and" in rig.slack.messages(rig.channel)[-1].text
