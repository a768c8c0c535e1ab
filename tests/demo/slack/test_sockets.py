"""Socket Mode: a ticket, hello, envelopes, acks by id, and all the ways a socket goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room
from tests.demo.slack.raw import actions, button

Json = Any


@pytest.fixture
def limits() -> Limits:
    return Limits(ack_s=1.0, event_retries_s=(0.0,))


@asynccontextmanager
async def connected(room: Room) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """One socket, after its hello."""
    room.slack.request_url = None
    opened = await room.api("apps.connections.open", token="app")
    async with room.api.session.ws_connect(opened["url"]) as socket:
        hello = await socket.receive_json(timeout=5)
        assert hello["type"] == "hello"
        yield socket


async def command(room: Room, text: str) -> Any:
    return await room.slack.command(room.ana, room.channel, "/mx", text)


async def test_an_envelope_is_acknowledged_by_its_id_with_a_message(room: Room) -> None:
    async with connected(room) as socket, asyncio.TaskGroup() as group:
        outcome = group.create_task(command(room, "triage"))
        envelope = await socket.receive_json(timeout=5)
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("slash_commands", True)
        assert envelope["payload"]["text"] == "triage"
        await socket.send_json({"envelope_id": "another", "payload": {"text": "not this"}})
        await socket.send_str("no json")
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "on its way"}})
        assert (await outcome).text == "on its way"
        assert [each.text for each in room.slack.ephemerals(room.ana, room.channel)] == ["on its way"]


async def test_a_click_takes_no_message_in_its_ack(room: Room) -> None:
    posted = await room.api("chat.postMessage", channel=room.channel, text="x", blocks=[actions(button())])
    async with connected(room) as socket, asyncio.TaskGroup() as group:
        outcome = group.create_task(room.slack.click(room.ana, room.channel, posted["ts"], "go"))
        envelope = await socket.receive_json(timeout=5)
        assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", False)
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await outcome).error is None


async def test_no_ack_is_a_timeout_and_no_socket_a_failed_dispatch(room: Room) -> None:
    async with connected(room):
        assert (await command(room, "triage")).error == '/mx failed with the error "operation_timeout"'
    await room.slack.until(lambda: not room.slack.sockets, what="the socket to be gone", timeout_s=5)
    assert (await command(room, "triage")).error == '/mx failed with the error "dispatch_failed"'


async def test_a_copy_has_the_same_envelope_id(room: Room) -> None:
    room.slack.mischief.repeat = 1
    async with connected(room) as socket, asyncio.TaskGroup() as group:
        outcome = group.create_task(command(room, "triage"))
        first, second = [await socket.receive_json(timeout=5) for _ in range(2)]
        assert first == second
        for envelope in (first, second):
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await outcome).error is None


async def test_an_event_that_is_not_acknowledged_comes_again(room: Room) -> None:
    async with connected(room) as socket, asyncio.TaskGroup() as group:
        group.create_task(room.slack.event({"type": "app_mention", "user": room.ana, "text": "hi"}))
        first = await socket.receive_json(timeout=5)
        assert (first["type"], "retry_attempt" in first) == ("events_api", False)
        again = await socket.receive_json(timeout=5)
        assert (again["retry_attempt"], again["retry_reason"]) == (1, "http_timeout")
        await socket.send_json({"envelope_id": again["envelope_id"]})
        await room.slack.settled()


async def test_a_ticket_lets_one_socket_in(room: Room) -> None:
    opened = await room.api("apps.connections.open", token="app")
    async with room.api.session.ws_connect(opened["url"]):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await room.api.session.ws_connect(opened["url"])


async def test_only_the_app_token_opens_sockets(room: Room) -> None:
    assert (await room.api("apps.connections.open"))["error"] == "not_allowed_token_type"


async def test_sockets_are_asked_to_reconnect_or_cut(room: Room) -> None:
    async with connected(room) as socket:
        await room.slack.disconnect_sockets()
        goodbye = await socket.receive_json(timeout=5)
        assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "refresh_requested")
        assert (await command(room, "x")).error == '/mx failed with the error "dispatch_failed"'
    async with connected(room) as socket:
        room.slack.down = True
        message = await socket.receive(timeout=5)
        assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
        assert room.slack.sockets == 0


async def test_an_ack_that_the_socket_took_with_it_is_a_timeout(room: Room) -> None:
    async with connected(room) as socket, asyncio.TaskGroup() as group:
        outcome = group.create_task(command(room, "triage"))
        await socket.receive_json(timeout=5)
        room.slack.drop_sockets()
        assert (await outcome).error == '/mx failed with the error "operation_timeout"'
