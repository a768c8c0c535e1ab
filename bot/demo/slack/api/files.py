"""files.*: an upload is announced, sent to its own address, and completed into a channel or thread."""

from bot.demo.slack.api.call import Answer, ApiError, Call, Json
from bot.demo.slack.api.chat import checked_blocks
from bot.demo.slack.documents import File
from bot.demo.slack.rates import Rates
from bot.demo.slack.records import Channel, Version


def upload_url(call: Call, _rates: Rates) -> Answer:
    """files.getUploadURLExternal."""
    name = call.text("filename")
    length = call.number("length", 0)
    if length < 1:
        raise ApiError("invalid_arguments", "[ERROR] must be more than 0 [json-pointer:/length]")
    file = File(id=call.state.new_id("F"), name=name, length=length, owner=call.state.bot.id)
    call.state.files[file.id] = file
    return {"upload_url": f"{call.state.base}/upload/{file.id}/{file.ticket}", "file_id": file.id}


def complete(call: Call, _rates: Rates) -> Answer:
    """files.completeUploadExternal: what was uploaded is posted as one message."""
    wanted = call.json("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted:
        raise ApiError("invalid_arguments", "[ERROR] missing required field: files")
    files = [_uploaded(call, each) for each in wanted]
    channels = _channels(call)
    for file, each in zip(files, wanted, strict=True):
        file.title = str(each.get("title") or file.name)
    for channel in channels:
        blocks = call.json("blocks", "invalid_blocks")
        version = Version(
            text=call.maybe("initial_comment") or "",
            blocks=checked_blocks(blocks, call.state.limits) if blocks else (),
        )
        thread_ts = call.maybe("thread_ts")
        call.state.post(channel.id, version, thread_ts=thread_ts, files=tuple(file.id for file in files))
    return {"files": [file.as_json(base=call.state.base) | {"shares": {}} for file in files]}


def info(call: Call, _rates: Rates) -> Answer:
    """files.info; where the file was shared shows here first."""
    wanted = call.text("file")
    canvas = call.state.canvases.get(wanted)
    if canvas is not None:
        return {"file": canvas.as_json(base=call.state.base)}
    file = call.state.files.get(wanted)
    if file is None or file.content is None or file.deleted:
        raise ApiError("file_not_found")
    return {"file": file.as_json(base=call.state.base)}


def delete(call: Call, _rates: Rates) -> Answer:
    """files.delete, of the app's own; the message that showed it stays."""
    file = call.state.files.get(call.text("file"))
    if file is None or file.content is None:
        raise ApiError("file_not_found")
    if file.deleted:
        raise ApiError("file_deleted")
    if file.owner != call.state.bot.id:
        raise ApiError("cant_delete_file")
    file.deleted = True
    call.state.touch()
    return {}


def _uploaded(call: Call, wanted: Json) -> File:
    file = call.state.files.get(str(wanted.get("id")) if isinstance(wanted, dict) else "")
    if file is None or file.content is None:
        raise ApiError("file_not_found")
    return file


def _channels(call: Call) -> list[Channel]:
    """Where the files are posted: one channel, perhaps in a thread, or several by commas."""
    if call.maybe("channel_id") is None:
        named = [one for one in (call.maybe("channels") or "").split(",") if one]
        if unknown := [one for one in named if one not in call.state.channels]:
            raise ApiError("channel_not_found", f"[ERROR] no such channel: {unknown[0]}")
        return [_ours(call, call.state.channels[one]) for one in named]
    channel = _ours(call, call.channel("channel_id"))
    thread_ts = call.maybe("thread_ts")
    if thread_ts is not None:
        parent = call.state.find(channel.id, thread_ts)
        if parent is None:
            raise ApiError("invalid_arguments", "[ERROR] no such thread [json-pointer:/thread_ts]")
        parent.thread_ts = parent.ts
    return [channel]


def _ours(call: Call, channel: Channel) -> Channel:
    if call.state.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel
