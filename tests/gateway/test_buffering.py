"""While writes are buffered: what is kept is answered 202, the rest is refused with a sentence; order is never lost."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.demo.maintainx import FakeMaintainX, Fault
from bot.gateway.buffer.settings import BufferSettings
from tests.clock import FakeClock
from tests.gateway.wires import Message, RunningGateway, gateway, upstream
from tests.keys import HeldKey

WIDE: dict[str, Any] = {"user_limit": 100_000, "organisation_limit": 100_000}
BUFFERING = {"mode": "buffering", "owner": "slack:U1", "reason": "outage", "ttl_s": 600}
PASS = {"mode": "pass", "owner": "slack:U1"}


@asynccontextmanager
async def world(
    folder: Path, *, key: str | None = None, **settings: Any
) -> AsyncIterator[tuple[FakeMaintainX, RunningGateway]]:
    """A MaintainX and a gateway in front of it that replays as fast as it can."""
    buffer = BufferSettings(**{"replay_share": 1.0, "settle_s": 0.0, **settings.pop("buffer", {})})
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, folder, key=HeldKey(key or mx.key), buffer=buffer, **WIDE, **settings) as gw,
    ):
        yield mx, gw


async def replayed(gw: RunningGateway) -> dict[str, Any]:
    """Start the replay and wait for its end."""
    answer = await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
    assert answer.status == 200, answer.body
    return await until_replay(gw, "done", "paused")


async def until_replay(gw: RunningGateway, *states: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await gw.admin("GET", "replay")).json()
            if found["state"] in states:
                return found
            await asyncio.sleep(0.02)


def on_disk(folder: Path, words: bytes) -> bool:
    """Whether any file of the gateway's holds these words."""
    return any(words in path.read_bytes() for path in folder.iterdir())


async def titles(mx: FakeMaintainX, *, beginning: str) -> list[str]:
    found = [str(row["title"]) for row in mx.workorders.values()]
    return [title for title in found if title.startswith(beginning)]


async def test_a_write_is_answered_202_with_its_buffer_id_and_no_id(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        answer = await gw.post("/v1/workorders", {"title": "Leak"}, key=mx.key)
        assert answer.status == 202
        assert answer.json() == {"buffered": True, "buffer_id": answer.json()["buffer_id"]}
        name = answer.json()["buffer_id"]
        assert answer.one("X-MX-Buffered") == name.encode()
        assert name.startswith("mxb_")
        assert not mx.requests
        listed = (await gw.admin("GET", "buffer")).json()
        assert listed["counts"]["waiting"] == 1
        (item,) = listed["items"]
        assert (item["buffer_id"], item["method"], item["path"], item["lane"], item["state"]) == (
            name,
            "POST",
            "/v1/workorders",
            "critical",
            "waiting",
        )


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_each_writing_method_waits_and_arrives_as_it_came(tmp_path: Path, method: str) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, key=HeldKey("k-1"), **WIDE) as gw:
        await gw.admin("PUT", "policy", BUFFERING)
        sent = await gw.post(
            "/v1/things/7?a[b]=%2F&c",
            b'{"n": 1.00}',
            "X-Organization-Id: 12",
            "X-MX-Job: nightly",
            "Cookie: session=1",
            method=method,
            key="k-1",
        )
        assert sent.status == 202
        await gw.admin("PUT", "policy", PASS)
        assert (await replayed(gw))["done"] == 1
        (request,) = up.requests
        assert request.start == f"{method} /v1/things/7?a[b]=%2F&c HTTP/1.1".encode()
        assert request.body == b'{"n": 1.00}'
        assert request.one("x-organization-id") == b"12"
        assert request.one("x-mx-job") == b"nightly"
        assert request.one("content-type") == b"application/json"
        assert request.one("authorization") == b"Bearer k-1"
        assert request.one("cookie") is None


async def test_the_key_is_never_on_the_disk_and_the_current_one_is_used(tmp_path: Path) -> None:
    held = HeldKey("old-secret-key")
    async with upstream() as up, gateway(up.url, tmp_path, key=held, **WIDE) as gw:
        await gw.admin("PUT", "policy", BUFFERING)
        assert (await gw.post("/v1/workorders", {"title": "A"}, key="old-secret-key")).status == 202
        assert not on_disk(tmp_path, b"old-secret-key")
        held.value = "new-secret-key"
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        assert up.requests[-1].one("authorization") == b"Bearer new-secret-key"


