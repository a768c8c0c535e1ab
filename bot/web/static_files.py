"""What a page needs besides itself: styles and scripts out of the package, by content, so that an old copy is found out."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from importlib import resources
from typing import NamedTuple

from aiohttp import web

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class _File(NamedTuple):
    body: bytes
    kind: str
    etag: str


def route() -> web.RouteDef:
    """``GET /static/{name}``; every file is read once, here."""
    files = _read()

    async def static(request: web.Request) -> web.Response:
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="there is no such file")
        headers = {**_HEADERS, "ETag": found.etag}
        if found.etag in [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]:
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return web.Response(body=found.body, content_type=found.kind, charset="utf-8", headers=headers)

    return web.get("/static/{name}", static)


def _read() -> Mapping[str, _File]:
    found: dict[str, _File] = {}
    for file in resources.files("bot.web").joinpath("static").iterdir():
        kind = _TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            body = file.read_bytes()
            found[file.name] = _File(body, kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return found
