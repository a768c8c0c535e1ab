"""The Web API breaks when told to, and only then."""

import aiohttp
import pytest

from tests.demo.slack.conftest import Room


async def test_an_error_status_for_the_next_calls_of_a_method(room: Room) -> None:
    room.slack.mischief.answer("chat.postMessage", 503, times=2)
    for _ in range(2):
        async with room.api.session.post(room.slack.api_url + "chat.postMessage") as response:
            assert response.status == 503
    assert (await room.api("chat.postMessage", channel=room.channel, text="x"))["ok"]
    assert [call.error for call in room.slack.calls] == ["http_503", "http_503", None]


async def test_a_connection_dropped_after_processing_has_posted(room: Room) -> None:
    room.slack.mischief.drop("chat.postMessage", processed=True)
    with pytest.raises(aiohttp.ClientError):
        await room.api("chat.postMessage", channel=room.channel, text="ghost")
    assert [each.text for each in room.slack.messages(room.channel)] == ["ghost"]


async def test_a_connection_dropped_before_processing_has_not(room: Room) -> None:
    room.slack.mischief.drop("*", processed=False)
    with pytest.raises(aiohttp.ClientError):
        await room.api("chat.postMessage", channel=room.channel, text="ghost")
    assert room.slack.messages(room.channel) == ()


async def test_a_late_answer_comes(room: Room) -> None:
    room.slack.mischief.late("auth.test", 0.05)
    assert (await room.api("auth.test"))["ok"]


async def test_a_rate_limit_on_demand(room: Room) -> None:
    room.slack.mischief.limit("auth.test", 7)
    assert (await room.api("auth.test"))["error"] == "ratelimited"
    assert (room.api.status, room.api.retry_after) == (429, "7")


async def test_a_workspace_that_is_down_refuses_everything(room: Room) -> None:
    await room.slack.command(room.ana, room.channel, "/mx", "triage")
    room.slack.mischief.down = True
    with pytest.raises(aiohttp.ClientError):
        await room.api("auth.test")
    with pytest.raises(aiohttp.ClientError):
        await room.api.session.post(room.app.seen[0].fields["response_url"], json={"text": "x"})
    room.slack.mischief.down = False
    assert (await room.api("auth.test"))["ok"]