async def test_a_key_that_nobody_vouches_for_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        other = "another-users-key"
        mx.add_key(other)
        await gw.admin("PUT", "policy", BUFFERING)
        for key in (other, ""):
            refused = await gw.post("/v1/workorders", {"title": "A"}, key=key)
            assert refused.status == 401
            assert "nothing was kept" in refused.json()["error"]
        assert (await gw.admin("GET", "buffer")).json()["counts"]["waiting"] == 0


async def test_a_key_that_maintainx_accepted_within_a_day_is_good_over_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    async with FakeMaintainX.start(**WIDE) as mx:
        mx.add_key("other")
        async with gateway(mx.base_url, tmp_path, clock=clock, key=HeldKey(mx.key), **WIDE) as gw:
            assert (await gw.get("/v1/users", "Authorization: Bearer other")).status == 200
        clock.jump(3600 * 23)
        async with gateway(mx.base_url, tmp_path, clock=clock, key=HeldKey(mx.key), **WIDE) as gw:
            await gw.admin("PUT", "policy", {**BUFFERING, "ttl_s": 86400})
            assert (await gw.post("/v1/workorders", {"title": "A"}, key="other")).status == 202
            clock.jump(3600 * 2)
            assert (await gw.post("/v1/workorders", {"title": "B"}, key="other")).status == 401


