"""Writes that come together share a commit and a replay, and not each other's faults."""

import asyncio
from pathlib import Path

import pytest

from tests.gateway.test_buffering import BUFFERING, PASS, replayed, titles, world

MINE = {"title": "mine"}


@pytest.mark.parametrize("header", [b"X-Organization-Id: \xe9", b"X-MX-Job: \xe9", b"User-Agent: \xe9"])
async def test_bytes_that_are_no_text_in_a_header_hurt_nobody(tmp_path: Path, header: bytes) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)

        def raw(line: bytes) -> bytes:
            head = b"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer " + mx.key.encode()
            return head + b"\r\n" + line + b'\r\nContent-Length: 13\r\n\r\n{"title":"A"}'

        lines = [header, *[b"User-Agent: sync"] * 8]
        found = await asyncio.gather(*(gw.send(raw(line), method="POST") for line in lines))
        assert [answer.status for answer in found[1:]] == [202] * 8
        assert found[0].status in (202, 400)


async def test_a_write_about_a_foreign_organisation_holds_up_itself_alone(tmp_path: Path) -> None:
    """MaintainX answers 401 to that as to a bad key; the key is asked for once more before all else is stopped."""
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        foreign = await gw.post("/v1/workorders", {"title": "foreign"}, "X-Organization-Id: 99", key=mx.key)
        for _ in range(3):
            assert (await gw.post("/v1/workorders", MINE, key=mx.key)).status == 202
        await gw.admin("PUT", "policy", PASS)
        assert (await replayed(gw))["state"] == "done"
        assert await titles(mx, beginning="mine") == ["mine"] * 3
        shown = (await gw.admin("GET", f"buffer/{foreign.json()['buffer_id']}")).json()
        assert (shown["state"], shown["answer"]["status"]) == ("rejected", 401)
