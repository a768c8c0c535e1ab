"""Deliveries to the app: signed HTTP requests or Socket Mode envelopes, and how the app answered."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from bot.demo.slack.mischief import Mischief
from bot.demo.slack.state import State

Json = Any
"""JSON as it goes out on the wire."""

Kind = Literal["command", "interaction", "event"]

KEPT = 20_000
"""So many lines of the delivery log; a simulator runs for hours."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing that happened and that the app shall hear of."""

    kind: Kind
    payload: Mapping[str, Json]
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """The envelope_id over Socket Mode; a copy keeps it."""


@dataclass(frozen=True, slots=True)
class Ack:
    """How the app answered one delivery. ``error`` is Slack's word for what went wrong."""

    seconds: float
    status: int | None = None
    body: str = ""
    error: Literal["operation_timeout", "dispatch_failed"] | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A line of the delivery log: one attempt and its end; ``ack`` is None where it got lost."""

    parcel: Parcel
    ack: Ack | None


class Line(Protocol):
    """A way to the app other than HTTP; taken while a socket is open, or where there is no request URL."""

    @property
    def count(self) -> int:
        """How many sockets are open."""
        ...

    async def send(self, parcel: Parcel, *, timeout_s: float) -> Ack:
        """Deliver and wait for the answer."""
        ...


def body_of(parcel: Parcel) -> tuple[str, bytes]:
    """Content type and bytes of a delivery over HTTP."""
    if parcel.kind == "event":
        return "application/json", json.dumps(parcel.payload).encode()
    fields = parcel.payload if parcel.kind == "command" else {"payload": json.dumps(parcel.payload)}
    return "application/x-www-form-urlencoded", urlencode(fields).encode()


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """X-Slack-Signature of a request."""
    mac = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={mac.hexdigest()}"


class Deliverer:
    """Carries what people do to the app. Copies that nobody waits for run in the workspace's task group."""

    def __init__(
        self,
        state: State,
        mischief: Mischief,
        *,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
        socket: Line,
        request_url: str | None,
    ) -> None:
        self._state = state
        self._mischief = mischief
        self._session = session
        self._group = group
        self._socket = socket
        self.request_url = request_url
        self.log: list[Sent] = []
        self._running: set[asyncio.Task[Ack]] = set()
        self._retrying: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def deliver(self, parcel: Parcel) -> Ack:
        """Deliver once (or as often as mischief says) and return what the person sees of it."""
        limit_s = self._state.limits.ack_s
        if self._mischief.takes_delivery(event=parcel.kind == "event"):
            self._note(Sent(parcel, None))
            return Ack(limit_s, error="operation_timeout")
        delay_s = self._mischief.delay_s
        copies = [self._start(parcel, delay_s) for _ in range(1 + self._mischief.repeat)]
        began = asyncio.get_running_loop().time()
        await asyncio.wait(copies, timeout=limit_s + (0.0 if delay_s else 0.5))
        seconds = asyncio.get_running_loop().time() - began
        first = copies[0]
        return (
            replace(first.result(), seconds=seconds)
            if first.done()
            else Ack(seconds, error="operation_timeout")
        )

    async def deliver_event(self, parcel: Parcel) -> Ack:
        """Deliver an event; what the app does not take is tried again later, three times, as Slack does."""
        ack = await self.deliver(parcel)
        if ack.error:
            task = self._group.create_task(self._retry(parcel, ack))
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)
        return ack

    def post_event(self, parcel: Parcel) -> asyncio.Task[Ack] | None:
        """Deliver an event in the background; the task gives the first attempt's answer. None once it stopped."""
        if self._stopped:
            return None
        task = self._group.create_task(self.deliver_event(parcel))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def settled(self) -> None:
        """Wait until no delivery is on its way; retries of events that lie in the future are not waited for."""
        while self._running:
            await asyncio.wait(self._running)

    def stop(self) -> None:
        """Give up whatever is on its way; nothing new is sent."""
        self._stopped = True
        for task in (*self._running, *self._retrying):
            task.cancel()

    def _start(self, parcel: Parcel, delay_s: float) -> asyncio.Task[Ack]:
        task = self._group.create_task(self._attempt(parcel, delay_s))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _attempt(self, parcel: Parcel, delay_s: float) -> Ack:
        await asyncio.sleep(delay_s)
        if self._socket.count or self.request_url is None:
            ack = await self._socket.send(parcel, timeout_s=self._state.limits.ack_s)
        else:
            ack = await self._post(parcel, self.request_url)
        self._note(Sent(parcel, ack))
        return ack

    def _note(self, sent: Sent) -> None:
        if len(self.log) >= KEPT:
            del self.log[: KEPT // 2]
        self.log.append(sent)
        self._state.touch()

    async def _post(self, parcel: Parcel, url: str) -> Ack:
        loop = asyncio.get_running_loop()
        began = loop.time()
        kind, body = body_of(parcel)
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": kind,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(self._state.credentials.signing_secret, stamp, body),
            **parcel.headers,
        }
        try:
            async with (
                asyncio.timeout(self._state.limits.ack_s),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                text = (await response.read()).decode(errors="replace")
                status = response.status
        except TimeoutError:
            return Ack(loop.time() - began, error="operation_timeout")
        except aiohttp.ClientError:
            return Ack(loop.time() - began, error="dispatch_failed")
        good = 200 <= status < 300  # noqa: PLR2004 - the HTTP range itself
        return Ack(loop.time() - began, status, text, None if good else "dispatch_failed")

    async def _retry(self, parcel: Parcel, ack: Ack) -> None:
        for number, wait_s in enumerate(self._state.limits.event_retries_s, start=1):
            await asyncio.sleep(wait_s)
            cut = "connection_failed" if ack.status is None else "http_error"
            reason = "http_timeout" if ack.error == "operation_timeout" else cut
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
            ack = await self.deliver(replace(parcel, headers=headers))
            if ack.error is None:
                return
