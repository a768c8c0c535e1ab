"""Where the buffer could break its word: a parked write, a restart, a full or unwilling disk, a stop, a busy limit."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.demo.maintainx import FakeMaintainX, Fault
from bot.gateway.buffer.settings import BufferSettings
from tests.gateway.test_buffering import (
    BUFFERING,
    LEASE,
    PASS,
    WIDE,
    on_disk,
    replayed,
    titles,
    until_replay,
    world,
)
from tests.gateway.wires import OK, Message, RunningGateway, gateway, read_message, resident_mb, upstream
from tests.keys import HeldKey

QUICK: dict[str, Any] = {"replay_share": 1.0, "settle_s": 0.0}


def database(folder: Path, *statements: str) -> None:
    """What somebody does to the gateway's file from outside."""
    connection = sqlite3.connect(folder / "gateway.db", timeout=10)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


async def events(gw: RunningGateway) -> list[str]:
    return [event["what"] for event in (await gw.admin("GET", "events")).json()["events"]]


async def parked(gw: RunningGateway, mx: FakeMaintainX) -> int:
    """A work order with a comment of unknown fate."""
    order = next(iter(mx.workorders))
    await gw.admin("PUT", "policy", BUFFERING)
    await gw.post(f"/v1/workorders/{order}/comments", {"content": "hi"}, key=mx.key)
    mx.break_(Fault("reset", methods=("POST",), times=1))
    await gw.admin("PUT", "policy", PASS)
    assert (await replayed(gw))["parked"] == 1
    return order


