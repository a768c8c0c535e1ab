"""The card follower: one message per incident, edited in place, found again, never lost, wherever Slack is down."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import JsonValue

from bot.demo.slack.records import Message
from bot.demo.slack.render import render
from bot.domain.assessment import Severity
from bot.slack.card import AT_ONCE
from bot.slack.chat import SlackChat
from tests.slack import rig as rigs
from tests.slack.rig import Rig


def shown(message: Message) -> str:
    return "\n".join(render(message, width=300))


def calls(rig: Rig, method: str) -> int:
    return sum(call.method == method for call in rig.slack.calls)


async def later(rig: Rig, seconds: float = 31.0) -> float:
    """One step after so much time: by default after any wait."""
    rig.clock.wind(seconds)
    return await rig.cards.step()


async def test_one_card_is_posted_and_the_timeline_knows_where(rig: Rig) -> None:
    incident = await rig.open()
    await rig.cards.step()
    await later(rig)
    (message,) = rig.slack.messages(rig.channel)
    assert message.now.metadata == {"event_type": "mx_incident", "event_payload": {"incident": incident.id}}
    assert (await rig.incident(incident.id)).card == (rig.channel, message.ts)
    assert calls(rig, "conversations.history") == 0


async def test_many_cards_are_drawn_side_by_side_the_gravest_among_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"plant-{number}" for number in range(AT_ONCE + 3))
    async with rigs.rig(tmp_path, names=names) as rig:
        for name in names:
            await rig.open(integration=name)
        grave = await rig.incident((await rig.timeline.book()).open_incidents()[-1].id)
        await rig.edge.incidents.set_severity(
            grave.integration, Severity.SEV1, reason="all of it", actor="cli:a@b"
        )
        post = SlackChat.post
        begun: list[str] = []
        full = asyncio.Event()

        async def slow(chat: SlackChat, channel: str, message: Mapping[str, JsonValue]) -> str:
            begun.append(str(message["text"]))
            if len(begun) == AT_ONCE:
                full.set()
            await asyncio.wait_for(full.wait(), 5)  # nobody is answered before so many have asked
            return await post(chat, channel, message)

        monkeypatch.setattr(SlackChat, "post", slow)
        await rig.cards.step()
        assert len(begun) == len(rig.slack.messages(rig.channel)) == len(names)
        assert any(text.startswith("SEV-1") for text in begun[:AT_ONCE])  # and not the last, as it was opened


async def test_it_is_edited_in_place_as_facts_arrive(rig: Rig) -> None:
    await rig.open()
    await rig.cards.step()
    await rig.edge.incidents.acknowledge("default", actor=f"slack:{rig.ann}")
    await later(rig)
    (message,) = rig.slack.messages(rig.channel)
    assert f"Who has it: @{rig.ann}" in shown(message)
    assert message.edited


async def test_edits_are_coalesced_and_the_last_state_is_sent(rig: Rig) -> None:
    await rig.open()
    await rig.cards.step()
    for words in ("one", "two", "three"):
        await rig.edge.incidents.set_severity("default", Severity.SEV1, reason=words, actor="cli:a@b")
        assert 0 < await rig.cards.step() <= 1.2
    assert calls(rig, "chat.update") == 0
    await later(rig, 1.3)
    assert calls(rig, "chat.update") == 1
    assert shown(rig.slack.messages(rig.channel)[0]).startswith("SEV-1")


async def test_a_fact_that_changes_nothing_on_the_card_costs_no_edit(rig: Rig) -> None:
    await rig.open()
    await rig.cards.step()
    await rig.edge.incidents.note("default", "the vendor was called", actor="cli:a@b")
    await later(rig)
    assert calls(rig, "chat.update") == 0


async def test_a_restarted_bot_goes_on_with_the_same_card(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as first:
        await first.open()
        await first.cards.step()
        async with rigs.rig(tmp_path, slack=first.slack, channel=first.channel) as second:
            await second.cards.step()
            assert len(second.slack.messages(first.channel)) == 1
            assert calls(second, "chat.update") == 0


async def test_a_card_whose_fact_was_lost_is_found_by_its_metadata(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as first:
        incident = await first.open()
        first.slack.mischief.drop("chat.postMessage", processed=True)
        await first.cards.step()
        assert len(first.slack.messages(first.channel)) == 1
        assert (await first.incident(incident.id)).card is None
        async with rigs.rig(tmp_path, slack=first.slack, channel=first.channel) as second:
            await second.cards.step()
            (message,) = second.slack.messages(first.channel)
            assert (await second.incident(incident.id)).card == (first.channel, message.ts)


async def test_an_answer_that_got_lost_makes_no_second_card(rig: Rig) -> None:
    await rig.open()
    rig.slack.mischief.drop("chat.postMessage", processed=True)
    await rig.cards.step()
    await later(rig)
    assert len(rig.slack.messages(rig.channel)) == 1
    assert calls(rig, "chat.postMessage") == 1


async def test_a_post_that_slack_never_got_is_tried_again(rig: Rig) -> None:
    await rig.open()
    rig.slack.mischief.drop("chat.postMessage", processed=False)
    await rig.cards.step()
    await later(rig)
    assert len(rig.slack.messages(rig.channel)) == 1


async def test_while_slack_is_down_facts_are_kept_and_the_card_catches_up(rig: Rig) -> None:
    await rig.open()
    await rig.cards.step()
    rig.slack.mischief.down = True
    await rig.edge.incidents.acknowledge("default", actor=f"slack:{rig.ben}")
    await later(rig)
    assert "nobody yet" in shown(rig.slack.messages(rig.channel)[0])
    rig.slack.mischief.down = False
    await later(rig)
    assert f"Who has it: @{rig.ben}" in shown(rig.slack.messages(rig.channel)[0])


async def test_a_429_is_waited_for_as_slack_says(rig: Rig) -> None:
    await rig.open()
    rig.slack.mischief.limit("chat.postMessage", 1)
    before = rig.clock.monotonic()
    await rig.cards.step()
    assert rig.clock.monotonic() - before >= 1.0
    assert len(rig.slack.messages(rig.channel)) == 1


async def test_a_bot_that_is_not_in_the_channel_says_so_once_and_comes_when_invited(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, bot_member=False) as rig:
        incident = await rig.open()
        await rig.cards.step()
        await later(rig)
        failed = [
            event.fact
            for event in await rig.timeline.history(incident.id)
            if event.fact.kind == "delivery_failed"
        ]
        assert len(failed) == 1
        assert "/invite @mx" in str(failed[0])
        rig.slack.invite_bot(rig.channel)
        await later(rig)
        assert len(rig.slack.messages(rig.channel)) == 1
        assert (await rig.incident(incident.id)).delivery_failed is None


async def test_a_card_that_somebody_deleted_is_posted_anew(rig: Rig) -> None:
    incident = await rig.open()
    await rig.cards.step()
    rig.slack.messages(rig.channel)[0].deleted = True
    await rig.edge.incidents.acknowledge("default", actor="cli:a@b")
    await later(rig)
    await later(rig)
    (message,) = rig.slack.messages(rig.channel)
    assert (await rig.incident(incident.id)).card == (rig.channel, message.ts)
    await later(rig)
    assert len(rig.slack.messages(rig.channel)) == 1


async def test_without_an_own_channel_the_card_goes_where_it_was_asked_for(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, channel_known=False) as rig:
        await rig.open(asked_in=rig.channel)
        await rig.cards.step()
        assert len(rig.slack.messages(rig.channel)) == 1


async def test_a_terminals_incident_without_any_channel_is_not_posted(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, channel_known=False) as rig:
        await rig.open()
        await rig.cards.step()
        assert rig.slack.calls == []


async def test_a_gateway_that_is_away_is_said_in_the_plan(rig: Rig) -> None:
    rig.gateway.broken = 500
    await rig.open()
    await rig.cards.step()
    text = shown(rig.slack.messages(rig.channel)[0])
    assert "Enable emergency rate limit: " in text
    assert "the disk is full" in text


async def test_the_card_leads_to_the_page_and_is_not_edited_for_a_fresh_link(rig: Rig) -> None:
    incident = await rig.open()
    await rig.cards.step()
    (message,) = rig.slack.messages(rig.channel)
    link = rig.edge.pages.incident(incident.id)
    assert f"<{link}|Timeline page, live>" in str(message.blocks)
    await later(rig)
    edits = calls(rig, "chat.update")
    await later(rig, 8 * 86400)
    assert rig.edge.pages.incident(incident.id) != link
    assert calls(rig, "chat.update") == edits
