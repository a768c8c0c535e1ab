"""The HTTP side of the stand-in: the Web API, response_urls, uploads and the socket's door."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.demo.slack.api.call import Answer, ApiError, Call, RateLimited
from bot.demo.slack.api.methods import METHODS, Method
from bot.demo.slack.mischief import ApiFault, Mischief
from bot.demo.slack.rates import Rates
from bot.demo.slack.responses import respond
from bot.demo.slack.sockets import Sockets
from bot.demo.slack.state import State
from bot.demo.slack.tickets import ResponseUrl, Tickets
from bot.demo.slack.uploads import give_file, take_upload

Json = Any
"""JSON as it came over the wire or goes out on it."""

BODY_BYTES = 64 * 1024 * 1024
"""The most that one request may carry; files go through here."""
KEPT = 20_000
"""So many lines of the call log; a simulator runs for hours."""


@dataclass(frozen=True, slots=True)
class Called:
    """A line of the call log: what the app asked, and the code it was refused with."""

    method: str
    args: Mapping[str, Json]
    error: str | None


async def read_args(request: web.Request) -> dict[str, Json]:
    """The arguments of a call: query, form or JSON, as Slack takes them."""
    query: dict[str, Json] = dict(request.query)
    if request.method == "GET" or not request.body_exists:
        return query
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        try:
            form = await request.post()
        except (ValueError, LookupError):
            raise ApiError("invalid_form_data") from None
        return query | {key: value for key, value in form.items() if isinstance(value, str)}
    if request.content_type not in {"application/json", "text/plain"}:
        raise ApiError("invalid_post_type")
    try:
        body = json.loads(await request.text())
    except ValueError:
        raise ApiError("invalid_json") from None
    if not isinstance(body, dict):
        raise ApiError("json_not_object")
    body.pop("token", None)
    return query | body


class Server:
    """Answers the app. One instance serves one workspace."""

    def __init__(
        self, state: State, mischief: Mischief, *, tickets: Tickets, rates: Rates, sockets: Sockets
    ) -> None:
        self._state = state
        self._mischief = mischief
        self._tickets = tickets
        self._rates = rates
        self._sockets = sockets
        self.calls: list[Called] = []

    def app(self, extra_routes: Sequence[web.AbstractRouteDef] = ()) -> web.Application:
        """The routes of the stand-in, and what else its address serves."""
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/response/{name:.+}", self._response)
        app.router.add_post("/upload/{file}/{ticket}", self._upload)
        app.router.add_get("/files/{file}", self._file)
        app.router.add_get("/files/{file}/download/{name}", self._file)
        app.router.add_get("/link", self._link)
        app.router.add_routes(extra_routes)
        return app

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = self._mischief.takes_call(name)
        if self._mischief.down or (fault and fault.kind == "drop_before"):
            return _cut(request)
        if fault and fault.kind in {"status", "ratelimited"}:
            return self._broken(name, fault)
        if fault and fault.kind == "late":
            await asyncio.sleep(fault.seconds)
        args: dict[str, Json] = {}
        try:
            args = await read_args(request)
            if fault and fault.kind == "refuse":
                raise ApiError(fault.code)  # noqa: TRY301 - it is answered below like any other refusal
            answer: Answer = {"ok": True, **self._answer(request, name, args)}
            error = None
        except ApiError as refusal:
            answer, error = refusal.as_json(), refusal.code
        except RateLimited as refusal:
            self._log(name, args, "ratelimited")
            return _limited(refusal.retry_after_s)
        self._log(name, args, error)
        if fault and fault.kind == "drop_after":
            return _cut(request)
        return web.json_response(answer, headers={"X-OAuth-Scopes": ",".join(sorted(self._state.scopes))})

    def _answer(self, request: web.Request, name: str, args: dict[str, Json]) -> Answer:
        method = METHODS.get(name)
        if method is None:
            raise ApiError("unknown_method")
        token = args.pop("token", None)
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        self._admit(method, bearer.strip() if scheme.lower() == "bearer" else token)
        wait_s = self._rates.refusal(name)
        if wait_s is not None:
            raise RateLimited(wait_s)
        call = Call(name, args, self._state, self._tickets)
        if method.scope:
            call.needs(method.scope)
        return method.answer(call, self._rates)

    def _admit(self, method: Method, token: Json) -> None:
        if method.token == "none":
            return
        if not token:
            raise ApiError("not_authed")
        credentials = self._state.credentials
        kinds = {credentials.bot_token: "bot", credentials.app_token: "app"}
        if token not in kinds:
            raise ApiError("invalid_auth")
        if kinds[token] != method.token:
            raise ApiError("not_allowed_token_type")

    def _broken(self, name: str, fault: ApiFault) -> web.Response:
        if fault.kind == "ratelimited":
            self._log(name, {}, "ratelimited")
            return _limited(int(fault.seconds))
        self._log(name, {}, f"http_{fault.status}")
        return web.Response(status=fault.status, text="stand-in: told to break")

    def _log(self, name: str, args: dict[str, Json], error: str | None) -> None:
        if len(self.calls) >= KEPT:
            del self.calls[: KEPT // 2]
        self.calls.append(Called(name, args, error))
        self._state.touch()

    async def _response(self, request: web.Request) -> web.StreamResponse:
        if self._mischief.down:
            return _cut(request)
        url = self._tickets.use_url(request.match_info["name"])
        if not isinstance(url, ResponseUrl):
            return web.json_response({"ok": False, "error": url}, status=404)
        try:
            message: Json = await read_args(request)
            if isinstance(message.get("payload"), str):
                message = json.loads(message["payload"])
            respond(self._state, url, message if isinstance(message, dict) else {})
        except ApiError as refusal:
            return web.json_response(refusal.as_json(), status=400)
        except ValueError:
            return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
        return web.json_response({"ok": True})

    async def _upload(self, request: web.Request) -> web.Response:
        return _cut(request) if self._mischief.down else await take_upload(self._state, request)

    async def _file(self, request: web.Request) -> web.Response:
        return _cut(request) if self._mischief.down else give_file(self._state, request)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        return _cut(request) if self._mischief.down else await self._sockets.handle(request)


def _limited(retry_after_s: int) -> web.Response:
    return web.json_response(
        {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": str(retry_after_s)}
    )


def _cut(request: web.Request) -> web.Response:
    """Close the connection without an answer; what is returned never arrives."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