async def test_a_new_write_to_a_parked_ones_entity_holds_up_no_other(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        order = await parked(gw, mx)
        behind = await gw.post(f"/v1/workorders/{order}", {"title": "x"}, method="PATCH", key=mx.key)
        assert behind.status == 202
        for _ in range(3):
            assert (await gw.post("/v1/workorders", {"title": "free"}, key=mx.key)).status == 200
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"


async def test_a_disk_that_refuses_the_end_of_a_replay_does_not_end_the_gateway(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "Once"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        mx.delay_s = 0.3
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        stop = "CREATE TRIGGER stop BEFORE UPDATE ON replay BEGIN SELECT RAISE(ABORT, 'no'); END"
        database(tmp_path, stop)
        await asyncio.sleep(1.5)
        assert (await gw.get("/v1/users", f"Authorization: Bearer {mx.key}")).status == 200
        database(tmp_path, "DROP TRIGGER stop")
        await until_replay(gw, "done")
        assert await titles(mx, beginning="Once") == ["Once"]


async def test_auto_goes_on_after_a_restart_in_the_outage(tmp_path: Path) -> None:
    settings = BufferSettings(**QUICK, auto_replay=True, down_after=2, up_after=1, ask_every_s=0.05)
    async with FakeMaintainX.start(**WIDE) as mx:

        @asynccontextmanager
        async def life() -> AsyncIterator[RunningGateway]:
            async with gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=settings, **WIDE) as gw:
                yield gw

        async with life() as gw:
            await gw.admin("PUT", "leases/a", {**LEASE, "buffer": "auto"})
            mx.break_(Fault("error", status=503))
            for _ in range(2):
                await gw.get("/v1/users", f"Authorization: Bearer {mx.key}")
            assert (await gw.post("/v1/workorders", {"title": "Kept"}, key=mx.key)).status == 202
        async with life() as gw:
            assert (await gw.admin("GET", "policy")).json()["mode"] == "buffering"
            mx.heal()
            await until_replay(gw, "done")
            assert await titles(mx, beginning="Kept") == ["Kept"]
            assert (await events(gw)).count("circuit_closed") == 1


async def test_writers_at_once_and_bodiless_writes_keep_to_the_limit(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"max_bytes": 65536}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        body = {"title": "A", "description": "x" * 30_000}
        answers = await asyncio.gather(*(gw.post("/v1/workorders", body, key=mx.key) for _ in range(20)))
        assert sorted({answer.status for answer in answers}) == [202, 503]
        assert (await gw.admin("GET", "status")).json()["buffer"]["bytes"] <= 65536
        head = f"HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {mx.key}\r\n\r\n"
        delete = f"DELETE /v1/workorders/1?q={'x' * 30_000} {head}".encode()
        deletes = [(await gw.send(delete, method="DELETE")).status for _ in range(3)]
        assert deletes[-1] == 503


async def test_unfinished_uploads_count_against_the_limit(tmp_path: Path) -> None:
    async with world(tmp_path, buffer={"max_bytes": 2**20}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        head = f"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {mx.key}\r\n"

        async def half() -> Message:
            async with gw.connected() as (reader, writer), asyncio.timeout(10):
                writer.write(f"{head}Content-Length: 600000\r\n\r\n".encode() + b"x" * 599_999)
                return await read_message(reader, method="POST", answer=True)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(half()) for _ in range(6)]
            done, waiting = await asyncio.wait(tasks, timeout=1.0)
            for task in waiting:
                task.cancel()
        assert {task.result().status for task in done} == {503}
        assert len(waiting) == 1, "one of them fits"
        assert (await gw.post("/v1/workorders", {"title": "A"}, key=mx.key)).status == 202


async def test_a_list_of_large_writes_costs_no_memory(tmp_path: Path) -> None:
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        body = json.dumps({"title": "A", "description": "x" * 4_000_000}).encode()
        for _ in range(20):
            assert (await gw.post("/v1/workorders", body, key=mx.key)).status == 202
        before = resident_mb()
        listed = (await gw.admin("GET", "buffer")).json()["items"]
        assert len(listed) == 20
        assert resident_mb() - before < 40


async def test_the_feed_hears_once_that_there_is_no_room_also_where_the_disk_refused_it_first(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, buffer={"max_bytes": 65536}) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        big, small = {"title": "A", "description": "x" * 50_000}, {"title": "s"}
        await gw.post("/v1/workorders", big, key=mx.key)
        database(tmp_path, "CREATE TRIGGER stop BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no'); END")
        assert (await gw.post("/v1/workorders", big, key=mx.key)).status == 503
        database(tmp_path, "DROP TRIGGER stop")
        for _ in range(4):
            assert (await gw.post("/v1/workorders", big, key=mx.key)).status == 503
            assert (await gw.post("/v1/workorders", small, key=mx.key)).status == 202
        told = await events(gw)
        assert (told.count("buffer_full"), told.count("buffer_has_room")) == (1, 0)


async def test_looking_keeps_the_replays_pace(tmp_path: Path) -> None:
    buffer = BufferSettings(replay_share=0.4, settle_s=0.0)
    limits: dict[str, Any] = {"user_limit": 300, "organisation_limit": 5000}
    async with FakeMaintainX.start(**WIDE, rate_headers=False) as mx:
        async with gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=buffer, **limits) as gw:
            await gw.admin("PUT", "policy", BUFFERING)
            for n in range(30):
                await gw.post("/v1/workorders", {"title": f"T{n}"}, key=mx.key)
        database(tmp_path, "UPDATE buffered SET state = 'unknown', sent_at = received_at, attempts = 1")
        async with gateway(mx.base_url, tmp_path, key=HeldKey(mx.key), buffer=buffer, **limits) as gw:
            await gw.admin("PUT", "policy", PASS)
            await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
            await asyncio.sleep(2.0)
            assert 2 <= len(mx.requests) <= 7, "its share is two a second"


