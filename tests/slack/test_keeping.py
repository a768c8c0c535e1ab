"""A message goes on the timeline by its menu, by an emoji or by a mention; its edits and its end follow it there."""

import asyncio
from datetime import timedelta

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain.events import Draft, Resolved
from bot.domain.notebook import KeepAnswered, KeepRequested, MessageKept
from bot.domain.notebook_state import Kept
from bot.slack.keeper import Keeper
from bot.slack.said import plain
from tests.slack.rig import Rig

EMOJI = "pushpin"


def keeper(rig: Rig) -> Keeper:
    return Keeper(rig.timeline, rig.edge.api, rig.edge.chat, rig.replies, clock=rig.clock)


async def kept(rig: Rig, incident: str) -> tuple[Kept, ...]:
    """What stands on the timeline once the keeper has looked."""
    await rig.slack.settled()
    assert await keeper(rig).step() == 0
    return (await rig.incident(incident)).notebook.kept


def told(rig: Rig, user: str) -> str:
    return "\n".join(
        line for one in rig.slack.ephemerals(user, rig.channel) for line in render(one, width=10_000)
    )


async def said(rig: Rig, text: str, *, thread: Message | None = None) -> Message:
    """Ben says something."""
    message = rig.slack.say(rig.ben, rig.channel, text, thread_ts=thread.ts if thread else None)
    await rig.slack.settled()
    return message


async def test_by_the_shortcut_it_has_its_author_both_times_and_its_permalink(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "the vendor confirms & <!channel> knows https://example.com/why")
    rig.clock.wind(600)
    ack = await rig.slack.shortcut(rig.ann, rig.channel, message.ts, "mx_keep")
    assert ack.error is None
    (one,) = await kept(rig, incident.id)
    assert one.fact.author == f"slack:{rig.ben}"
    assert one.kept_by == f"slack:{rig.ann}"
    assert one.fact.said_at.timestamp() == float(message.ts)
    assert one.kept_at - one.fact.said_at > timedelta(seconds=599)
    assert (
        one.fact.permalink
        == f"https://stand-in.slack.com/archives/{rig.channel}/p{message.ts.replace('.', '')}"
    )
    assert one.text == "the vendor confirms & @channel knows https://example.com/why"
    assert "It is on the timeline of " in told(rig, rig.ann)
    assert "/mx redact" in told(rig, rig.ann)
    shown = await rig.slack.command(rig.ann, rig.channel, "/mx", "timeline")
    assert shown.message is not None
    assert str(one.fact.permalink) in str(shown.message.blocks)
    assert "the vendor confirms" in str(shown.message.blocks)


async def test_what_happens_while_it_is_fetched_is_noted_too(rig: Rig) -> None:
    incident = await rig.open()
    changed, gone = await said(rig, "restart the WRONG pump"), await said(rig, "never mind")
    for message in (changed, gone):
        await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.settled()
    rig.slack.mischief.late("chat.getPermalink", 0.4, times=2)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper(rig).step())
        await rig.slack.until(
            lambda: any(one.method == "chat.getPermalink" for one in rig.slack.calls),
            timeout_s=5,
            what="the fetching",
        )
        await rig.slack.edit(rig.ben, rig.channel, changed.ts, "restart the RIGHT pump")
        await rig.slack.remove(rig.ben, rig.channel, gone.ts)
        await rig.slack.settled()
    first, *rest = await kept(rig, incident.id)
    assert first.text == "restart the RIGHT pump"
    assert all(one.removed for one in rest)


async def test_an_alert_of_another_app_says_what_its_attachment_says(rig: Rig) -> None:
    incident = await rig.open()
    alert = {"fallback": "[FIRING] DB down", "title": "DB down", "text": "5xx since 03:10"}
    rich = {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "pump 3"}]}],
    }
    for shown in ({"attachments": [alert]}, {"attachments": [{"fallback": "only this"}]}, {"blocks": [rich]}):
        posted = await rig.edge.api.call(
            "chat.postMessage", {"channel": rig.channel, **shown}, doing="posting an alert", again=False
        )
        await rig.slack.react(rig.ann, rig.channel, str(posted["ts"]), EMOJI)
        await rig.slack.settled()
    texts = [one.text for one in await kept(rig, incident.id)]
    assert texts == ["DB down\n5xx since 03:10", "only this", "pump 3"]


async def test_by_the_emoji_a_reply_in_a_thread_with_its_file(rig: Rig) -> None:
    incident = await rig.open()
    first = await said(rig, "who knows?")
    reply = await rig.slack.attach(
        rig.ben, rig.channel, "graph.png", b"png", thread_ts=first.ts, text="see the graph"
    )
    await rig.slack.react(rig.ann, rig.channel, reply.ts, EMOJI)
    (one,) = await kept(rig, incident.id)
    assert (one.text, one.fact.thread, one.fact.by) == ("see the graph", first.ts, "emoji")
    assert [file.title for file in one.fact.files] == ["graph.png"]
    assert one.fact.files[0].permalink


