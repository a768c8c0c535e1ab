"""An upgrade keeps what is there: files of earlier versions start with every lease, line and waiting write in them."""

import asyncio
import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.gateway.buffer.settings import BufferSettings
from bot.gateway.schema import BUFFER, FIRST, UPGRADES
from bot.journal.sqlite import Database
from tests.clock import FakeClock
from tests.gateway.buffer.rig import NOON, kept
from tests.gateway.wires import Message, RunningGateway, gateway, upstream
from tests.keys import HeldKey

GOLDEN = Path(__file__).parents[2] / "golden"
KEY = "demo-maintainx-key"
ANN = {"owner": "cli:ann@host", "reason": "after the upgrade"}
SEALED = BufferSettings(key="golden-key", replay_share=1.0, concurrency=1)


def lay(folder: Path, name: str) -> Path:
    """A file as that version left it."""
    path = folder / "gateway.db"
    connection = sqlite3.connect(path)
    connection.executescript("PRAGMA journal_mode = WAL;" + (GOLDEN / name).read_text("utf-8"))
    connection.close()
    return path


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def form(path: Path) -> set[str]:
    """Tables, columns, indexes and triggers, without regard to white space and comments."""
    found = rows(path, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'")
    lines = (" ".join(line.partition("--")[0] for line in str(sql).splitlines()) for (sql,) in found)
    return {" ".join(line.split()).replace('"', "") for line in lines}


async def drained(gw: RunningGateway, clock: FakeClock) -> dict[str, object]:
    """Wind the replay on to its end."""
    async with asyncio.timeout(20):
        while (found := (await gw.admin("GET", "replay")).json())["state"] == "running":
            await clock.advance(0.5)
    assert isinstance(found, dict)
    return found


async def test_a_file_of_the_first_version_keeps_its_leases_and_its_feed_and_can_buffer(
    tmp_path: Path,
) -> None:
    path = lay(tmp_path, "gateway-0.1.0.sql")
    leases = rows(path, "SELECT id, owner, reason, since, expires_at FROM lease ORDER BY since")
    events = rows(path, "SELECT n, at, actor, what, lease, says FROM event ORDER BY n")
    [(instance,)] = rows(path, "SELECT instance FROM feed")
    assert (len(leases), len(events)) == (2, 4)

    async with upstream() as up, gateway(up.url, tmp_path, clock=FakeClock(NOON), key=HeldKey(KEY)) as gw:
        policy = (await gw.admin("GET", "policy")).json()
        feed = (await gw.admin("GET", "events?after=0")).json()
        await gw.admin("PUT", "leases/b", {**ANN, "buffer": "on", "ttl_s": 600})
        kept_write = await gw.post("/v1/workorders", {"title": "Leak"}, key=KEY)

    names = ("id", "owner", "reason", "since", "expires_at")
    assert [tuple(lease[name] for name in names) for lease in policy["leases"]] == leases
    assert (policy["mode"], policy["rate_per_s"]) == ("limited", 1.0)
    assert policy["paused_jobs"] == ["asset-sync", "report-generator"]
    assert feed["instance"] == instance, "the same feed: the bot takes nothing for new"
    shown = [tuple(e[name] for name in ("n", "at", "actor", "what", "lease", "says")) for e in feed["events"]]
    assert shown == events
    assert {e["buffer_id"] for e in feed["events"]} == {""}
    assert kept_write.status == 202
    assert rows(path, "PRAGMA user_version") == [(len(UPGRADES),)]


def test_the_golden_file_has_the_form_that_the_upgrade_gives(tmp_path: Path) -> None:
    """Released upgrades are never changed; whoever changes one sees it here."""
    made = tmp_path / "made.db"
    connection = sqlite3.connect(made)
    connection.executescript(FIRST + BUFFER)
    connection.close()

    assert form(lay(tmp_path, "gateway-buffer.sql")) == form(made)


async def test_a_full_buffer_is_kept_whole(tmp_path: Path) -> None:
    path = lay(tmp_path, "gateway-buffer.sql")
    before = rows(path, "SELECT * FROM buffered ORDER BY seq")
    events = rows(path, "SELECT * FROM event ORDER BY n")

    async with kept(tmp_path, clock=FakeClock(NOON), key="golden-key") as mx:
        writes = await mx.all()
        tally = mx.buffer.tally
        assert (mx.control.state, mx.control.json(rate_per_s=1.0)["by"]) == ("paused", "cli:ann@host")
        assert (await mx.told())[: len(events)] == [(e[2], e[3], e[6]) for e in events]

    assert len(before) == 10
    assert [
        (w.seq, w.id, w.entity, w.method, w.target, w.organisation, w.attempts, w.size) for w in writes
    ] == [(r[0], r[1], r[5], r[6], r[7], r[12], r[16], r[10]) for r in before]
    assert [(w.state, w.parked) for w in writes] == [
        ("delivered", False),
        ("rejected", False),
        ("waiting", False),
        ("unknown", False),  # it was being sent
        ("unknown", False),
        ("unknown", True),
        ("dropped", False),
        ("waiting", False),
        ("waiting", False),
        ("waiting", False),
    ]
    assert [json.loads(w.body or b"null") for w in writes] == [
        {"title": "first"},
        {"nonsense": "second"},
        {"title": "third"},
        None,
        {"title": "Leak at pump 3", "priority": "HIGH"},
        {"name": "Pump 3"},
        None,
        {"status": "DONE"},
        {"content": "Seen at 10:02"},
        {"title": "last"},
    ]
    assert (writes[0].answer_status, writes[1].answer_status) == (200, 400)
    assert b'"id":101' in (writes[0].answer or b"")
    assert tally.json() == {"waiting": 4, "sending": 0, "delivered": 1, "rejected": 1, "unknown": 3}
    assert rows(path, "PRAGMA user_version") == [(len(UPGRADES),)]


async def test_a_full_buffer_is_delivered_in_order_after_the_upgrade(tmp_path: Path) -> None:
    lay(tmp_path, "gateway-buffer.sql")
    clock = FakeClock(NOON)

    def answer(request: Message) -> bytes:
        match request.start.split(b" ")[:2]:
            case [b"GET", target] if target.startswith(b"/v1/workorders?"):
                body, status = b'{"workOrders": [], "nextCursor": null}', b"200 OK"
            case [b"GET", _]:
                body, status = b'{"error": "Work Order Not Found"}', b"404 Not Found"
            case _:
                body, status = b'{"id": 1}', b"200 OK"
        return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)

    async with (
        upstream(answer) as up,
        gateway(up.url, tmp_path, clock=clock, key=HeldKey("the key of today"), buffer=SEALED) as gw,
    ):
        assert (await gw.admin("GET", "status")).json()["mode"] == "buffering"
        late = await gw.post("/v1/workorders/101/status", {"status": "OPEN"}, method="PATCH", key=KEY)
        assert late.status == 202, "its key was accepted by MaintainX two hours ago, before the upgrade"
        await gw.admin("DELETE", "leases/buffer-writes", ANN)
        assert (await gw.admin("GET", "status")).json()["mode"] == "draining"
        assert not up.requests
        assert (await gw.admin("POST", "replay", {**ANN, "action": "resume"})).status == 200
        found = await drained(gw, clock)
        counts = (await gw.admin("GET", "buffer")).json()["counts"]

    assert found["state"] == "done"
    assert counts == {"waiting": 0, "sending": 0, "delivered": 8, "rejected": 1, "unknown": 1}
    writes = [r for r in up.requests if not r.start.startswith(b"GET")]
    assert {r.one("Authorization") for r in up.requests} == {b"Bearer the key of today"}
    assert [(r.start.rpartition(b" ")[0].decode(), r.body) for r in writes if b"/101" in r.start] == [
        ("PATCH /v1/workorders/101", b'{"title": "third"}'),
        ("PATCH /v1/workorders/101/status", b'{"status": "DONE"}'),
        ("PATCH /v1/workorders/101", b'{"title": "last"}'),
        ("PATCH /v1/workorders/101/status", b'{"status": "OPEN"}'),
    ]
    others = {(r.start.rpartition(b" ")[0].decode(), r.body) for r in writes if b"/101" not in r.start}
    assert others == {
        (
            "POST /v1/workorders",
            b'{"externalData":"mx:mxb_0000000000000005","title": "Leak at pump 3", "priority": "HIGH"}',
        ),
        ("POST /v1/workorders/104/comments", b'{"content": "Seen at 10:02"}'),
    }, "the deletion had arrived: work order 102 is gone"