async def test_a_stop_leaves_nothing_as_being_sent_that_was_not(tmp_path: Path) -> None:
    buffer = BufferSettings(**QUICK, concurrency=1)
    async with upstream() as up:
        for life in range(8):
            folder = tmp_path / str(life)
            folder.mkdir()
            async with gateway(up.url, folder, key=HeldKey("k"), buffer=buffer, **WIDE) as gw:
                await gw.admin("PUT", "policy", BUFFERING)
                for n in range(20):
                    await gw.post(f"/v1/workorders/{n}/comments", {"n": n}, key="k")
                await gw.admin("PUT", "policy", PASS)
                await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
                await asyncio.sleep(0.01 + life * 0.004)
            connection = sqlite3.connect(folder / "gateway.db")
            [(sending,)] = connection.execute("SELECT count(*) FROM buffered WHERE state = 'sending'")
            connection.close()
            assert sending == 0


async def test_a_try_that_waits_while_buffering_begins_is_kept_behind_nobody(
    tmp_path: Path, free_port: int
) -> None:
    got: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                got.append((await read_message(reader)).body)
                writer.write(OK)
        except asyncio.IncompleteReadError:
            writer.close()

    url = f"http://127.0.0.1:{free_port}/v1"
    buffer = BufferSettings(**QUICK, down_after=1000)
    settings: dict[str, Any] = {"retry_share": 1.0, "retry_tries": 10, **WIDE}
    async with gateway(url, tmp_path, key=HeldKey("k"), buffer=buffer, **settings) as gw:
        for _ in range(15):  # these save up further tries, and are not tried again themselves yet
            await gw.send(b"TRACE /v1/x HTTP/1.1\r\nHost: g\r\n\r\n")
        await gw.admin("PUT", "leases/r", {**LEASE, "retry": True})
        async with asyncio.TaskGroup() as group:
            first = group.create_task(
                gw.post("/v1/workorders/1", {"title": "first"}, method="PATCH", key="k")
            )
            await asyncio.sleep(0.05)
            await gw.admin("PUT", "policy", BUFFERING)
            server = await asyncio.start_server(answer, "127.0.0.1", free_port)
        assert first.result().status == 202
        assert got == []
        server.close()


async def test_a_body_that_stands_still_is_408(tmp_path: Path) -> None:
    async with world(tmp_path, stall_s=0.3) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        head = f"POST /v1/workorders HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {mx.key}\r\n"
        answer = await gw.send(f"{head}Content-Length: 10\r\n\r\nab".encode(), method="POST")
        assert answer.status == 408
        assert "stood still" in answer.json()["error"]


async def test_a_stale_answer_has_the_headers_that_it_had(tmp_path: Path) -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    raw += b"X-Rate-Limit-Remaining: 3\r\nContent-Length: 2\r\n\r\nok"
    buffer = BufferSettings(stale_paths=("GET /v1/users*",))
    async with upstream(raw) as up, gateway(up.url, tmp_path, key=HeldKey("k"), buffer=buffer, **WIDE) as gw:
        await gw.get("/v1/users", "Authorization: Bearer k")
        await gw.admin("PUT", "policy", BUFFERING)
        stale = await gw.get("/v1/users", "Authorization: Bearer k")
        assert stale.all("content-type") == [b"text/csv"]
        assert stale.all("set-cookie") == [b"a=1", b"b=2"]
        assert stale.one("x-rate-limit-remaining") is None
        assert stale.body == b"ok"


async def test_several_organisations_stay_several(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, key=HeldKey("k"), **WIDE) as gw:
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/things", {}, "x-organization-ids: 1,2", key="k")
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        assert up.requests[-1].one("x-organization-ids") == b"1,2"
        assert up.requests[-1].one("x-organization-id") is None


