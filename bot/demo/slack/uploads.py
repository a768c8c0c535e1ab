"""Where files go to and come from: the address of an announced upload, and the download of a posted file."""

from aiohttp import web

from bot.demo.slack.state import State


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
    """url_private: the bytes, for the app's token with files:read."""
    file = state.files.get(request.match_info["file"])
    if request.headers.get("Authorization") != f"Bearer {state.credentials.bot_token}":
        return web.Response(status=403, text="not authorised")
    if "files:read" not in state.scopes:
        return web.Response(status=403, text="missing_scope")
    if file is None or file.content is None:
        return web.Response(status=404, text="not found")
    return web.Response(body=file.content, content_type="application/octet-stream")


async def _content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    form = await request.post()
    for value in form.values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""
