"""The report is posted once, as a summary in the channel and a file in the card's thread, whatever Slack does."""

from pathlib import Path

import pytest

from bot.demo.slack.pings import notifications
from bot.slack.chat import SlackChat
from bot.slack.reporting import Reports
from tests.slack import rig as rigs
from tests.slack.rig import UTC_ZONE, Rig


def reports_of(rig: Rig) -> Reports:
    return Reports(
        rig.timeline,
        rig.edge.api,
        SlackChat(rig.edge.api),
        rig.replies,
        integrations=rig.edge.integrations,
        clock=rig.clock,
        zone=UTC_ZONE,
    )


@pytest.fixture
async def asked(rig: Rig) -> Rig:
    """An incident with a card, whose report is asked for."""
    await rig.open()
    await rig.cards.step()
    await ask(rig)
    return rig


async def ask(rig: Rig, channel: str | None = None) -> None:
    outcome = await rig.slack.command(rig.ann, channel or rig.channel, "/mx", "report")
    assert outcome.status == 200


def files(rig: Rig) -> list[tuple[str, str, str | None]]:
    """Name, content and thread of every file that was shared."""
    return [
        (file.name, (file.content or b"").decode(), thread)
        for file in rig.slack.state.files.values()
        for _, _, thread in file.shares
    ]


async def later(rig: Rig, reports: Reports) -> int:
    rig.clock.wind(61)
    return await reports.step()


async def test_a_summary_in_the_channel_and_the_whole_in_the_cards_thread(asked: Rig) -> None:
    await asked.edge.incidents.note("default", "the plant <!channel> stood still", actor=f"slack:{asked.ben}")
    reports = reports_of(asked)
    assert await reports.step() == 0
    card, summary = asked.slack.messages(asked.channel)
    ((name, content, thread),) = files(asked)
    assert (name, thread) == ((await asked.timeline.book()).incidents()[0].id + ".md", card.ts)
    assert "Ben" in content
    assert "SEV-2" in str(summary.blocks)
    assert notifications(summary) == ()
    assert await reports.step() == 0
    assert len(files(asked)) == 1


async def test_while_slack_is_down_it_is_owed_and_comes_once(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.down = True
    assert await reports.step() == 1
    asked.slack.mischief.down = False
    assert await reports.step() == 1  # not before its wait is over
    assert await later(asked, reports) == 0
    assert len(files(asked)) == 1
    assert len(asked.slack.messages(asked.channel)) == 2


async def test_a_summary_whose_answer_was_lost_is_not_posted_twice(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.drop("chat.postMessage", processed=True)
    assert await reports.step() == 1
    assert await later(asked, reports) == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 1


async def test_an_upload_that_failed_is_tried_again_under_the_same_summary(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.drop("files.completeUploadExternal", processed=False)
    assert await reports.step() == 1
    assert await later(asked, reports) == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 1


async def test_a_restart_between_summary_and_file_posts_no_second_summary(asked: Rig) -> None:
    asked.slack.mischief.drop("files.completeUploadExternal", processed=False)
    assert await reports_of(asked).step() == 1
    assert await reports_of(asked).step() == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 1


async def test_asked_elsewhere_one_gets_a_private_link(asked: Rig) -> None:
    reports = reports_of(asked)
    await reports.step()
    elsewhere = asked.slack.create_channel("random", [asked.ann])
    await ask(asked, elsewhere)
    await reports.step()
    assert "The report" in asked.slack.ephemerals(asked.ann, elsewhere)[-1].text


async def test_a_bot_that_is_not_in_the_channel_says_what_to_type_and_the_report_follows(
    tmp_path: Path,
) -> None:
    async with rigs.rig(tmp_path, bot_member=False) as rig:
        incident = await rig.open()
        await ask(rig)
        reports = reports_of(rig)
        assert await reports.step() == 1
        assert await later(rig, reports) == 1
        heard = [message.text for message in rig.slack.ephemerals(rig.ann, rig.channel)]
        assert sum("/invite @mx" in text for text in heard) == 1
        rig.slack.invite_bot(rig.channel)
        assert await later(rig, reports) == 0
        assert (await rig.incident(incident.id)).reports_pending == ()


async def test_without_any_channel_it_says_that_the_terminal_has_it(tmp_path: Path) -> None:
    async with rigs.rig(tmp_path, channel_known=False) as rig:
        incident = await rig.open()
        await rig.edge.incidents.request_report("default", actor="cli:a@b")
        assert await reports_of(rig).step() == 0
        assert (await rig.incident(incident.id)).reports_pending == ()
        assert rig.slack.messages(rig.channel) == ()