@pytest.mark.parametrize("asked", [b"inf", b"1e9", b"Wed, 21 Oct 2037 07:28:00 GMT", b"-1"])
async def test_an_odd_retry_after_stops_no_replay_for_ever(tmp_path: Path, asked: bytes) -> None:
    refused = b"HTTP/1.1 429 no\r\nRetry-After: " + asked + b"\r\nContent-Length: 0\r\n\r\n"
    answers = iter([refused])
    buffer = BufferSettings(**QUICK)
    async with (
        upstream(lambda _: next(answers, OK)) as up,
        gateway(up.url, tmp_path, key=HeldKey("k"), buffer=buffer, **WIDE) as gw,
    ):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/things/1", {}, key="k")
        await gw.admin("PUT", "policy", PASS)
        await gw.admin("POST", "replay", {"action": "start", "owner": "slack:U1"})
        async with asyncio.timeout(10):
            says = ""
            while not says.startswith(("MaintainX answered 429", "1 delivered")):
                says = (await gw.admin("GET", "replay")).json()["says"]


async def test_a_key_that_could_not_be_noted_is_not_used(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path, key=HeldKey("old"), **WIDE) as gw:
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/things/1", {}, key="old")
        await gw.admin("PUT", "policy", PASS)
        stop = "CREATE TRIGGER stop BEFORE INSERT ON event WHEN NEW.what = 'key_changed'"
        database(tmp_path, f"{stop} BEGIN SELECT RAISE(ABORT, 'no'); END")
        assert (await gw.admin("PUT", "key", {"key": "new", "owner": "a"})).status == 503
        await replayed(gw)
        assert up.requests[-1].one("authorization") == b"Bearer old"


async def test_maintainx_words_about_a_body_are_not_on_the_disk_where_it_is_encrypted(tmp_path: Path) -> None:
    raw = b'HTTP/1.1 422 no\r\nContent-Length: 40\r\n\r\n{"error": "title SECRETWORD too long!!"}'
    buffer = BufferSettings(**QUICK, key="a long pass phrase")
    async with upstream(raw) as up, gateway(up.url, tmp_path, key=HeldKey("k"), buffer=buffer, **WIDE) as gw:
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/things/1", {"title": "SECRETWORD"}, key="k")
        await gw.admin("PUT", "policy", PASS)
        await replayed(gw)
        assert not on_disk(tmp_path, b"SECRETWORD")


async def test_further_tries_give_their_place_in_the_budget_back(tmp_path: Path) -> None:
    async def dies(_: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    rates = b"X-Rate-Limit-Limit: 100\r\nX-Rate-Limit-Remaining: 99\r\nX-Rate-Limit-Reset: 60\r\n"
    good = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + rates + b"\r\nok"
    settings: dict[str, Any] = {"retry_share": 1.0, "retry_tries": 2, "max_wait_s": 0.2, **WIDE}
    async with upstream(good) as up, gateway(up.url, tmp_path, **settings) as gw:
        await gw.admin("PUT", "leases/r", {**LEASE, "retry": True})
        up.behaviour = dies
        for _ in range(15):
            await asyncio.gather(*(gw.get("/v1/users") for _ in range(4)))
        up.behaviour = None
        assert [(await gw.get("/v1/users")).status for _ in range(4)] == [200] * 4
        assert (await gw.admin("GET", "status")).json()["budget"]["left"] >= 95


async def test_a_title_that_maintainx_trims_is_found_all_the_same(tmp_path: Path) -> None:
    made: list[dict[str, Any]] = []

    def told(content: Any) -> bytes:
        raw = json.dumps(content).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(raw), raw)

    def answer(message: Message) -> bytes:
        if message.start.startswith(b"POST"):
            made.append({**json.loads(message.body), "title": "Pump 7", "id": len(made) + 1})
            return b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n"
        if b"workorders?" in message.start:
            return told({"workOrders": [{"id": one["id"], "title": one["title"]} for one in made]})
        return told({"workOrder": made[0]})

    buffer = BufferSettings(**QUICK)
    async with (
        upstream(answer) as up,
        gateway(up.url, tmp_path, key=HeldKey("k"), buffer=buffer, **WIDE) as gw,
    ):
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post("/v1/workorders", {"title": "Pump 7 "}, key="k")
        await gw.admin("PUT", "policy", PASS)
        assert (await replayed(gw))["done"] == 1
        assert len(made) == 1
