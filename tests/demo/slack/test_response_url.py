"""A response_url works five times in half an hour, for the person who acted, without membership."""

from typing import Any

import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import actions, button, section

Json = Any


@pytest.fixture
def limits() -> Limits:
    return Limits(rates=False)


async def send(room: Room, url: str, **message: Json) -> tuple[int, Json]:
    async with room.api.session.post(url, json=message) as response:
        return response.status, await response.json()


async def command_url(room: Room, channel: str | None = None) -> str:
    await room.slack.command(room.ana, channel or room.channel, "/mx", "triage")
    return room.app.seen[-1].fields["response_url"]


async def test_it_answers_privately_where_the_bot_is_not(room: Room) -> None:
    private = room.slack.create_channel("secret", [room.ana, room.ben], private=True, bot_member=False)
    url = await command_url(room, private)
    assert await send(room, url, text="/invite @mx") == (200, {"ok": True})
    assert [each.text for each in room.slack.ephemerals(room.ana, private)] == ["/invite @mx"]
    await send(room, url, text="for all", response_type="in_channel")
    assert [each.text for each in room.slack.messages(private)] == ["for all"]


async def test_the_sixth_use_is_refused(room: Room) -> None:
    url = await command_url(room)
    assert [(await send(room, url, text=str(n)))[0] for n in range(6)] == [200] * 5 + [404]
    assert (await send(room, url, text="x"))[1]["error"] == "used_url"
    assert len(room.slack.ephemerals(room.ana, room.channel)) == 5


async def test_an_unknown_url_is_expired(room: Room) -> None:
    url = await command_url(room)
    assert await send(room, url + "x", text="x") == (404, {"ok": False, "error": "expired_url"})


@pytest.mark.parametrize("limits", [Limits(response_url_s=0.0)])
async def test_an_old_url_is_expired(room: Room) -> None:
    url = await command_url(room)
    assert await send(room, url, text="x") == (404, {"ok": False, "error": "expired_url"})


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({}, "no_text"),
        ({"blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"blocks": {"type": "divider"}}, "invalid_blocks_format"),
        ({"text": "x", "attachments": "many"}, "invalid_attachments"),
        ({"payload": "["}, "invalid_payload"),
    ],
)
async def test_a_bad_message_is_refused(room: Room, message: Json, code: str) -> None:
    status, body = await send(room, await command_url(room), **message)
    assert (status, body["error"]) == (400, code)
    assert room.slack.ephemerals(room.ana, room.channel) == ()


async def test_it_replaces_and_deletes_the_message_of_its_button(room: Room) -> None:
    await room.api("chat.postMessage", channel=room.channel, text="card", blocks=[actions(button())])
    [card] = room.slack.messages(room.channel)
    await room.slack.click(room.ana, room.channel, card.ts, "go")
    url = room.app.seen[-1].payload["response_url"]
    await send(room, url, text="done", replace_original=True)
    assert (card.text, card.blocks, card.edited) == ("done", (), True)
    await send(room, url, delete_original=True)
    assert room.slack.messages(room.channel) == ()
