"""canvases.* and conversations.canvases.create: documents in Markdown, as the plan of the workspace allows."""

from bot.demo.slack.api.call import Answer, ApiError, Call, Json
from bot.demo.slack.documents import Canvas
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel


def create(call: Call, _rates: Rates) -> Answer:
    """canvases.create; on a free plan only as the tab of a channel."""
    markdown = _markdown(call, call.json("document_content", "invalid_arguments"), "canvas_creation_failed")
    channel = _channel(call) if call.maybe("channel_id") else None
    if call.state.free_plan and channel is None:
        raise ApiError("free_teams_cannot_create_non_tabbed_canvases")
    return _made(call, channel, markdown)


def create_in_channel(call: Call, _rates: Rates) -> Answer:
    """conversations.canvases.create: the one canvas of a channel."""
    markdown = _markdown(
        call, call.json("document_content", "invalid_arguments"), "channel_canvas_creation_failed"
    )
    return _made(call, _channel(call), markdown)


def edit(call: Call, _rates: Rates) -> Answer:
    """canvases.edit: one change in a call. Sections of their own are not kept: such a change is refused."""
    canvas = _canvas(call)
    if call.state.free_plan and canvas.channel is None:
        raise ApiError("free_teams_cannot_edit_standalone_canvases")
    changes = call.json("changes", "invalid_arguments")
    if not isinstance(changes, list) or len(changes) != 1 or not isinstance(changes[0], dict):
        raise ApiError("invalid_arguments", "[ERROR] must hold exactly one change [json-pointer:/changes]")
    change = changes[0]
    operation = change.get("operation")
    if change.get("section_id") or operation not in {"insert_at_start", "insert_at_end", "replace", "rename"}:
        raise ApiError("canvas_editing_failed", detail=f"the stand-in cannot do this: {operation}")
    if operation == "rename":
        canvas.title = _markdown(call, change.get("title_content"), "canvas_editing_failed")
    else:
        words = _markdown(call, change.get("document_content"), "canvas_editing_failed")
        parts = {
            "insert_at_start": (words, canvas.markdown),
            "insert_at_end": (canvas.markdown, words),
            "replace": (words,),
        }[operation]
        whole = "\n".join(part for part in parts if part)
        if len(whole.encode()) > call.state.limits.canvas_bytes:
            raise ApiError("canvas_editing_failed", detail="the canvas would be too large")
        canvas.markdown = whole
    call.state.touch()
    return {}


def set_access(call: Call, _rates: Rates) -> Answer:
    """canvases.access.set: channels that may read or write a canvas."""
    canvas = _canvas(call)
    if call.text("access_level") not in {"read", "write"}:
        raise ApiError("invalid_arguments", "[ERROR] must be read or write [json-pointer:/access_level]")
    channels = call.json("channel_ids", "invalid_arguments")
    if not isinstance(channels, list) or not channels:
        raise ApiError("invalid_arguments", "[ERROR] missing required field: channel_ids")
    if any(each not in call.state.channels for each in channels):
        raise ApiError("channel_not_found")
    canvas.readers |= set(channels)
    call.state.touch()
    return {}


def delete(call: Call, _rates: Rates) -> Answer:
    """canvases.delete."""
    del call.state.canvases[_canvas(call).id]
    call.state.touch()
    return {}


def _made(call: Call, channel: Channel | None, markdown: str) -> Answer:
    if channel is not None and any(each.channel == channel.id for each in call.state.canvases.values()):
        free = call.state.free_plan
        raise ApiError("free_team_canvas_tab_already_exists" if free else "channel_canvas_already_exists")
    canvas = Canvas(
        id=call.state.new_id("F"),
        title=call.maybe("title") or "Untitled",
        markdown=markdown,
        channel=None if channel is None else channel.id,
    )
    call.state.canvases[canvas.id] = canvas
    call.state.touch()
    return {"canvas_id": canvas.id}


def _markdown(call: Call, content: Json, fault: str) -> str:
    if content is None:
        return ""
    if not isinstance(content, dict) or content.get("type") != "markdown":
        raise ApiError(
            "invalid_arguments", "[ERROR] must be of type markdown [json-pointer:/document_content]"
        )
    words = content.get("markdown")
    if not isinstance(words, str):
        raise ApiError(
            "invalid_arguments", "[ERROR] must provide a string [json-pointer:/document_content/markdown]"
        )
    if len(words.encode()) > call.state.limits.canvas_bytes:
        raise ApiError(fault, detail="the document is too large")
    return words


def _channel(call: Call) -> Channel:
    channel = call.channel("channel_id")
    if call.state.bot.id not in channel.members:
        raise ApiError("restricted_action")
    return channel


def _canvas(call: Call) -> Canvas:
    canvas = call.state.canvases.get(call.text("canvas_id"))
    if canvas is None:
        raise ApiError("canvas_not_found")
    return canvas
