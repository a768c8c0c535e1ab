"""An upload is announced, sent whole to its own address, and completed where the bot is."""

import json
from typing import Any

import aiohttp
import pytest

from bot.demo.slack.limits import Limits
from tests.demo.slack.conftest import Room

Json = Any
REPORT = b"# Report\n"


@pytest.fixture
def limits() -> Limits:
    return Limits(rates=False)


async def announced(room: Room, length: int = len(REPORT)) -> Json:
    answer = await room.api.send(
        "files.getUploadURLExternal", data={"filename": "report.md", "length": str(length)}
    )
    assert answer["ok"], answer
    return answer


async def upload(room: Room, url: str, data: Any) -> int:
    async with room.api.session.post(url, data=data) as response:
        return response.status


async def test_a_file_lands_in_a_thread_with_its_bytes(room: Room) -> None:
    parent = await room.api("chat.postMessage", channel=room.channel, text="card")
    file = await announced(room)
    assert await upload(room, file["upload_url"], REPORT) == 200
    done = await room.api.send(
        "files.completeUploadExternal",
        data={
            "files": json.dumps([{"id": file["file_id"], "title": "The report"}]),
            "channel_id": room.channel,
            "thread_ts": parent["ts"],
            "initial_comment": "here it is",
        },
    )
    assert done["files"][0]["shares"] == {}
    [posted] = room.slack.files(room.channel, thread_ts=parent["ts"])
    assert (posted.name, posted.title, posted.content) == ("report.md", "The report", REPORT)
    [comment] = room.slack.messages(room.channel, thread_ts=parent["ts"])
    assert (comment.text, comment.files) == ("here it is", (file["file_id"],))
    info = await room.api("files.info", file=file["file_id"])
    assert info["file"]["shares"]["public"][room.channel][0]["thread_ts"] == parent["ts"]
    own = {"Authorization": f"Bearer {room.slack.bot_token}"}
    async with room.api.session.get(info["file"]["url_private"], headers=own) as response:
        assert await response.read() == REPORT
    async with room.api.session.get(info["file"]["url_private"]) as response:
        assert response.status == 403


async def test_a_form_upload_is_taken_too(room: Room) -> None:
    file = await announced(room)
    form = aiohttp.FormData()
    form.add_field("file", REPORT, filename="report.md")
    assert await upload(room, file["upload_url"], form) == 200


async def test_a_bad_upload_is_refused(room: Room) -> None:
    file = await announced(room, length=3)
    assert await upload(room, file["upload_url"], REPORT) == 400
    assert await upload(room, file["upload_url"] + "x", REPORT) == 404
    assert await upload(room, file["upload_url"], b"abc") == 200
    assert await upload(room, file["upload_url"], b"abc") == 404


async def test_one_file_goes_to_several_channels(room: Room) -> None:
    other = room.slack.create_channel("other", [room.ana])
    file = await announced(room)
    await upload(room, file["upload_url"], REPORT)
    done = await room.api(
        "files.completeUploadExternal", files=[{"id": file["file_id"]}], channels=f"{room.channel},{other}"
    )
    assert done["ok"], done
    assert [len(room.slack.files(one)) for one in (room.channel, other)] == [1, 1]
    again = await room.api("files.completeUploadExternal", files=[{"id": file["file_id"]}], channels="C404")
    assert again["error"] == "channel_not_found"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"files": []}, "invalid_arguments"),
        ({"files": [{"id": "F404"}]}, "file_not_found"),
        ({"channel_id": "C404"}, "channel_not_found"),
        ({"channel_id": "OUT"}, "not_in_channel"),
        ({"thread_ts": "1.000001"}, "invalid_arguments"),
        ({"blocks": [{"type": "banner"}]}, "invalid_blocks"),
    ],
)
async def test_a_bad_completion_is_refused(room: Room, change: Json, code: str) -> None:
    out = room.slack.create_channel("out", [room.ana], bot_member=False)
    file = await announced(room)
    await upload(room, file["upload_url"], REPORT)
    call = {"files": [{"id": file["file_id"]}], "channel_id": room.channel} | change
    call |= {"channel_id": out} if call["channel_id"] == "OUT" else {}
    assert (await room.api("files.completeUploadExternal", **call))["error"] == code
    assert room.slack.files(room.channel) == ()