async def test_another_emoji_and_one_of_the_bot_itself_keep_nothing(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "hm")
    await rig.slack.react(rig.ann, rig.channel, message.ts, "eyes")
    arguments = {"channel": rig.channel, "timestamp": message.ts, "name": EMOJI}
    rig.slack.state.scopes.add("reactions:write")
    await rig.edge.api.call("reactions.add", arguments, doing="reacting", again=False)
    assert await kept(rig, incident.id) == ()
    assert not [one for one in await rig.timeline.since(0) if isinstance(one.fact, KeepRequested)]


async def test_two_people_and_two_deliveries_make_one_line(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "once")
    rig.slack.mischief.repeat = 1
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.react(rig.ben, rig.channel, message.ts, EMOJI)
    rig.slack.mischief.repeat = 0
    assert len(await kept(rig, incident.id)) == 1
    await rig.slack.shortcut(rig.ben, rig.channel, message.ts, "mx_keep")
    await rig.drain()
    assert f"on the timeline of {incident.id} already" in told(rig, rig.ben)
    facts = [one.fact for one in await rig.timeline.since(0)]
    assert sum(isinstance(one, MessageKept) for one in facts) == 1
    assert sum(isinstance(one, KeepRequested) for one in facts) == 2
    assert sum(isinstance(one, KeepAnswered) for one in facts) == 1


async def test_edits_and_the_end_of_a_kept_message_follow_and_what_it_said_stays(rig: Rig) -> None:
    incident = await rig.open()
    message, other = await said(rig, "first"), await said(rig, "another")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await kept(rig, incident.id)
    await rig.slack.edit(rig.ben, rig.channel, message.ts, "second")
    await rig.slack.edit(rig.ben, rig.channel, other.ts, "nobody keeps this")
    (one,) = await kept(rig, incident.id)
    assert (one.fact.text, one.text, one.edited_at is not None) == ("first", "second", True)
    await rig.slack.remove(rig.ben, rig.channel, message.ts)
    (one,) = await kept(rig, incident.id)
    assert (one.text, one.removed) == ("second", "deleted")
    events = await rig.timeline.history(incident.id)
    assert [one.actor for one in events[-2:]] == [f"slack:{rig.ben}"] * 2


async def test_whoever_kept_it_takes_it_off_by_taking_the_emoji_away(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "not so important")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.react(rig.ben, rig.channel, message.ts, EMOJI)
    await kept(rig, incident.id)
    await rig.slack.unreact(rig.ben, rig.channel, message.ts, EMOJI)
    (one,) = await kept(rig, incident.id)
    assert one.removed == ""
    await rig.slack.unreact(rig.ann, rig.channel, message.ts, EMOJI)
    (one,) = await kept(rig, incident.id)
    assert one.removed == "unkept"


async def test_the_emoji_taken_away_before_the_message_is_fetched_keeps_nothing(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "a slip of the finger")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.unreact(rig.ann, rig.channel, message.ts, EMOJI)
    assert await kept(rig, incident.id) == ()
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    (one,) = await kept(rig, incident.id)
    assert one.removed == "", "a second thought counts"


async def test_the_first_message_of_a_thread_that_is_deleted_follows_too(rig: Rig) -> None:
    incident = await rig.open()
    first, other = await said(rig, "who broke it?"), await said(rig, "who else?")
    for head in (first, other):
        await said(rig, "not me", thread=head)
    await rig.slack.react(rig.ann, rig.channel, first.ts, EMOJI)
    await kept(rig, incident.id)
    await rig.slack.react(rig.ann, rig.channel, other.ts, EMOJI)
    for head in (first, other):
        await rig.slack.remove(rig.ben, rig.channel, head.ts)
    (one,) = await kept(rig, incident.id)
    assert (one.text, one.removed) == ("who broke it?", "deleted")
    assert (await rig.timeline.history(incident.id))[-2].actor == f"slack:{rig.ben}"


async def test_what_is_kept_of_an_earlier_incident_is_followed_as_well(rig: Rig) -> None:
    earlier = await rig.open()
    message = await said(rig, "from last time")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await kept(rig, earlier.id)
    resolved = Draft(stream=earlier.id, actor=f"slack:{rig.ann}", at=rig.clock.now(), fact=Resolved())
    await rig.timeline.append(resolved)
    rig.clock.wind(60)
    later = await rig.open()
    assert later.id != earlier.id
    await rig.slack.react(rig.ben, rig.channel, message.ts, EMOJI)
    assert len(await kept(rig, later.id)) == 1
    await rig.slack.edit(rig.ben, rig.channel, message.ts, "from both times")
    await rig.slack.settled()
    for incident in (earlier, later):
        (one,) = (await rig.incident(incident.id)).notebook.kept
        assert one.text == "from both times"