async def test_a_key_that_maintainx_refused_since_is_good_no_longer(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        mx.add_key("other")
        assert (await gw.get("/v1/users", "Authorization: Bearer other")).status == 200
        mx.revoke_key("other")
        assert (await gw.get("/v1/users", "Authorization: Bearer other")).status == 401
        await gw.admin("PUT", "policy", BUFFERING)
        assert (await gw.post("/v1/workorders", {"title": "A"}, key="other")).status == 401


async def test_reads_get_503_with_retry_after(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = await gw.get("/v1/users", f"Authorization: Bearer {mx.key}", method=method)
            assert answer.status == 503
            assert int(answer.one("Retry-After") or 0) > 0
            assert answer.one("X-MX-Limited") == b"buffering"
        assert not mx.requests


async def test_a_read_that_may_be_stale_gets_its_last_good_answer_marked(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"stale_paths": ("GET /v1/users*",)}) as (mx, gw):
        mx.add_key("other")
        auth = f"Authorization: Bearer {mx.key}"
        fresh = await gw.get("/v1/users?limit=2", auth)
        await gw.get("/v1/assets", auth)
        await gw.admin("PUT", "policy", BUFFERING)
        stale = await gw.get("/v1/users?limit=2", auth)
        assert (stale.status, stale.body) == (200, fresh.body)
        assert stale.one("Content-Type") == fresh.one("Content-Type")
        assert int(stale.one("X-MX-Stale") or -1) >= 0
        assert fresh.one("X-MX-Stale") is None
        assert (await gw.get("/v1/users?limit=3", auth)).status == 503
        assert (await gw.get("/v1/assets", auth)).status == 503
        assert (await gw.get("/v1/users?limit=2", "Authorization: Bearer other")).status == 503


async def test_a_full_buffer_refuses_new_writes_and_drops_none(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"max_bytes": 65536}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        body = {"title": "A", "description": "x" * 20_000}
        answers = [await gw.post("/v1/workorders", body, key=mx.key) for _ in range(5)]
        assert [answer.status for answer in answers] == [202, 202, 202, 503, 503]
        assert int(answers[-1].one("Retry-After") or 0) > 0
        assert "not kept" in answers[-1].json()["error"]
        status = (await gw.admin("GET", "status")).json()
        assert status["buffer"]["waiting"] == 3
        await gw.admin("PUT", "policy", PASS)
        assert (await replayed(gw))["done"] == 3
        await gw.admin("PUT", "policy", BUFFERING)
        assert (await gw.post("/v1/workorders", body, key=mx.key)).status == 202
        events = [event["what"] for event in (await gw.admin("GET", "events")).json()["events"]]
        assert events.count("buffer_full") == 1
        assert events.count("buffer_has_room") == 1


async def test_a_body_longer_than_the_buffer_takes_is_413(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"max_body": 2048}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        answer = await gw.post("/v1/workorders", {"title": "x" * 4000}, key=mx.key)
        assert answer.status == 413
        assert (await gw.admin("GET", "buffer")).json()["items"] == []


async def test_a_client_that_leaves_in_its_body_leaves_nothing_behind(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        async with gw.connected() as (_, writer):
            head = f"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {mx.key}\r\n"
            writer.write(f"{head}Content-Length: 100\r\n\r\n".encode() + b'{"title":')
            await writer.drain()
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)
        assert (await gw.admin("GET", "buffer")).json()["items"] == []


async def test_a_chunked_write_and_one_that_expects_100_are_kept_whole(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        head = f"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {mx.key}\r\n"
        chunked = b'8\r\n{"title"\r\n6\r\n:"Z1"}\r\n0\r\n\r\n'
        answer = await gw.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked)
        assert answer.status == 202
        async with gw.connected() as (reader, writer):
            writer.write(f"{head}Content-Length: 14\r\nExpect: 100-continue\r\n\r\n".encode())
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            writer.write(b'{"title":"Z2"}')
            assert (await reader.readline()).startswith(b"HTTP/1.1 202")
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        assert await titles(mx, beginning="Z") == ["Z1", "Z2"]


async def test_ending_buffering_lets_no_new_write_overtake_a_waiting_one(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        order = next(iter(mx.workorders))
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post(f"/v1/workorders/{order}", {"title": "first"}, method="PATCH", key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        policy = (await gw.admin("GET", "policy")).json()
        assert policy["mode"] == "draining"
        late = await gw.post(f"/v1/workorders/{order}", {"title": "second"}, method="PATCH", key=mx.key)
        assert late.status == 202, "it queues behind, though nothing is buffered any more"
        read = await gw.get(f"/v1/workorders/{order}", f"Authorization: Bearer {mx.key}")
        assert read.status == 200, "reads pass again"
        assert (await gw.admin("GET", "replay")).json()["state"] == "idle", "a person clicks"
        assert (await replayed(gw))["done"] == 2
        assert mx.workorders[order]["title"] == "second"
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"
        assert (await gw.post(f"/v1/workorders/{order}", {}, method="PATCH", key=mx.key)).status == 200


async def test_a_lease_that_runs_out_ends_in_draining_too(tmp_path: Path) -> None:
    clock = FakeClock()
    async with (
        FakeMaintainX.start(**WIDE) as mx,
        gateway(mx.base_url, tmp_path, clock=clock, key=HeldKey(mx.key), **WIDE) as gw,
    ):
        await gw.admin("PUT", "leases/run-1", {**LEASE, "buffer": "on", "ttl_s": 60})
        assert (await gw.post("/v1/workorders", {"title": "A"}, key=mx.key)).status == 202
        await clock.until_parked(2)
        await clock.advance(61)
        async with asyncio.timeout(10):
            while (await gw.admin("GET", "policy")).json()["mode"] == "buffering":  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.02)
        assert (await gw.admin("GET", "policy")).json()["mode"] == "draining"
        assert (await gw.post("/v1/workorders", {"title": "B"}, key=mx.key)).status == 202


LEASE = {"owner": "slack:U1", "reason": "outage", "ttl_s": 600}


async def test_a_write_that_comes_while_the_replay_runs_is_delivered_after_those_before_it(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, buffer={"concurrency": 1}) as (mx, gw):
        order = next(iter(mx.workorders))
        mx.delay_s = 0.05
        await gw.admin("PUT", "policy", BUFFERING)
        for n in range(5):
            await gw.post(f"/v1/workorders/{order}", {"title": f"n{n}"}, method="PATCH", key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        late = await gw.post(f"/v1/workorders/{order}", {"title": "n5"}, method="PATCH", key=mx.key)
        assert late.status == 202
        await until_replay(gw, "done")
        bodies = [r.body for r in mx.requests if r.method == "PATCH"]
        assert bodies == [b'{"title": "n%d"}' % n for n in range(6)]


async def test_a_rejected_write_keeps_its_answer_and_blocks_nobody(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        order = next(iter(mx.workorders))
        await gw.admin("PUT", "policy", BUFFERING)
        bad = await gw.post(f"/v1/workorders/{order}", {"nonsense": 1}, method="PATCH", key=mx.key)
        await gw.post(f"/v1/workorders/{order}", {"title": "after"}, method="PATCH", key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        end = await replayed(gw)
        assert (end["done"], end["left"]) == (2, 0)
        assert "1 rejected" in end["says"]
        assert mx.workorders[order]["title"] == "after"
        (item,) = (await gw.admin("GET", "buffer?state=rejected")).json()["items"]
        assert item["buffer_id"] == bad.json()["buffer_id"]
        assert item["answer"]["status"] == 400
        assert "additional properties" in item["answer"]["body"]


async def test_an_unknown_creation_without_a_marker_is_parked_until_a_person_decides(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        order = next(iter(mx.workorders))
        await gw.admin("PUT", "policy", BUFFERING)
        comment = await gw.post(f"/v1/workorders/{order}/comments", {"content": "hi"}, key=mx.key)
        await gw.post(f"/v1/workorders/{order}", {"title": "behind"}, method="PATCH", key=mx.key)
        await gw.post("/v1/workorders", {"title": "elsewhere"}, key=mx.key)
        mx.break_(Fault("drop", methods=("POST",), times=1))
        await gw.admin("PUT", "policy", PASS)
        end = await replayed(gw)
        assert end["parked"] == 1
        assert "1 parked for a person" in end["says"]
        assert await titles(mx, beginning="elsewhere") == ["elsewhere"], "one entity blocks only itself"
        assert mx.workorders[order]["title"] != "behind"
        name = comment.json()["buffer_id"]
        (item,) = (await gw.admin("GET", "buffer?state=unknown")).json()["items"]
        assert (item["buffer_id"], item["parked"]) == (name, True)
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"
        later = await gw.post(f"/v1/workorders/{order}", {"title": "last"}, method="PATCH", key=mx.key)
        assert later.status == 202, "it must not overtake what waits behind the parked one"
        free = await gw.post("/v1/workorders", {"title": "free"}, key=mx.key)
        assert free.status == 200, "others pass"
        dry = (await gw.admin("POST", "replay", {"action": "start", "dry_run": True})).json()
        assert "1 would be parked" in dry["says"]
        arrived = await gw.admin(
            "POST", f"buffer/{name}", {"action": "arrived", "owner": "slack:U2", "reason": "I see it"}
        )
        assert arrived.json()["state"] == "delivered"
        assert "what waited behind it is being sent now" in arrived.json()["says"]
        await until_replay(gw, "done")
        assert mx.workorders[order]["title"] == "last"
        assert len(mx.rows.comments[order]) == 1
        told = {event["what"]: event for event in (await gw.admin("GET", "events")).json()["events"]}
        assert told["write_parked"]["buffer_id"] == name
        assert told["write_arrived"]["actor"] == "slack:U2"


async def test_send_again_sends_it_and_what_waits_behind_it(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        order = next(iter(mx.workorders))
        await gw.admin("PUT", "policy", BUFFERING)
        name = (await gw.post(f"/v1/workorders/{order}/comments", {"content": "hi"}, key=mx.key)).json()[
            "buffer_id"
        ]
        await gw.post(f"/v1/workorders/{order}", {"title": "behind"}, method="PATCH", key=mx.key)
        mx.break_(Fault("reset", methods=("POST",), times=1))
        await gw.admin("PUT", "policy", PASS)
        assert (await replayed(gw))["parked"] == 1
        again = await gw.admin("POST", f"buffer/{name}", {"action": "resend", "owner": "slack:U2"})
        assert again.status == 200
        assert "being sent now" in again.json()["says"]
        await until_replay(gw, "done")
        assert len(mx.rows.comments[order]) == 1
        assert mx.workorders[order]["title"] == "behind"
        twice = await gw.admin("POST", f"buffer/{name}", {"action": "resend", "owner": "slack:U3"})
        assert twice.status == 409
        assert "delivered" in twice.json()["error"]


async def test_dropping_needs_a_reason_and_is_told(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        name = (await gw.post("/v1/workorders", {"title": "A"}, key=mx.key)).json()["buffer_id"]
        assert (await gw.admin("POST", f"buffer/{name}", {"action": "drop", "owner": "a"})).status == 400
        drop = {"action": "drop", "owner": "cli:ann@host", "reason": "a test of ours"}
        assert (await gw.admin("POST", f"buffer/{name}", drop)).json()["state"] == "dropped"
        (event,) = [e for e in (await gw.admin("GET", "events")).json()["events"] if e["buffer_id"] == name]
        assert (event["what"], event["actor"]) == ("write_dropped", "cli:ann@host")
        assert "a test of ours" in event["says"]
        await gw.admin("PUT", "policy", PASS)
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"
        assert (await gw.admin("POST", "buffer/mxb_0", drop)).status == 400


async def test_dropping_one_of_those_that_wait_starts_no_replay_of_the_rest(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        names = [
            (await gw.post("/v1/workorders", {"title": f"Q{n}"}, key=mx.key)).json()["buffer_id"]
            for n in range(3)
        ]
        await gw.admin("PUT", "policy", PASS)
        drop = {"action": "drop", "owner": "cli:ann@host", "reason": "a test of ours"}
        assert (await gw.admin("POST", f"buffer/{names[1]}", drop)).status == 200
        assert (await gw.admin("GET", "replay")).json()["state"] == "idle"
        await replayed(gw)
        assert await titles(mx, beginning="Q") == ["Q0", "Q2"]


async def test_pause_resume_and_cancel(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"concurrency": 1}) as (mx, gw):
        mx.delay_s = 0.1
        await gw.admin("PUT", "policy", BUFFERING)
        for n in range(8):
            await gw.post("/v1/workorders", {"title": f"P{n}"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)

        async def act(action: str) -> Message:
            return await gw.admin("POST", "replay", {"action": action, "owner": "slack:U1"})

        assert (await act("pause")).status == 409
        assert (await act("start")).json()["state"] == "running"
        assert (await act("start")).status == 409
        assert (await act("pause")).json()["state"] == "paused"
        await asyncio.sleep(0.3)
        there = len(await titles(mx, beginning="P"))
        await asyncio.sleep(0.3)
        assert len(await titles(mx, beginning="P")) == there < 8
        assert (await act("resume")).json()["state"] == "running"
        assert (await act("cancel")).json()["state"] == "idle"
        assert (await gw.admin("GET", "policy")).json()["mode"] == "draining"
        assert (await act("start")).status == 200
        await until_replay(gw, "done")
        assert await titles(mx, beginning="P") == [f"P{n}" for n in range(8)]


async def test_buffering_again_pauses_the_replay_and_a_person_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"concurrency": 1}) as (mx, gw):
        mx.delay_s = 0.1
        await gw.admin("PUT", "policy", BUFFERING)
        for n in range(4):
            await gw.post("/v1/workorders", {"title": f"P{n}"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        await gw.admin("PUT", "policy", BUFFERING)
        found = await until_replay(gw, "paused")
        assert "buffered again" in found["says"]
        assert (await gw.admin("POST", "replay", {"action": "resume"})).status == 409
        await gw.admin("PUT", "policy", PASS)
        assert (await gw.admin("GET", "replay")).json()["state"] == "paused"
        await gw.admin("POST", "replay", {"action": "resume", "owner": "slack:U1"})
        await until_replay(gw, "done")
        assert await titles(mx, beginning="P") == [f"P{n}" for n in range(4)]


async def test_a_refused_key_pauses_the_replay_and_rejects_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "A"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        mx.revoke_key(mx.key)
        found = await replayed(gw)
        assert found["state"] == "paused"
        assert "401" in found["says"]
        assert (await gw.admin("GET", "buffer")).json()["counts"]["waiting"] == 1
        mx.add_key("fresh")
        put = await gw.admin("PUT", "key", {"key": "fresh", "owner": "slack:U1", "reason": "rotated"})
        assert put.status == 200
        assert b"fresh" not in put.body
        await gw.admin("POST", "replay", {"action": "resume", "owner": "slack:U1"})
        assert (await until_replay(gw, "done"))["done"] == 1
        events = (await gw.admin("GET", "events")).body
        assert b"key_changed" in events
        assert b"fresh" not in events


async def test_skip_webhook_is_asked_for_where_configured(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"skip_webhook": True}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders?expand=asset", {"title": "A"}, key=mx.key)
        await gw.post("/v1/workorders", {"title": "B"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        queries = [request.query for request in mx.requests if request.method == "POST"]
        assert queries == ["expand=asset&skipWebhook=true", "skipWebhook=true"]


async def test_the_replay_keeps_below_its_share_of_the_limit(tmp_path: Path) -> None:
    buffer = BufferSettings(replay_share=0.5, settle_s=0.0)
    limits: dict[str, Any] = {"user_limit": 240, "organisation_limit": 1000}
    async with (
        FakeMaintainX.start(user_limit=100_000, organisation_limit=100_000, rate_headers=False) as mx,
        gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=buffer, **limits) as gw,
    ):
        await gw.admin("PUT", "policy", BUFFERING)
        for n in range(20):
            await gw.post("/v1/workorders", {"title": f"Q{n}"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        dry = (await gw.admin("POST", "replay", {"action": "start", "dry_run": True})).json()
        assert dry["rate_per_min"] == 120
        assert dry["says"].startswith("20 writes, oldest ")
        assert "about 10 s at 120 a minute" in dry["says"]
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        await asyncio.sleep(2.0)
        assert 3 <= len(await titles(mx, beginning="Q")) <= 6
        await gw.admin("POST", "replay", {"action": "pause", "owner": "slack:U1"})


async def test_bodies_stand_on_the_disk_as_they_came_where_no_key_is_set(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "Plain leak"}, key=mx.key)
        assert (await gw.admin("GET", "status")).json()["buffer"]["encrypted"] is False
        assert on_disk(tmp_path, b"Plain leak")


async def test_bodies_are_encrypted_at_rest_where_a_key_is_set(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"key": "a long pass phrase"}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "Secret leak"}, key=mx.key)
        assert (await gw.admin("GET", "status")).json()["buffer"]["encrypted"] is True
        assert not on_disk(tmp_path, b"Secret leak")
        (item,) = (await gw.admin("GET", "buffer")).json()["items"]
        shown = (await gw.admin("GET", f"buffer/{item['buffer_id']}")).json()
        assert shown["body"] == '{"title": "Secret leak"}'
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        assert await titles(mx, beginning="Secret") == ["Secret leak"]
        assert not on_disk(tmp_path, b"Secret leak")


async def test_a_locked_database_is_503_and_nothing_is_acknowledged(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        locked = await gw.post("/v1/workorders", {"title": "A"}, key=mx.key)
        assert locked.status == 503
        assert int(locked.one("Retry-After") or 0) > 0
        assert "not kept" in locked.json()["error"]
        other.execute("ROLLBACK")
        other.close()
        assert (await gw.post("/v1/workorders", {"title": "B"}, key=mx.key)).status == 202
        assert len((await gw.admin("GET", "buffer")).json()["items"]) == 1


async def test_an_answer_that_the_disk_cannot_take_just_now_is_noted_later_and_not_sent_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "Once"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        mx.delay_s = 0.4
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        async with asyncio.timeout(10):
            while not mx.requests:  # noqa: ASYNC110 - another task
                await asyncio.sleep(0.01)
        other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(2.5)
        assert "could not be written down" in (await gw.admin("GET", "replay")).json()["says"]
        other.execute("ROLLBACK")
        other.close()
        assert (await until_replay(gw, "done"))["done"] == 1
        assert await titles(mx, beginning="Once") == ["Once"]


async def test_a_stop_does_not_wait_for_a_replay_that_waits_for_its_turn(tmp_path: Path) -> None:
    limits: dict[str, Any] = {"user_limit": 2, "organisation_limit": 100}
    buffer = BufferSettings(replay_share=1.0, settle_s=0.0)
    started = 0.0
    async with FakeMaintainX.start(**WIDE, rate_headers=False) as mx:
        async with gateway(
            mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=buffer, drain_s=20.0, **limits
        ) as gw:
            await gw.admin("PUT", "policy", BUFFERING)
            for n in range(5):
                await gw.post("/v1/workorders", {"title": f"Q{n}"}, key=mx.key)
            await gw.admin("PUT", "policy", PASS)
            await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
            await asyncio.sleep(0.3)
            started = time.monotonic()
        assert time.monotonic() - started < 3
        async with gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=buffer, **WIDE) as gw:
            await until_replay(gw, "done")
            assert sorted(await titles(mx, beginning="Q")) == [f"Q{n}" for n in range(5)]