async def test_a_file_that_never_arrived_is_not_found(room: Room) -> None:
    file = await announced(room)
    done = await room.api("files.completeUploadExternal", files=[{"id": file["file_id"]}])
    assert done["error"] == "file_not_found"
    assert (await room.api("files.info", file=file["file_id"]))["error"] == "file_not_found"


@pytest.mark.parametrize(("name", "length"), [("", 3), ("a.md", 0), ("a.md", "many")])
async def test_an_announcement_needs_a_name_and_a_length(room: Room, name: str, length: Json) -> None:
    answer = await room.api("files.getUploadURLExternal", filename=name, length=length)
    assert answer["error"] == "invalid_arguments"


async def test_a_picture_is_shown_and_anything_else_is_saved(room: Room) -> None:
    picture = await room.slack.attach(room.ana, room.channel, "graph.png", b"PNG")
    page = await room.slack.attach(room.ana, room.channel, "näh.svg", b"<svg onload='alert(1)'/>")
    url = room.slack.state.base + "/files/"
    name, value = room.slack.page_cookie
    async with aiohttp.ClientSession(cookies={name: value}, cookie_jar=aiohttp.CookieJar(unsafe=True)) as me:
        async with me.get(url + picture.files[0]) as got:
            assert (got.content_type, await got.read()) == ("image/png", b"PNG")
            assert got.headers["Content-Disposition"].startswith("inline")
        async with me.get(f"{url}{picture.files[0]}/download/graph.png") as got:
            assert got.headers["Content-Disposition"].startswith("attachment")
        async with me.get(url + page.files[0]) as got:
            assert got.headers["Content-Disposition"] == "attachment; filename*=UTF-8''n%C3%A4h.svg"
            assert (got.headers["X-Content-Type-Options"], got.status) == ("nosniff", 200)
            assert "sandbox" in got.headers["Content-Security-Policy"]


async def test_a_file_is_for_the_page_and_the_token_alone(room: Room) -> None:
    message = await room.slack.attach(room.ana, room.channel, "log.txt", b"429")
    url = f"{room.slack.state.base}/files/{message.files[0]}"
    name, _ = room.slack.page_cookie
    tries: list[dict[str, str]] = [{}, {name: "guessed"}, {"standin-1": room.slack.page_cookie[1]}]
    for cookies in tries:
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookies=cookies, cookie_jar=jar) as me, me.get(url) as got:
            assert got.status == 403
    headers = {"Authorization": f"Bearer {room.slack.bot_token}"}
    async with room.api.session.get(url, headers=headers) as got:
        assert (got.status, await got.read()) == (200, b"429")
    room.slack.state.scopes.discard("files:read")
    async with room.api.session.get(url, headers=headers) as got:
        assert (got.status, await got.text()) == (403, "missing_scope")


async def test_an_app_deletes_its_own_files_alone(room: Room) -> None:
    theirs = await room.slack.attach(room.ana, room.channel, "log.txt", b"429")
    assert (await room.api("files.delete", file=theirs.files[0]))["error"] == "cant_delete_file"
    file = await announced(room)
    await upload(room, file["upload_url"], REPORT)
    done = await room.api("files.completeUploadExternal", files=[{"id": file["file_id"]}])
    [own] = done["files"]
    assert (await room.api("files.delete", file=own["id"]))["ok"] is True
    assert (await room.api("files.delete", file=own["id"]))["error"] == "file_deleted"
    assert (await room.api("files.info", file=own["id"]))["error"] == "file_not_found"
