"""Calls to Slack: what may be repeated is, what would post twice is not, and errors say what to do."""

import pytest

from bot.slack.api import SlackError
from bot.slack.blocks import message
from bot.slack.chat import SlackChat, Upload
from bot.slack.limits import escape
from tests.slack.rig import Rig

HELLO = message(escape("hello"))


@pytest.fixture
def chat(rig: Rig) -> SlackChat:
    return SlackChat(rig.edge.api)


def posted(rig: Rig) -> int:
    return len(rig.slack.messages(rig.channel))


async def test_it_knows_who_it_is(rig: Rig, chat: SlackChat) -> None:
    me = await chat.who_am_i()
    assert me.user == rig.slack.bot_user


async def test_a_post_whose_answer_was_lost_is_not_repeated(rig: Rig, chat: SlackChat) -> None:
    rig.slack.mischief.drop("chat.postMessage", processed=True)
    with pytest.raises(SlackError) as caught:
        await chat.post(rig.channel, HELLO)
    assert caught.value.maybe_done
    assert not caught.value.permanent
    assert posted(rig) == 1


async def test_a_post_that_met_a_500_is_not_repeated_either(rig: Rig, chat: SlackChat) -> None:
    rig.slack.mischief.answer("chat.postMessage", 500)
    with pytest.raises(SlackError, match="HTTP 500") as caught:
        await chat.post(rig.channel, HELLO)
    assert caught.value.maybe_done
    assert rig.edge.api.calls.value("chat.postMessage", "internal_error") == 1


async def test_an_edit_is_repeated_until_it_is_through(rig: Rig, chat: SlackChat) -> None:
    ts = await chat.post(rig.channel, HELLO)
    rig.slack.mischief.drop("chat.update", processed=True)
    rig.slack.mischief.answer("chat.update", 503)
    await chat.update(rig.channel, ts, message(escape("better")))
    assert rig.slack.messages(rig.channel)[0].text == "better"
    assert rig.edge.api.calls.value("chat.update", "ok") == 1


async def test_a_long_wait_that_slack_asks_for_is_left_to_the_caller(rig: Rig, chat: SlackChat) -> None:
    rig.slack.mischief.limit("chat.postMessage", 120)
    with pytest.raises(SlackError) as caught:
        await chat.post(rig.channel, HELLO)
    assert caught.value.wait_s == 120
    assert not caught.value.maybe_done


async def test_errors_say_what_was_done_what_was_found_and_what_to_do(rig: Rig, chat: SlackChat) -> None:
    rig.slack.remove_bot(rig.channel)
    with pytest.raises(SlackError, match=r"posting to C\w+: Slack answered not_in_channel; type /invite @mx"):
        await chat.post(rig.channel, HELLO)
    with pytest.raises(SlackError, match="channel_not_found"):
        await chat.post("C0NOBODY", HELLO)


async def test_a_missing_scope_is_named(rig: Rig, chat: SlackChat) -> None:
    rig.slack.state.scopes.discard("users:read")
    with pytest.raises(SlackError, match=r"missing_scope.*users:read.*manifest"):
        await chat.name_of(rig.ann)


async def test_blocks_that_slack_refuses_are_told_with_slacks_reason(rig: Rig, chat: SlackChat) -> None:
    with pytest.raises(SlackError, match="invalid_blocks") as caught:
        await chat.post(rig.channel, {"text": "x", "blocks": [{"type": "header"}]})
    assert caught.value.permanent


async def test_a_file_goes_into_the_thread(rig: Rig, chat: SlackChat) -> None:
    ts = await chat.post(rig.channel, HELLO)
    text = "# Incident\n" + "é" * 1000
    await chat.share(rig.channel, thread=ts, files=[Upload("report.md", "Report", text.encode())])
    (answer,) = rig.slack.messages(rig.channel, thread_ts=ts)
    (file,) = [rig.slack.state.files[file] for file in answer.files]
    assert (file.name, file.title, file.content) == ("report.md", "Report", text.encode())


async def test_nothing_listens_there(rig: Rig, chat: SlackChat) -> None:
    rig.slack.mischief.down = True
    with pytest.raises(SlackError) as caught:
        await chat.permalink(rig.channel, "1.0")
    assert not caught.value.permanent


async def test_a_response_url_never_shows_in_an_error(rig: Rig) -> None:
    url = f"{rig.slack.api_url.removesuffix('api/')}response/nobody-knows-this-one"
    with pytest.raises(SlackError) as caught:
        await rig.edge.api.respond(url, {"text": "x"})
    assert "nobody-knows" not in str(caught.value)
    with pytest.raises(SlackError) as refused:
        await rig.edge.api.respond("http://127.0.0.1:1/nobody-knows-this-one", {"text": "x"})
    assert "nobody-knows" not in str(refused.value)


async def test_the_token_is_in_no_error_and_no_repr(rig: Rig, chat: SlackChat) -> None:
    assert rig.settings.bot_token not in repr(rig.settings)
    rig.slack.mischief.answer("chat.postMessage", 502)
    with pytest.raises(SlackError) as caught:
        await chat.post(rig.channel, HELLO)
    assert rig.settings.bot_token not in repr(caught.value)
