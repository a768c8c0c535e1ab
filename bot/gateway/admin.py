"""The door of ``/-/...``: finds the route, checks who asks, reads the body; every fault is a sentence."""

import asyncio
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from aiohttp import web

from bot.errors import Conflict, Refused, StoreError
from bot.gateway.access import may_administer
from bot.gateway.edge import Sent, say
from bot.gateway.metrics import CONTENT_TYPE
from bot.gateway.routes import Asked, Route, Routes, Told
from bot.gateway.settings import GatewaySettings


class Admin:
    """Answers ``/-/...``; every fault is a sentence in ``{"error": ...}``."""

    def __init__(self, settings: GatewaySettings, routes: Routes) -> None:
        self._settings = settings
        self._routes = routes

    async def answer(self, request: web.BaseRequest) -> Sent:
        """Answer one request for ``/-/...``."""
        path, _, query = request.raw_path.removeprefix("/-/").partition("?")
        method = "GET" if request.method == "HEAD" else request.method
        name, _, rest = path.partition("/")
        route = self._routes.get((method, name))
        if not (route and route.open) and not self._allowed(request):
            return await self._unauthorized(request)
        if route is None or route.rest not in ("may", "must" if rest else "none"):
            return await self._no_route(request, name)
        try:
            body = await self._body(request, route)
            asked = Asked(unquote(rest), parse_qs(query, keep_blank_values=True), body, request.headers)
            told = await route.act(asked)
        except Refused as refused:
            return await say(request, HTTPStatus.BAD_REQUEST, {"error": str(refused)}, close=True)
        except Conflict as conflict:
            return await say(request, HTTPStatus.CONFLICT, {"error": str(conflict)}, close=True)
        except StoreError as error:
            return await say(request, HTTPStatus.SERVICE_UNAVAILABLE, {"error": str(error)})
        if isinstance(told, Told):
            return await say(request, told.status, told.body, headers=told.headers)
        if isinstance(told, bytes):
            return await say(request, HTTPStatus.OK, told, headers={"Content-Type": CONTENT_TYPE})
        return await say(request, HTTPStatus.OK, told)

    async def _unauthorized(self, request: web.BaseRequest) -> Sent:
        text = (
            "this route needs the gateway's token; send it as Authorization: Bearer (MX_GATEWAY_TOKEN)"
            if self._settings.token is not None
            else "without a token these routes answer on this machine alone; set MX_GATEWAY_TOKEN"
            " for the gateway and the bot"
        )
        asked = {"WWW-Authenticate": "Bearer"}
        return await say(request, HTTPStatus.UNAUTHORIZED, {"error": text}, headers=asked, close=True)

    def _allowed(self, request: web.BaseRequest) -> bool:
        given = [value for name, value in request.raw_headers if name.lower() == b"authorization"]
        return may_administer(
            self._settings.token,
            authorization=given[0] if len(given) == 1 else None,
            peer=request.remote,
            headers=request.headers,
        )

    async def _no_route(self, request: web.BaseRequest, name: str) -> Sent:
        methods = sorted({method for method, route in self._routes if route == name})
        if methods and all(self._routes[method, name].rest == "none" for method in methods):
            text = f"/-/{name} does not take {request.method}; use {' or '.join(methods)}"
            return await say(
                request, HTTPStatus.METHOD_NOT_ALLOWED, {"error": text}, headers={"Allow": ", ".join(methods)}
            )
        known = ", ".join(dict.fromkeys(_shown(name, route) for (_, name), route in self._routes.items()))
        text = f"this gateway has no such route for {request.method}; under /-/ there are {known}"
        return await say(request, HTTPStatus.NOT_FOUND, {"error": text}, close=True)

    async def _body(self, request: web.BaseRequest, route: Route) -> bytes:
        found = b""
        try:
            async with asyncio.timeout(self._settings.stall_s):
                while data := await request.content.readany():
                    found += data
                    if len(found) > route.max_body:
                        raise Refused(f"the body is too long; send at most {route.max_body} bytes")
        except TimeoutError:
            raise Refused("the body did not come to its end; send all of it") from None
        return found


def _shown(name: str, route: Route) -> str:
    return name if route.rest == "none" else f"{name}/ID" if route.rest == "must" else f"{name}[/ID]"
