"""Posts come in the timeline's order, each once, whatever Slack and restarts do; one channel's trouble is its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.slack.render import render
from bot.domain.events import Acknowledged, AnyFact, Draft, Resolved
from bot.domain.incident import Incident
from bot.domain.oncall import AckReminded, ResponseReminded, Snoozed
from bot.errors import StoreError
from bot.slack.posts import Posts
from bot.slack.replies import Replies
from tests.slack import rig as rigs
from tests.slack.rig import UTC_ZONE, Rig


class Talk:
    """Facts that are to be posted, and what the channel has heard of them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.posts = rig.posts

    async def remind(self, incident: Incident, *words: str) -> None:
        """A reminder for each of these words."""
        for word in words:
            due = self.rig.clock.now() + timedelta(hours=1)
            await self.write(incident, ResponseReminded(due=due, stage="before", says=word))

    async def write(self, incident: Incident, fact: AnyFact, actor: str = "mx") -> None:
        await self.rig.timeline.append(
            Draft(stream=incident.id, actor=actor, at=self.rig.clock.now(), fact=fact)
        )

    async def turns(self, count: int = 4) -> None:
        """So many looks, with time for Slack in between."""
        for _ in range(count):
            await self.posts.step()
            self.rig.clock.wind(1.3)

    def heard(self, channel: str | None = None) -> list[str]:
        """What was posted, without the cards."""
        found = self.rig.slack.messages(channel or self.rig.channel)
        posts = [one for one in found if (one.now.metadata or {}).get("event_type") == "mx_post"]
        return [render(one, width=10_000)[0] for one in posts]


@pytest.fixture
def talk(rig: Rig) -> Talk:
    return Talk(rig)


@asynccontextmanager
async def restarted(folder: Path, before: Rig) -> AsyncIterator[Talk]:
    """The next process on the same database and Slack."""
    async with rigs.rig(folder, slack=before.slack, channel=before.channel) as next_:
        yield Talk(next_)


async def test_they_come_in_order_each_once_and_a_second_apart(talk: Talk) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "one", "two", "three")
    assert await talk.posts.step() == 2
    assert await talk.posts.step() == 2  # Slack takes one message a second in a channel
    assert talk.heard() == ["one"]
    await talk.turns(5)
    assert talk.heard() == ["one", "two", "three"]
    assert talk.posts.waiting == 0


async def test_what_comes_while_slack_is_down_is_posted_afterwards_and_says_of_when_it_is(talk: Talk) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "one")
    talk.rig.slack.mischief.answer("chat.postMessage", 503, times=99)
    await talk.turns()
    await talk.remind(incident, "two")
    at = f"{talk.rig.clock.now():%H:%M}"
    talk.rig.clock.wind(120)
    await talk.turns()
    assert talk.heard() == []
    talk.rig.slack.mischief.faults.clear()
    talk.rig.clock.wind(31)
    await talk.turns()
    assert talk.heard() == ["one", "two"]
    late = render(talk.rig.slack.messages(talk.rig.channel)[-1], width=10_000)
    assert f"{at} UTC; it could not be posted before." in "\n".join(late)


@pytest.mark.parametrize("processed", [True, False])
async def test_a_post_of_unknown_fate_is_looked_for_before_it_is_repeated(
    talk: Talk, processed: bool
) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "one", "two", "three")
    await talk.turns(1)
    talk.rig.slack.mischief.drop("chat.postMessage", processed=processed)
    await talk.turns()
    assert talk.heard() == ["one", "two", "three"]