async def test_what_is_redacted_hides_its_edits_before_and_after(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "call Jo at home")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    (one,) = await kept(rig, incident.id)
    await rig.slack.edit(rig.ben, rig.channel, message.ts, "call Jo at home, flat 3")
    await rig.slack.settled()
    await rig.slack.command(rig.ann, rig.channel, "/mx", f"redact {one.version} private")
    await rig.slack.edit(rig.ben, rig.channel, message.ts, "call Jo at home, flat 4")
    await rig.slack.settled()
    (one,) = (await rig.incident(incident.id)).notebook.kept
    assert one.text.startswith("[redacted by")
    shown = await rig.slack.command(rig.ann, rig.channel, "/mx", "timeline")
    assert shown.message is not None
    assert "Jo at home" not in str(shown.message.blocks)
    assert str(one.fact.permalink) not in str(shown.message.blocks)


async def test_slack_away_and_a_restart_only_delay_it(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "keep me")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.settled()
    rig.slack.mischief.answer("conversations.replies", 503, times=10)
    first = keeper(rig)
    assert await first.step() == 1
    rig.slack.mischief.faults.clear()
    assert await first.step() == 1, "not before its wait is over"
    (one,) = await kept(rig, incident.id)  # another life, which knows of no wait
    assert one.text == "keep me"
    assert await first.step() == 0
    assert len((await rig.incident(incident.id)).notebook.kept) == 1


async def test_a_message_that_is_gone_and_a_bot_that_is_not_there_are_told(rig: Rig) -> None:
    incident = await rig.open()
    message, other = await said(rig, "oh"), await said(rig, "well")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.settled()
    await rig.slack.remove(rig.ben, rig.channel, message.ts)
    assert await kept(rig, incident.id) == ()
    assert "cannot be found any more" in told(rig, rig.ann)
    rig.slack.remove_bot(rig.channel)
    await rig.slack.shortcut(rig.ann, rig.channel, other.ts, "mx_keep")
    assert await kept(rig, incident.id) == ()
    assert "type /invite @mx" in told(rig, rig.ann)


async def test_after_the_end_it_still_goes_there_for_a_week(rig: Rig) -> None:
    message = await said(rig, "what we learned")
    await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
    await rig.slack.settled()
    await rig.drain()
    assert "There has been no incident for default yet" in told(rig, rig.ann)

    incident = await rig.open()
    resolved = Draft(stream=incident.id, actor=f"slack:{rig.ann}", at=rig.clock.now(), fact=Resolved())
    await rig.timeline.append(resolved)
    await rig.slack.react(rig.ben, rig.channel, message.ts, EMOJI)
    assert len(await kept(rig, incident.id)) == 1
    rig.clock.wind(8 * 86400)
    late = await said(rig, "too late")
    await rig.slack.shortcut(rig.ann, rig.channel, late.ts, "mx_keep")
    await rig.drain()
    assert "resolved over 7 days ago" in told(rig, rig.ann)


async def test_a_mention_in_its_thread_keeps_the_first_message(rig: Rig) -> None:
    incident = await rig.open()
    first = await said(rig, "the plan for tonight")
    rig.slack.say(rig.ann, rig.channel, "@mx keep", thread_ts=first.ts)
    (one,) = await kept(rig, incident.id)
    assert (one.text, one.fact.by) == ("the plan for tonight", "mention")
    rig.slack.say(rig.ann, rig.channel, "@mx keep")
    await rig.slack.settled()
    await rig.drain()
    assert "Answer it in its thread with @mx keep" in told(rig, rig.ann)


def test_marks_of_slack_become_plain_words() -> None:
    assert plain("<@U1> <#C1|ops> <!here> <!subteam^S1|@oncall> &lt;b&gt; <http://x.y>") == (
        "@U1 #ops @here @oncall <b> http://x.y"
    )
    assert len(plain("x" * 9000)) == 3000


async def test_the_loop_takes_in_what_is_asked_while_it_runs(rig: Rig) -> None:
    incident = await rig.open()
    message = await said(rig, "now")
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        loop = group.create_task(keeper(rig).follow())
        await rig.slack.react(rig.ann, rig.channel, message.ts, EMOJI)
        while not (await rig.incident(incident.id)).notebook.kept:  # noqa: ASYNC110 - the fold is looked at
            await asyncio.sleep(0.02)
        loop.cancel()
