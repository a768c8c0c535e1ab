"""A raw client of the Web API and a raw app behind a request URL: neither knows any Slack library."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import aiohttp
from aiohttp import web

from bot.demo.slack.workspace import SlackWorkspace

Json = Any


@dataclass
class Api:
    """Calls the Web API by hand."""

    workspace: SlackWorkspace
    session: aiohttp.ClientSession
    retry_after: str | None = None
    status: int = 0

    async def __call__(self, method: str, *, token: str | None = "bot", **args: Json) -> Json:
        """POST JSON with the bearer token named, and return the body."""
        body = io.BytesIO(json.dumps(args).encode())  # bytes of over a megabyte warn
        return await self.send(method, token=token, data=body, headers={"Content-Type": "application/json"})

    async def send(self, method: str, *, token: str | None = "bot", verb: str = "POST", **how: Any) -> Json:
        """Send anything to a method."""
        known = {"bot": self.workspace.bot_token, "app": self.workspace.app_token}
        headers = {"Authorization": f"Bearer {known.get(token, token)}"} if token else {}
        headers |= how.pop("headers", {})
        url = self.workspace.api_url + method
        async with self.session.request(verb, url, headers=headers, **how) as response:
            self.status = response.status
            self.retry_after = response.headers.get("Retry-After")
            return await response.json(content_type=None)


@dataclass
class Request:
    """One delivery as it reached the app."""

    headers: dict[str, str]
    raw: bytes
    fields: dict[str, str]
    payload: Json
    """The interaction's or event's JSON; None for a command."""


Answer = Callable[[Request], Awaitable[web.Response]]


async def ok(_request: Request) -> web.Response:
    """Acknowledge and say nothing."""
    return web.Response()


@dataclass
class App:
    """An app behind a request URL; ``answer`` may be exchanged at any time."""

    answer: Answer = ok
    seen: list[Request] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Note the delivery, then answer it."""
        raw = await request.read()
        fields: dict[str, str] = {}
        payload: Json = None
        if request.content_type == "application/json":
            payload = json.loads(raw)
        else:
            parsed = parse_qs(raw.decode(), keep_blank_values=True)
            fields = {key: values[0] for key, values in parsed.items()}
            payload = json.loads(fields["payload"]) if "payload" in fields else None
        self.seen.append(Request(dict(request.headers), raw, fields, payload))
        return await self.answer(self.seen[-1])


@asynccontextmanager
async def raw_app() -> AsyncIterator[App]:
    """The app, listening."""
    app = App()
    site = web.Application()
    site.router.add_post("/slack/events", app.handle)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        app.url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        yield app
    finally:
        await runner.cleanup()


def answers(body: Json = None, *, status: int = 200, after_s: float = 0.0) -> Answer:
    """An answer that is always the same."""

    async def answer(_request: Request) -> web.Response:
        await asyncio.sleep(after_s)
        if isinstance(body, str):
            return web.Response(text=body, status=status)
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    return answer


def button(label: str = "Go", action_id: str = "go", **more: Json) -> dict[str, Json]:
    """A button."""
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": action_id,
        **more,
    }


def actions(*elements: Json, **more: Json) -> dict[str, Json]:
    """An actions block."""
    return {"type": "actions", "elements": list(elements), **more}


def section(text: str, kind: str = "mrkdwn") -> dict[str, Json]:
    """A section with one text."""
    return {"type": "section", "text": {"type": kind, "text": text}}


CONFIRM = {
    "title": {"type": "plain_text", "text": "Limit the gateway?"},
    "text": {"type": "plain_text", "text": "1 request per second, two jobs paused."},
    "confirm": {"type": "plain_text", "text": "Limit"},
    "deny": {"type": "plain_text", "text": "Leave it"},
}
