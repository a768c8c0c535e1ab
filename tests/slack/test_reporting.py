"""The report is posted once, as a summary in the channel and a file in the card's thread, whatever Slack does."""

from datetime import date
from pathlib import Path

import pytest

from bot.action_items import Wanted
from bot.demo.slack.pings import notifications
from bot.demo.slack.records import Message
from bot.domain.calendar import Calendar
from bot.domain.events import Draft, Resolved
from bot.domain.incident import Incident
from bot.domain.notebook import ActionAdded
from bot.domain.showing import ReportPosted
from bot.domain.swimlane import Swimlane
from bot.slack.chat import SlackChat
from bot.slack.reporting import Reports
from bot.slack.reportmaking import Maker
from bot.templating import Templates
from tests.slack import rig as rigs
from tests.slack.rig import UTC_ZONE, Rig


def reports_of(rig: Rig, own: Path | None = None) -> Reports:
    """The follower as a started leader has it."""
    chat = SlackChat(rig.edge.api)

    async def lane(_: Incident) -> Swimlane:
        return Swimlane()

    maker = Maker(
        rig.timeline,
        chat,
        clock=rig.clock,
        calendar=Calendar(UTC_ZONE),
        templates=Templates(own),
        lane=lane,
    )
    return Reports(
        rig.timeline,
        rig.edge.api,
        chat,
        rig.replies,
        integrations=rig.edge.integrations,
        clock=rig.clock,
        maker=maker,
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


def files(rig: Rig) -> list[tuple[str, bytes, str | None]]:
    """Name, content and thread of every file that was shared."""
    return [
        (file.name, file.content or b"", thread)
        for file in rig.slack.state.files.values()
        for _, _, thread in file.shares
    ]


def summary_of(rig: Rig) -> Message:
    """The latest report in the channel."""
    return rig.slack.messages(rig.channel)[-1]


async def later(rig: Rig, reports: Reports) -> int:
    rig.clock.wind(61)
    return await reports.step()


async def test_a_summary_in_the_channel_and_the_whole_in_the_cards_thread(asked: Rig) -> None:
    await asked.edge.incidents.note("default", "the plant <!channel> stood still", actor=f"slack:{asked.ben}")
    reports = reports_of(asked)
    assert await reports.step() == 0
    card, summary = asked.slack.messages(asked.channel)
    incident = (await asked.timeline.book()).incidents()[0].id
    shared = {name: content for name, content, thread in files(asked) if thread == card.ts}
    assert set(shared) == {f"{incident}.png", f"{incident}.html", f"{incident}.md"}
    assert b"(Ben)" in shared[f"{incident}.md"]
    assert b"Note: the plant &lt;!channel&gt; stood still" in shared[f"{incident}.html"]
    assert shared[f"{incident}.png"].startswith(b"\x89PNG")
    assert (summary.thread_ts, summary.broadcast) == (card.ts, True)
    assert "SEV-2" in str(summary.blocks)
    assert notifications(summary) == ()
    assert await reports.step() == 0
    assert len(files(asked)) == 3


async def test_while_slack_is_down_it_is_owed_and_comes_once(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.down = True
    assert await reports.step() == 1
    asked.slack.mischief.down = False
    assert await reports.step() == 1  # not before its wait is over
    assert await later(asked, reports) == 0
    assert len(files(asked)) == 3
    assert len(asked.slack.messages(asked.channel)) == 2


async def test_a_summary_whose_answer_was_lost_is_not_posted_twice(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.drop("chat.postMessage", processed=True)
    assert await reports.step() == 1
    assert await later(asked, reports) == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 3


async def test_an_upload_that_failed_is_tried_again_under_the_same_summary(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.drop("files.completeUploadExternal", processed=False)
    assert await reports.step() == 1
    assert await later(asked, reports) == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 3


async def test_a_restart_between_summary_and_file_posts_no_second_summary(asked: Rig) -> None:
    asked.slack.mischief.drop("files.completeUploadExternal", processed=False)
    assert await reports_of(asked).step() == 1
    assert await reports_of(asked).step() == 0
    assert len(asked.slack.messages(asked.channel)) == 2
    assert len(files(asked)) == 3


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


# -- again, and what changed ---------------------------------------------------------------------------------------


async def posted(rig: Rig) -> ReportPosted:
    report = (await rig.timeline.book()).incidents()[0].report
    assert report is not None
    return report


async def test_asked_again_it_says_that_nothing_changed_and_then_what_did(asked: Rig) -> None:
    reports = reports_of(asked)
    await reports.step()
    first = await posted(asked)
    await ask(asked)
    assert await reports.step() == 0
    assert "Nothing has changed since the report of" in summary_of(asked).text
    assert (len(files(asked)), await posted(asked)) == (3, first)
    await asked.edge.incidents.note("default", "the vendor called", actor=f"slack:{asked.ben}")
    await ask(asked)
    assert await reports.step() == 0
    said = str(summary_of(asked).blocks)
    assert "Changed since the report of" in said
    assert "Note: the vendor called (Ben)" in said
    assert len(files(asked)) == 6
    assert (await posted(asked)).version != first.version


async def test_files_whose_answer_was_lost_are_not_shared_twice(asked: Rig) -> None:
    reports = reports_of(asked)
    asked.slack.mischief.drop("files.completeUploadExternal", processed=True)
    assert await reports.step() == 1
    assert len(files(asked)) == 3
    assert await reports_of(asked).step() == 0
    assert len(files(asked)) == 3
    assert len(asked.slack.messages(asked.channel)) == 2


# -- action items --------------------------------------------------------------------------------------------------


async def test_items_are_ticked_assigned_and_added_in_a_dialog_and_the_report_follows(asked: Rig) -> None:
    reports = reports_of(asked)
    await reports.step()
    message = summary_of(asked)
    assert ":white_large_square: Add an alert for this failure" in str(message.blocks)
    view = await asked.press(asked.ben, message.ts, "Action items", send=False)
    assert "1. :white_large_square: Add an alert for this failure" in asked.shown(asked.ben)
    sent = await asked.slack.submit_view(
        asked.ben,
        view.id,
        {
            "Done": ["auto:no-alert"],
            "A new one": "Talk to <!channel> the vendor",
            "Who does it: the one chosen above, or the new one": asked.ann,
            "By when": "2026-12-01",
        },
    )
    assert (sent.error, sent.errors) == (None, {})
    added = (await asked.timeline.book()).incidents()[0].notebook.items[-1]
    assert (added.assignee, added.due, added.added_by) == (
        f"slack:{asked.ann}",
        date(2026, 12, 1),
        f"slack:{asked.ben}",
    )
    assert await reports.step() == 0
    said = str(summary_of(asked).blocks)
    assert summary_of(asked).ts == message.ts
    assert ":white_check_mark: Add an alert for this failure" in said
    assert f"Talk to &lt;!channel&gt; the vendor, <@{asked.ann}>, by 2026-12-01" in said
    assert len(files(asked)) == 3


async def test_two_people_who_tick_at_once_do_not_untick_each_other(asked: Rig) -> None:
    incident = (await asked.timeline.book()).incidents()[0].id
    await asked.edge.items.change(incident, Wanted(add="first"), actor="slack:U1")
    await asked.edge.items.change(incident, Wanted(add="second"), actor="slack:U1")
    await reports_of(asked).step()
    message = summary_of(asked)
    anns = await asked.press(asked.ann, message.ts, "Action items", send=False)
    bens = await asked.press(asked.ben, message.ts, "Action items", send=False)
    first, second = [one.id for one in (await asked.timeline.book()).incidents()[0].notebook.items]
    await asked.slack.submit_view(asked.ann, anns.id, {"Done": [first]})
    await asked.slack.submit_view(asked.ben, bens.id, {"Done": [second]})
    items = (await asked.timeline.book()).incidents()[0].notebook.items
    assert [one.done for one in items] == [True, True]


async def test_what_is_filled_in_by_half_is_told_beside_its_input(asked: Rig) -> None:
    await reports_of(asked).step()
    view = await asked.press(asked.ben, summary_of(asked).ts, "Action items", send=False)
    sent = await asked.slack.submit_view(asked.ben, view.id, {"By when": "2026-12-01"})
    assert list(sent.errors.values()) == ["Choose which one this is about, or write a new one."]
    assert (await asked.timeline.book()).incidents()[0].notebook.items == ()


async def test_an_item_that_changed_while_the_bot_was_down_is_edited_in_after_its_start(asked: Rig) -> None:
    await reports_of(asked).step()
    incident = (await asked.timeline.book()).incidents()[0].id
    await asked.edge.items.change(incident, Wanted(ticks={"auto:no-alert": True}), actor="slack:U1")
    assert await reports_of(asked).step() == 0
    assert ":white_check_mark: Add an alert" in str(summary_of(asked).blocks)
    versions = len(summary_of(asked).versions)
    assert await reports_of(asked).step() == 0
    assert len(summary_of(asked).versions) == versions


async def test_a_repeat_of_one_delivery_adds_once(asked: Rig) -> None:
    incident = (await asked.timeline.book()).incidents()[0].id
    for _ in range(2):
        await asked.edge.items.change(incident, Wanted(add="once"), actor="slack:U1", key="slack:V1:h")
    history = await asked.timeline.history(incident)
    assert sum(isinstance(event.fact, ActionAdded) for event in history) == 1


async def test_what_is_redacted_after_the_report_is_hidden_in_its_message_and_canvas(asked: Rig) -> None:
    await asked.edge.incidents.note("default", "the key is hunter2", actor=f"slack:{asked.ben}")
    reports = reports_of(asked)
    await reports.step()
    (canvas,) = asked.slack.state.canvases.values()
    assert "hunter2" in canvas.markdown
    incident = (await asked.timeline.book()).incidents()[0]
    await asked.edge.incidents.redact(
        "default", incident.notes[0].version, reason="a secret", actor=f"slack:{asked.ann}"
    )
    assert await reports.step() == 0
    assert "hunter2" not in canvas.markdown
    assert len(summary_of(asked).versions) == 2


# -- canvas and templates ------------------------------------------------------------------------------------------


async def test_a_canvas_holds_it_and_is_written_anew(asked: Rig) -> None:
    reports = reports_of(asked)
    await reports.step()
    (canvas,) = asked.slack.state.canvases.values()
    assert canvas.markdown.startswith("# Incident report")
    assert (await posted(asked)).canvas == canvas.id
    assert f"/{canvas.id}|open it>" in str(summary_of(asked).blocks)
    await asked.edge.incidents.note("default", "again", actor=f"slack:{asked.ben}")
    await ask(asked)
    await reports.step()
    assert len(asked.slack.state.canvases) == 1
    assert "Note: again" in canvas.markdown


async def test_where_the_channel_has_a_canvas_it_gets_one_of_its_own_that_the_channel_may_read(
    asked: Rig,
) -> None:
    await reports_of(asked).step()
    first = (await asked.timeline.book()).incidents()[0].id
    await asked.timeline.append(Draft(stream=first, actor="slack:U1", at=asked.clock.now(), fact=Resolved()))
    await asked.open()
    await ask(asked)
    assert await reports_of(asked).step() == 0
    ours, second = asked.slack.state.canvases.values()
    assert (ours.channel, second.channel, second.readers) == (asked.channel, None, {asked.channel})


async def test_a_workspace_that_allows_no_canvas_is_told_once_and_the_files_are_there(asked: Rig) -> None:
    asked.slack.state.scopes.discard("canvases:write")
    reports = reports_of(asked)
    assert await reports.step() == 0
    assert "No canvas: the app has no scope canvases:write" in str(summary_of(asked).blocks)
    assert len(files(asked)) == 3
    await asked.edge.incidents.note("default", "again", actor=f"slack:{asked.ben}")
    await ask(asked)
    assert await reports.step() == 0
    assert "No canvas" not in str(summary_of(asked).blocks)


async def test_a_broken_template_of_the_teams_own_is_told_under_the_report_until_it_is_mended(
    asked: Rig, tmp_path: Path
) -> None:
    own = tmp_path / "ours"
    own.mkdir()
    (own / "incident_report.md.j2").write_text("\n{{ oh }}", "utf-8")
    await reports_of(asked, own).step()
    assert "ours/incident_report.md.j2, line 2: 'oh' is undefined" in str(summary_of(asked).blocks)
    assert files(asked)[-1][1].startswith(b"# Incident report")
    (own / "incident_report.md.j2").write_text("mended", "utf-8")
    await ask(asked)
    await reports_of(asked, own).step()
    assert "line 2" not in str(summary_of(asked).blocks)
    assert files(asked)[-1][1] == b"mended"
