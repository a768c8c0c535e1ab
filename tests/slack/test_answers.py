"""What came of a triage is told to who asked, once, where the card is not before their eyes."""

from pathlib import Path

from tests.slack import rig as rigs
from tests.slack.rig import Rig


async def asked(rig: Rig, channel: str | None = None) -> None:
    outcome = await rig.slack.command(rig.ann, channel or rig.channel, "/mx", "triage")
    assert outcome.status == 200


def heard(rig: Rig, channel: str | None = None) -> list[str]:
    """Private messages after the acknowledgement."""
    return [message.text for message in rig.slack.ephemerals(rig.ann, channel or rig.channel)[1:]]


async def test_a_healthy_triage_is_said_privately_and_only_once(rig: Rig) -> None:
    await asked(rig)
    await rig.finish_triages(incident=None, says="All 9 probes answered well; nothing to open.")
    await rig.answers.step()
    await rig.answers.step()
    assert heard(rig) == ["All 9 probes answered well; nothing to open."]


async def test_a_new_card_in_the_askers_channel_is_answer_enough(rig: Rig) -> None:
    await asked(rig)
    incident = await rig.open()
    await rig.finish_triages(incident=incident.id, says="SEV-2")
    await rig.cards.step()
    await rig.answers.step()
    assert heard(rig) == []


async def test_elsewhere_one_gets_a_private_link_to_the_card(rig: Rig) -> None:
    elsewhere = rig.slack.create_channel("random", [rig.ann, rig.ben])
    await asked(rig, elsewhere)
    incident = await rig.open()
    await rig.finish_triages(incident=incident.id, says="SEV-2: rate limited.")
    await rig.answers.step()
    assert heard(rig, elsewhere) == []  # it waits for its card
    await rig.cards.step()
    await rig.answers.step()
    (card,) = rig.slack.messages(rig.channel)
    (text,) = heard(rig, elsewhere)
    assert f"<#{rig.channel}>" in text
    assert card.ts.replace(".", "") in text


async def test_a_bot_that_is_not_in_the_channel_tells_the_asker_what_to_type(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, bot_member=False) as rig:
        await asked(rig)
        incident = await rig.open()
        await rig.finish_triages(incident=incident.id, says="SEV-2.")
        await rig.cards.step()
        await rig.answers.step()
        (text,) = heard(rig)
        assert "/invite @mx" in text


async def test_with_slack_down_the_answer_says_after_a_while_that_the_card_follows(rig: Rig) -> None:
    await asked(rig)
    incident = await rig.open()
    await rig.finish_triages(incident=incident.id, says="SEV-2.")
    await rig.answers.step()
    assert heard(rig) == []
    rig.clock.wind(21)
    await rig.answers.step()
    assert "The card follows" in heard(rig)[0]


async def test_a_restarted_bot_answers_what_was_left_and_nothing_twice(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path) as first:
        await asked(first)
        await first.finish_triages(incident=None, says="All well.")
        await first.answers.step()
        await asked(first)
        await first.finish_triages(incident=None, says="Still well.")
        async with rigs.rig(tmp_path, slack=first.slack, channel=first.channel) as second:
            await second.answers.step()
        texts = [message.text for message in first.slack.ephemerals(first.ann, first.channel)]
        assert texts.count("All well.") == 1
        assert texts.count("Still well.") == 1


async def test_a_reply_address_ends_after_half_an_hour_and_five_uses(rig: Rig) -> None:
    key = rig.replies.remember("https://hooks.example.test/once")
    assert [await rig.replies.take(key) for _ in range(6)] == ["https://hooks.example.test/once"] * 5 + [None]
    old = rig.replies.remember("https://hooks.example.test/old")
    await rig.replies.keep(old)
    rig.clock.wind(31 * 60)
    assert await rig.replies.take(old) is None
    assert await rig.replies.take("reply-unknown") is None