@pytest.mark.parametrize("change", ["", "DROP TABLE lease;"])
async def test_a_file_of_a_newer_version_is_refused_with_a_sentence_and_not_touched(
    tmp_path: Path, change: str
) -> None:
    path = lay(tmp_path, "gateway-buffer.sql")
    connection = sqlite3.connect(path)
    connection.executescript(f"{change} PRAGMA user_version = {len(UPGRADES) + 1};")
    connection.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()

    with pytest.raises(ExceptionGroup) as refused:
        async with upstream() as up, gateway(up.url, tmp_path, key=HeldKey(KEY)):
            pass

    [error] = refused.value.exceptions
    assert isinstance(error, StoreError)
    assert f"a newer version of mx wrote it (its form is {len(UPGRADES) + 1}" in str(error)
    assert "nothing was changed" in str(error)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


async def test_an_upgrade_that_breaks_off_leaves_the_file_as_it_was_and_is_done_whole_later(
    tmp_path: Path,
) -> None:
    path = lay(tmp_path, "gateway-0.1.0.sql")
    broken = BUFFER + "INSERT INTO nowhere VALUES (1);"

    with pytest.raises(StoreError):
        async with Database.open(path, schema=FIRST, upgrades=(broken,)):
            pass

    assert rows(path, "PRAGMA user_version") == [(0,)]
    assert not rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'buffered'")
    assert "buffer_id" not in str(rows(path, "SELECT sql FROM sqlite_master WHERE name = 'event'"))
    async with kept(tmp_path) as mx:
        assert await mx.all() == ()
