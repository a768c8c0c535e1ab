"""The simulator's page: its files, the workspace as JSON and as a stream, and what people do in it."""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web

from bot.demo.browser.acts import act
from bot.demo.browser.guard import Handler, guard
from bot.demo.browser.snapshot import snapshot
from bot.demo.slack.workspace import SlackWorkspace

Json = Any
"""JSON as it came over the wire or goes out on it."""

STATIC = Path(__file__).parent / "static"
TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".html": "text/html",
        ".css": "text/css",
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
    }
)
SHUT_IN: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "unsafe-none",
    }
)
"""For a page that somebody uploaded: it has no script, no origin, and asks nobody for anything."""
BODY_BYTES = 8 * 1024 * 1024
GATHER_S = 0.05
"""What happens within so many seconds goes out together."""
HEARTBEAT_S = 15.0

Finding = Callable[[web.Request], SlackWorkspace]
Hints = Mapping[str, Sequence[tuple[str, str, str]]]
"""By command: each of its verbs, what it takes, and what it does, for the composer's list."""


class Page:
    """The routes of the page over one workspace, found by the request."""

    def __init__(self, find: Finding, *, hints: Hints | None = None, whole: bool = False) -> None:
        self._find = find
        self._hints = hints or {}
        self._whole = whole
        self._flight = secrets.token_hex(8)  # a page that is reloaded tells the same simulator from a new one

    def routes(self) -> list[web.RouteDef]:
        """All of them, each behind the guard."""
        return guarded(
            [
                web.get("/", self._page),
                web.get("/static/{name}", self._static),
                web.get("/sim/about", self._about),
                web.get("/sim/workspace", self._workspace),
                web.get("/sim/stream", self._stream),
                web.get("/sim/files/{file}", self._file),
                web.post("/sim/act", self._act),
            ]
        )

    async def _page(self, _request: web.Request) -> web.Response:
        return _shipped("index.html")

    async def _static(self, request: web.Request) -> web.Response:
        return _shipped(request.match_info["name"])

    async def _about(self, request: web.Request) -> web.Response:
        """What does not change: whether there is a world beside the workspace, and what can be typed."""
        workspace = self._find(request)
        state = workspace.state
        hints = {
            name: [
                {"verb": verb, "takes": takes, "says": says}
                for verb, takes, says in self._hints.get(name, ())
            ]
            for name in sorted(workspace.commands)
        }
        people = [one.id for one in state.people.values() if one.role != "bot"]
        return web.json_response(
            {"whole": self._whole, "flight": self._flight, "commands": hints, "people": people}
        )

    async def _workspace(self, request: web.Request) -> web.Response:
        try:
            return web.json_response(snapshot(self._find(request), request.query.get("as", "")))
        except LookupError as fault:
            return _refused(409, fault)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """The workspace as one person sees it, anew at each change: whoever comes back late misses nothing."""
        workspace, user = self._find(request), request.query.get("as", "")
        try:
            snapshot(workspace, user)
        except LookupError as fault:
            return _refused(409, fault)
        stream = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await stream.prepare(request)
        told = ""
        while True:
            waiting = workspace.state.changed()
            text = json.dumps(snapshot(workspace, user))
            try:
                await stream.write(f"data: {text}\n\n".encode() if text != told else b": here\n\n")
            except ConnectionError:
                return stream
            told = text
            await _within(waiting, HEARTBEAT_S)
            await asyncio.sleep(GATHER_S)

    async def _file(self, request: web.Request) -> web.Response:
        file = self._find(request).state.files.get(request.match_info["file"])
        if file is None or file.content is None or file.deleted:
            return _refused(404, LookupError("there is no such file"))
        if file.mimetype == "text/html" and "page" in request.query:
            return web.Response(body=file.content, content_type="text/html", charset="utf-8", headers=SHUT_IN)
        shown = (
            file.mimetype if file.mimetype in {"image/png", "image/jpeg", "image/gif", "image/webp"} else None
        )
        disposition = "inline" if shown else "attachment"
        headers = {"Content-Disposition": f'{disposition}; filename="{_plain(file.name)}"'}
        return web.Response(
            body=file.content, content_type=shown or "application/octet-stream", headers=headers
        )

    async def _act(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            done = await act(self._find(request), body if isinstance(body, dict) else {})
        except LookupError as fault:
            return _refused(409, fault)
        except (ValueError, TypeError) as fault:
            return _refused(400, fault)
        return web.json_response({"ok": True, **done})


def browser_app(
    workspace: SlackWorkspace, *, hints: Hints | None = None, extra: Sequence[web.RouteDef] = ()
) -> web.Application:
    """An application of its own: the page, and ``extra`` beside it where a world is to be steered too."""
    app = web.Application(client_max_size=BODY_BYTES)
    app.add_routes(Page(lambda _request: workspace, hints=hints, whole=bool(extra)).routes())
    app.add_routes(guarded(extra))
    return app


def guarded(routes: Sequence[web.RouteDef]) -> list[web.RouteDef]:
    """The same routes, each behind the guard."""
    return [web.RouteDef(one.method, one.path, _behind(one.handler), one.kwargs) for one in routes]


def _behind(handler: Any) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await guard(request, handler)

    return handle


async def _within(waiting: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await waiting.wait()
    except TimeoutError:
        return


def _shipped(name: str) -> web.Response:
    path = STATIC / name
    kind = TYPES.get(path.suffix)
    if kind is None or path.parent != STATIC or not path.is_file():
        return _refused(404, LookupError(f"the page has no file {name}"))
    return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8")


def _refused(status: int, fault: Exception) -> web.Response:
    return web.json_response({"error": str(fault.args[0]) if fault.args else "not understood"}, status=status)


def _plain(name: str) -> str:
    return "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "_" for one in name)