async def test_a_restart_goes_on_where_the_last_life_stopped(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as rig:
        first = Talk(rig)
        incident = await rig.open()
        await first.remind(incident, "one", "two", "three")
        await first.turns(1)
        rig.slack.mischief.drop("chat.postMessage", processed=True)
        await first.posts.step()  # posted, but nobody here knows
        async with restarted(tmp_path, rig) as second:
            await second.turns()
            assert second.heard() == ["one", "two", "three"]
        async with restarted(tmp_path, rig) as third:
            await third.turns()
            assert third.heard() == ["one", "two", "three"]


class Forgetful(Replies):
    """A store that takes nothing from a certain moment on: the process dies before it could write its place down."""

    dead = False

    async def note(self, name: str, value: str) -> None:
        if self.dead:
            raise StoreError("writing: the disk is full")
        await super().note(name, value)


async def test_a_post_that_was_not_noted_any_more_is_not_repeated(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as rig, Forgetful.open(tmp_path / "mx.db", clock=rig.clock) as store:
        first = Talk(rig)
        first.posts = Posts(
            rig.timeline,
            rig.cards._chat,
            store,
            integrations=rig.edge.integrations,
            clock=rig.clock,
            zone=UTC_ZONE,
        )
        incident = await rig.open()
        await first.remind(incident, "one")
        store.dead = True
        with pytest.raises(ExceptionGroup):
            await first.posts.step()
        async with restarted(tmp_path, rig) as second:
            await first.remind(incident, "two")
            await second.turns()
            assert second.heard() == ["one", "two"]


async def test_a_channel_without_the_bot_holds_no_other_back_and_catches_up_when_it_is_invited(
    tmp_path: Path,
) -> None:
    async with rigs.rig(tmp_path, names=("default", "other")) as rig:
        talk = Talk(rig)
        closed = rig.slack.create_channel("other", [rig.ann], bot_member=False)
        of = dict(rig.edge.integrations)
        of["other"] = of["other"].model_copy(update={"channel": closed})
        talk.posts = Posts(
            rig.timeline, rig.cards._chat, rig.replies, integrations=of, clock=rig.clock, zone=UTC_ZONE
        )
        there, here = await rig.open(integration="other"), await rig.open()
        await talk.remind(there, "first there")
        await talk.remind(here, "one", "two")
        await talk.remind(there, "second there")
        await talk.turns(6)
        assert talk.heard() == ["one", "two"]
        assert talk.heard(closed) == []
        # The place survives a restart: neither is the one lost nor the other repeated.
        talk.posts = Posts(
            rig.timeline, rig.cards._chat, rig.replies, integrations=of, clock=rig.clock, zone=UTC_ZONE
        )
        await talk.turns(2)
        rig.slack.invite_bot(closed)
        rig.clock.wind(31)
        await talk.turns()
        assert talk.heard(closed) == ["first there", "second there"]
        assert talk.heard() == ["one", "two"]


async def test_old_news_is_passed_over(talk: Talk) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "nobody has it")
    await talk.write(incident, Acknowledged(), f"slack:{talk.rig.ann}")
    over = await talk.rig.open(integration="other")
    await talk.remind(over, "nor this")
    await talk.write(over, Resolved(), f"slack:{talk.rig.ann}")
    asked = AckReminded(lapses_at=talk.rig.clock.now() + timedelta(hours=1), says="still there?")
    await talk.write(incident, asked)
    assert await talk.posts.step() == 0
    assert [line.split(" ", 1)[1] for line in talk.heard()] == ["still there?"]


async def test_what_slack_will_never_take_is_passed_over_and_what_waits_for_a_person_waits(
    talk: Talk,
) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "one", "two")
    talk.rig.slack.mischief.refuse("chat.postMessage", "invalid_blocks")
    await talk.turns()
    assert talk.heard() == ["two"]
    await talk.remind(incident, "three")
    talk.rig.slack.mischief.refuse("chat.postMessage", "token_revoked", times=2)
    await talk.turns(6)
    assert talk.heard() == ["two", "three"]


async def test_slack_says_how_long_to_wait(talk: Talk) -> None:
    incident = await talk.rig.open()
    await talk.remind(incident, "one")
    talk.rig.slack.mischief.limit("chat.postMessage", 45)
    await talk.turns()
    assert talk.heard() == []
    talk.rig.clock.wind(45)
    await talk.turns(1)
    assert talk.heard() == ["one"]


async def test_the_buttons_under_a_post_do_what_they_say(talk: Talk) -> None:
    rig = talk.rig
    incident = await rig.open()
    await talk.remind(incident, "nobody has it")
    await talk.turns(1)
    (post,) = rig.slack.messages(rig.channel)
    await rig.slack.click(rig.ann, rig.channel, post.ts, "Acknowledge")
    assert (await rig.incident(incident.id)).acknowledged_by == f"slack:{rig.ann}"
    await talk.write(incident, AckReminded(lapses_at=rig.clock.now() + timedelta(hours=1), says="there?"))
    await talk.turns(1)
    post = rig.slack.messages(rig.channel)[-1]
    assert f"<@{rig.ann}>" in post.text
    await rig.slack.click(rig.ann, rig.channel, post.ts, "Still on it")
    await rig.drain()
    assert "that is confirmed" in rig.slack.ephemerals(rig.ann, rig.channel)[-1].text
    assert (await rig.incident(incident.id)).oncall.lapses_at is None


async def test_who_leads_again_goes_on_from_what_the_other_has_posted(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as rig, restarted(tmp_path, rig) as other:
        first = Talk(rig)
        incident = await rig.open()
        await first.remind(incident, "one")
        await first.turns(1)
        await first.remind(incident, "two", "three")
        await other.turns(1)
        await first.remind(incident, "four")
        rig.clock.wind(60)
        async with asyncio.TaskGroup() as group:
            leads = group.create_task(first.posts.follow())
            async with asyncio.timeout(10):
                while len(first.heard()) < 4:
                    rig.clock.wind(2)
                    await asyncio.sleep(0.05)
            leads.cancel()
        assert first.heard() == ["one", "two", "three", "four"]


async def test_facts_of_other_kinds_are_not_read_again_after_a_restart(talk: Talk) -> None:
    incident = await talk.rig.open()
    quiet = Snoozed(until=talk.rig.clock.now(), severity=None, reason="x")
    at = talk.rig.clock.now()
    await talk.rig.timeline.append(
        *(Draft(stream=incident.id, actor="mx", at=at, fact=quiet) for _ in range(2500))
    )
    await talk.posts.step()
    assert await talk.rig.replies.shown("posts") == '{"seen": 2502, "left": []}'
