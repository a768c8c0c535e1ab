"""Where files go to and come from: the address of an announced upload, and the download of a posted file."""

import hmac
from urllib.parse import quote

from aiohttp import web

from bot.demo.slack.state import State

_SHOWN = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})


async def take_upload(state: State, request: web.Request) -> web.Response:
    """The bytes of an announced file: exactly as many as were announced, raw or as one form field."""
    file = state.files.get(request.match_info["file"])
    if file is None or file.ticket != request.match_info["ticket"] or file.content is not None:
        return web.Response(status=404, text="not found")
    content = await _content(request)
    if len(content) != file.length:
        return web.Response(status=400, text=f"announced {file.length} bytes, got {len(content)}")
    file.content = content
    return web.Response(text=f"OK - {len(content)}")


def give_file(state: State, request: web.Request) -> web.Response:
    """url_private: the bytes, for the app's token with files:read, or for the stand-in's own page.

    Only pictures without scripts are shown in place; everything else is for saving, since it comes from anybody and
    the page's own address serves it.
    """
    file = state.files.get(request.match_info["file"])
    name, value = state.page_cookie
    if not hmac.compare_digest(request.cookies.get(name, "").encode(), value.encode()):
        if request.headers.get("Authorization") != f"Bearer {state.credentials.bot_token}":
            return web.Response(status=403, text="not authorised")
        if "files:read" not in state.scopes:
            return web.Response(status=403, text="missing_scope")
    if file is None or file.content is None or file.deleted:
        return web.Response(status=404, text="not found")
    shown = file.mimetype in _SHOWN and "name" not in request.match_info
    headers = {
        "Content-Type": file.mimetype,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(file.name, safe='')}",
    }
    return web.Response(body=file.content, headers=headers)


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
