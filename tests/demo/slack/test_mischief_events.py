"""Misbehaviour reaches every way to the app while it runs: events, sockets, response_urls, uploads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import Json, answers


@pytest.fixture
def subscriptions() -> frozenset[str]:
    return frozenset({"message.channels", "reaction_added"})


@pytest.fixture
def limits() -> Limits:
    return Limits(ack_s=0.4, event_retries_s=(0.0, 0.05, 0.05))


@asynccontextmanager
async def socket(room: Room) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """An open socket of the app, its hello read."""
    opened = await room.api("apps.connections.open", token="app")
    async with room.api.session.ws_connect(opened["url"]) as connection:
        assert (await connection.receive_json())["type"] == "hello"
        yield connection


async def envelope(connection: aiohttp.ClientWebSocketResponse, *, ack: bool = True) -> Json:
    """The next envelope."""
    got = await connection.receive_json(timeout=2)
    if ack:
        await connection.send_json({"envelope_id": got["envelope_id"]})
    return got


async def test_events_come_over_the_socket_lost_repeated_and_late(room: Room) -> None:
    async with socket(room) as connection:
        room.slack.mischief.lose_events = 1
        room.slack.say(room.ana, room.channel, "lost at first")
        got = await envelope(connection)
        assert (got["type"], got["retry_attempt"], got["retry_reason"]) == ("events_api", 1, "http_timeout")
        assert got["payload"]["event"]["text"] == "lost at first"
        await room.slack.settled()
        room.slack.mischief.repeat = 1
        room.slack.say(room.ana, room.channel, "twice")
        one, two = await envelope(connection), await envelope(connection)
        assert one == two
        room.slack.mischief.repeat = 0
        room.slack.mischief.delay_s = 0.2
        began = asyncio.get_running_loop().time()
        room.slack.say(room.ana, room.channel, "late")
        assert (await envelope(connection))["payload"]["event"]["text"] == "late"
        assert asyncio.get_running_loop().time() - began >= 0.2
    assert room.app.seen == []


async def test_an_event_that_a_dropped_socket_took_comes_again_over_http(room: Room) -> None:
    async with socket(room) as connection:
        room.slack.say(room.ana, room.channel, "on its way")
        await envelope(connection, ack=False)
        room.slack.drop_sockets()
        await room.slack.until(lambda: room.app.seen, what="the second attempt")
    assert room.app.seen[0].payload["event"]["text"] == "on its way"
    assert room.app.seen[0].headers["X-Slack-Retry-Num"] == "1"


async def test_a_late_event_is_given_up_and_tried_again(room: Room) -> None:
    room.app.answer = answers(after_s=1.0)
    [ack] = await room.slack.react(
        room.ben, room.channel, room.slack.say(room.ana, room.channel, "x").ts, "eyes"
    )
    assert ack.error == "operation_timeout"
    room.app.answer = answers()
    await room.slack.until(lambda: len(room.app.seen) >= 4, what="second attempts")
    assert room.app.seen[-1].headers["X-Slack-Retry-Reason"] == "http_timeout"


async def test_sockets_can_neither_be_opened_nor_kept_while_all_is_down(room: Room) -> None:
    async with socket(room) as connection:
        room.slack.down = True
        assert (await connection.receive(timeout=2)).type in {
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.ERROR,
        }
        with pytest.raises(aiohttp.ClientError):
            await room.api("apps.connections.open", token="app")
        room.slack.down = False
    room.slack.mischief.answer("apps.connections.open", 503)
    async with room.api.session.post(room.slack.api_url + "apps.connections.open") as answer:
        assert answer.status == 503
    async with socket(room):
        assert room.slack.sockets == 1


async def test_response_urls_and_uploads_are_cut_off_too(room: Room) -> None:
    await room.slack.command(room.ana, room.channel, "/mx", "x")
    url = room.app.seen[0].fields["response_url"]
    file = await room.api("files.getUploadURLExternal", filename="x", length=1)
    room.slack.down = True
    for where in (url, file["upload_url"]):
        with pytest.raises(aiohttp.ClientError):
            await room.api.session.post(where, json={"text": "x"})
    room.slack.down = False
    async with room.api.session.post(url, json={"text": "x"}) as answer:
        assert answer.status == 200


async def test_an_app_that_is_gone_shows_to_the_person_and_hears_events_when_it_is_back(room: Room) -> None:
    alive, room.slack.request_url = room.slack.request_url, "http://127.0.0.1:9/slack/events"
    outcome = await room.slack.command(room.ana, room.channel, "/mx", "x")
    assert outcome.error == '/mx failed with the error "dispatch_failed"'
    room.slack.say(room.ana, room.channel, "while it was away")
    await room.slack.until(lambda: room.slack.deliveries[-1].parcel.kind == "event", what="the first attempt")
    room.slack.request_url = alive
    await room.slack.until(lambda: room.app.seen, what="the event, tried again")
    assert room.app.seen[0].payload["event"]["text"] == "while it was away"
