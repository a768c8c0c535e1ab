"""Socket Mode: the app connects to us, gets envelopes and acknowledges each by its id."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.demo.slack.deliver import Ack, Parcel
from bot.demo.slack.state import APP
from bot.demo.slack.tickets import Tickets

Json = Any
"""JSON as it came over the wire or goes out on it."""

_TYPES = {"command": "slash_commands", "interaction": "interactive", "event": "events_api"}


@dataclass(slots=True, eq=False)
class Connection:
    """One open socket and the envelopes on it that wait for their ack."""

    socket: web.WebSocketResponse
    request: web.Request
    waiting: defaultdict[str, deque[asyncio.Future[Json]]] = field(default_factory=lambda: defaultdict(deque))

    def settle(self, envelope: str, payload: Json) -> None:
        """An ack came; copies of one envelope are settled in their order."""
        queue = self.waiting.get(envelope)
        while queue:
            future = queue.popleft()
            if not future.done():
                future.set_result(payload)
                return

    def lost(self) -> None:
        """The socket is gone, and the acks with it."""
        for queue in self.waiting.values():
            for future in queue:
                if not future.done():
                    future.set_exception(ConnectionResetError("the socket is gone"))


class Sockets:
    """All sockets of the app. Envelopes take turns over them."""

    def __init__(self, tickets: Tickets, touch: Callable[[], None]) -> None:
        self._tickets = tickets
        self._touch = touch
        self._open: list[Connection] = []
        self._leaving: list[Connection] = []
        self._turn = 0

    @property
    def count(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The door: a ticket from apps.connections.open lets one socket in."""
        if not self._tickets.take_socket(request.query.get("ticket", "")):
            return web.json_response({"ok": False, "error": "invalid_ticket"}, status=403)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        connection = Connection(socket, request)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._open) + 1,
                "connection_info": {"app_id": APP},
                "debug_info": {"host": "stand-in", "approximate_connection_time": 18060},
            }
        )
        self._open.append(connection)
        self._touch()
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._read(connection, message.data)
        finally:
            self._forget(connection)
        return socket

    async def send(self, parcel: Parcel, *, timeout_s: float) -> Ack:
        """Send one envelope and wait for its ack."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        if not self._open:
            return Ack(0.0, error="dispatch_failed")
        self._turn += 1
        connection = self._open[self._turn % len(self._open)]
        acked: asyncio.Future[Json] = loop.create_future()
        connection.waiting[parcel.id].append(acked)
        try:
            async with asyncio.timeout(timeout_s):
                await connection.socket.send_json(envelope(parcel))
                payload = await acked
        except (TimeoutError, ConnectionError):
            return Ack(loop.time() - began, error="operation_timeout")
        body = "" if payload is None or not _takes_answer(parcel) else json.dumps(payload)
        return Ack(loop.time() - began, body=body)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask every socket to connect again, as Slack does every few hours.

        Nothing new goes over the old sockets, acks on their way still count, and the app closes them.
        """
        leaving, self._open = self._open, []
        self._leaving += leaving
        for connection in leaving:
            await connection.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}}
            )

    def drop(self) -> None:
        """Cut every socket without a word."""
        for connection in (*self._open, *self._leaving):
            self._forget(connection)
            if connection.request.transport is not None:
                connection.request.transport.abort()

    def _forget(self, connection: Connection) -> None:
        for where in (self._open, self._leaving):
            if connection in where:
                where.remove(connection)
        connection.lost()
        self._touch()

    def _read(self, connection: Connection, data: str) -> None:
        try:
            message = json.loads(data)
        except ValueError:
            return
        if isinstance(message, dict) and isinstance(message.get("envelope_id"), str):
            connection.settle(message["envelope_id"], message.get("payload"))


def _takes_answer(parcel: Parcel) -> bool:
    return parcel.kind == "command" or parcel.payload.get("type") in {
        "view_submission",
        "block_suggestion",
    }


def envelope(parcel: Parcel) -> dict[str, Json]:
    """A delivery as it goes over a socket; a copy of it has the same envelope_id."""
    wrapped: dict[str, Json] = {
        "envelope_id": parcel.id,
        "type": _TYPES[parcel.kind],
        "accepts_response_payload": _takes_answer(parcel),
        "payload": dict(parcel.payload),
    }
    if "X-Slack-Retry-Num" in parcel.headers:
        wrapped["retry_attempt"] = int(parcel.headers["X-Slack-Retry-Num"])
        wrapped["retry_reason"] = parcel.headers["X-Slack-Retry-Reason"]
    return wrapped
