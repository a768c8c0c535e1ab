"""Polling: what changed is told once, marked; the watermark moves after the last page alone."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.maintainx.rows import stamp
from bot.gateway.webhooks.changes import COLLECTIONS, page, target
from tests.gateway.webhooks.rig import Integration, body, integration, until
from tests.gateway.webhooks.test_routes import deliver, hooks
from tests.gateway.wires import RunningGateway, gateway
from tests.keys import HeldKey

KEY = "k-of-the-gateway"
LEASE = {"owner": "cli:ann@host", "reason": "webhooks do not come", "ttl_s": 600}
OLD = timedelta(days=2)


class Ticking(SystemClock):
    """The machine's time, moved by hand as well."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class World:
    """A MaintainX whose rows are all old, a gateway in front of it, and the integration."""

    maintainx: FakeMaintainX
    there: Integration
    gw: RunningGateway
    clock: Ticking

    async def poll(self, *, on: bool = True) -> None:
        if on:
            assert (await self.gw.admin("PUT", "leases/p", {**LEASE, "poll": True})).status == 200
        else:
            await self.gw.admin("DELETE", "leases/p")

    async def status(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.gw.admin("GET", "status")).json()["webhooks"]["polling"]
        return found

    async def says(self, words: str) -> None:
        """Wait until the status says so."""
        while words not in (await self.status())["says"]:
            pass

    async def events(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.gw.admin("GET", "events")).json()["events"]
        return found

    async def rounds(self, count: int = 2) -> None:
        """Wait until so many rounds have begun and ended from here."""
        before = len(self.asked())
        await until(lambda: len(self.asked()) >= before + count + 1)

    def asked(self) -> list[dict[str, list[str]]]:
        return [parse_qs(r.query) for r in self.maintainx.requests if "updatedAt[gte]" in r.query]

    def told(self) -> list[tuple[str, int]]:
        return [(call.headers["X-MX-Event"], call.order) for call in self.there.calls]

    def create(self, title: str) -> int:
        return self.maintainx.rows.add("/workorders", {"title": title})

    def change(self, number: int) -> None:
        self.maintainx.rows.change("/workorders", number, {"title": "changed"})


@asynccontextmanager
async def world(folder: Path, **settings: Any) -> AsyncIterator[World]:
    clock = Ticking()
    async with (
        integration() as there,
        FakeMaintainX.start(key=KEY, user_limit=10_000, organisation_limit=10_000, rate_headers=False) as mx,
    ):
        for table in mx.rows.tables.values():
            for row in table.values():
                if "updatedAt" in row:
                    row |= {"createdAt": stamp(clock.now() - OLD), "updatedAt": stamp(clock.now() - OLD)}
        made = hooks(**{"forward_to": there.url, "poll_every_s": 0.1, **settings})
        limits = {"user_limit": 10_000, "organisation_limit": 10_000}
        async with gateway(mx.base_url, folder, clock=clock, key=HeldKey(KEY), webhooks=made, **limits) as gw:
            yield World(mx, there, gw, clock)


async def test_changes_arrive_once_marked_and_shaped_like_the_webhook(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        old, other = list(w.maintainx.workorders)[:2]
        w.change(other)
        await w.poll()
        await w.rounds()
        created = w.create("Leak under Boiler 1")
        w.change(old)
        await until(lambda: len(w.there.calls) == 3)
        await w.rounds()
        assert sorted(w.told()) == sorted(
            [("WORK_ORDER_CHANGE", other), ("NEW_WORK_ORDER", created), ("WORK_ORDER_CHANGE", old)]
        )
        call = next(call for call in w.there.calls if call.order == created)
        assert call.headers["X-MX-Polled"] == "true"
        sent = json.loads(call.body)
        row = w.maintainx.workorders[created]
        assert {key: sent[key] for key in ("workOrderId", "orgId", "occurredAt")} == {
            "workOrderId": created,
            "orgId": 4711,
            "occurredAt": row["updatedAt"],
        }
        assert sent["newWorkOrder"]["title"] == "Leak under Boiler 1"
        w.change(created)
        await until(lambda: len(w.there.calls) == 4)
        assert w.told()[-1] == ("WORK_ORDER_CHANGE", created), "it is new once"
        status = await w.status()
        assert status["on"] is True
        assert status["found"] == 4
        assert any(spot.startswith("comments") for spot in status["blind_spots"])
        assert any(spot.startswith("deletes") for spot in status["blind_spots"])


async def test_the_watermark_moves_after_the_last_page_alone(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.poll()
        await w.rounds()
        before = (await w.status())["watermark"]["/workorders"]
        first = len(w.asked())
        w.maintainx.break_(Fault(kind="error", path="/workorders", every=2))  # the second page, each time
        at = stamp(w.clock.now())
        for row in w.maintainx.workorders.values():
            row["updatedAt"] = at
        await w.says("answered 500")
        assert (await w.status())["watermark"]["/workorders"] == before
        await until(lambda: len({call.order for call in w.there.calls}) == 200)
        await w.rounds()
        assert (await w.status())["watermark"]["/workorders"] == before
        assert len(w.there.calls) == 200
        w.maintainx.heal()
        await until(lambda: len({call.order for call in w.there.calls}) == len(w.maintainx.workorders))
        await w.rounds()
        assert (await w.status())["watermark"]["/workorders"] > before
        assert len(w.there.calls) == len(w.maintainx.workorders), "each once"
        asked = w.asked()[first:]
        with_cursor = [query for query in asked if "cursor" in query]
        assert with_cursor
        assert all(query["sort"] == ["updatedAt"] and query["limit"] == ["200"] for query in asked)
        assert all(query["updatedAt[gte]"][0] < at for query in asked)


async def test_the_first_watermark_is_where_the_webhooks_stopped(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.clock.ahead = timedelta(hours=-3)
        first = (await deliver(w.gw, body(1), off=w.clock.ahead)).status
        assert first == 200
        w.clock.ahead = timedelta(0)
        number = next(iter(w.maintainx.workorders))
        w.maintainx.workorders[number]["updatedAt"] = stamp(w.clock.now() - timedelta(hours=2))
        await w.poll()
        await until(lambda: ("WORK_ORDER_CHANGE", number) in w.told())
        [started] = [e for e in await w.events() if e["what"] == "polling_started"]
        since = w.clock.now() - timedelta(hours=3)
        assert f"changes since {since:%Y-%m-%d %H:%M} UTC" in started["says"]
        assert "comments and deletes do not show that way" in started["says"]


async def test_webhooks_that_stopped_longer_than_a_day_ago_are_not_gone_back_to(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.clock.ahead = timedelta(hours=-25)
        assert (await deliver(w.gw, body(1), off=w.clock.ahead)).status == 200
        w.clock.ahead = timedelta(0)
        await w.poll()
        await w.rounds()
        mark = datetime.fromisoformat((await w.status())["watermark"]["/workorders"])
        assert w.clock.now() - mark < timedelta(minutes=1)


async def test_what_a_webhook_told_is_not_told_again_and_a_comment_tells_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        told, commented = list(w.maintainx.workorders)[:2]
        w.change(told)
        w.change(commented)
        for number, event in ((told, "WORK_ORDER_STATUS_CHANGE"), (commented, "NEW_COMMENT_ON_WORK_ORDER")):
            at = str(w.maintainx.workorders[number]["updatedAt"])
            assert (await deliver(w.gw, body(number, at=at), event=event)).status == 200
        await until(lambda: len(w.there.calls) == 2)
        await w.poll()
        await until(lambda: len(w.there.calls) == 3)
        await w.rounds()
        assert w.told()[2:] == [("WORK_ORDER_CHANGE", commented)]


async def test_off_and_on_again_begins_anew_and_a_restart_in_between_goes_on(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        await w.poll()
        await w.rounds()
        first = (await w.status())["watermark"]
    async with world(tmp_path) as w:
        missed = w.create("while the gateway was away")
        await until(lambda: w.told() == [("NEW_WORK_ORDER", missed)])
        assert [e["what"] for e in await w.events()].count("polling_started") == 1
        await w.poll(on=False)
        while (await w.status())["watermark"]:
            pass
        assert (await w.status())["blind_spots"] == []
        asked = len(w.asked())
        w.clock.ahead = timedelta(hours=1)
        await w.poll()
        await until(lambda: len(w.asked()) > asked)
        assert (await w.status())["watermark"]["/workorders"] > first["/workorders"]
        assert [e["what"] for e in await w.events() if e["what"].startswith("polling")] == [
            "polling_started",
            "polling_ended",
            "polling_started",
        ]


async def test_a_refused_key_is_said_once_and_polling_goes_on_with_the_next(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        w.maintainx.revoke_key(KEY)
        await w.poll()
        await w.says("refuses the gateway's key (401)")
        await w.rounds()
        assert [e["what"] for e in await w.events()].count("polling_refused") == 1
        w.maintainx.add_key(KEY)
        number = w.create("x")
        await until(lambda: w.told() == [("NEW_WORK_ORDER", number)])
        assert (await w.status())["says"] == ""


@pytest.mark.parametrize("kind", ["reset", "wrong_json", "wrong_content", "cut_body", "portal"])
async def test_an_answer_that_is_no_list_moves_nothing_and_is_asked_for_again(
    tmp_path: Path, kind: Any
) -> None:
    async with world(tmp_path) as w:
        w.maintainx.break_(Fault(kind=kind, path="/workorders"))
        number = w.create("x")
        await w.poll()
        await w.says("the next round tries again")
        assert w.told() == []
        w.maintainx.heal()
        await until(lambda: w.told() == [("NEW_WORK_ORDER", number)])


async def test_without_a_key_nothing_is_asked_and_the_status_says_so(tmp_path: Path) -> None:
    async with (
        FakeMaintainX.start() as mx,
        gateway(mx.base_url, tmp_path, webhooks=hooks(poll_every_s=0.1)) as gw,
    ):
        await gw.admin("PUT", "leases/p", {**LEASE, "poll": True})
        says = ""
        while "no MaintainX key" not in says:
            says = (await gw.admin("GET", "status")).json()["webhooks"]["polling"]["says"]
        assert not mx.requests


async def test_a_full_inbox_stops_polling_and_loses_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, forward_to=None, max_bytes=2**16) as w:
        for _ in range(3):
            assert (await deliver(w.gw, body(1, text="x" * 25_000))).status == 200
        w.create("x")
        await w.poll()
        await w.says("the inbox is full")
        assert (await w.status())["found"] == 0
        drop = {"action": "drop", "owner": "cli:ann@host", "reason": "a test"}
        for item in (await w.gw.admin("GET", "deliveries")).json()["items"]:
            await w.gw.admin("POST", f"deliveries/{item['delivery']}", drop)
        while (await w.status())["found"] != 1:
            pass


async def test_other_collections_are_asked_where_configured(tmp_path: Path) -> None:
    async with world(tmp_path, poll_paths=("/assets", "/parts", "/purchaseorders")) as w:
        asset = next(iter(w.maintainx.assets))
        w.maintainx.rows.change("/assets", asset, {"name": "Filler 4"})
        part = w.maintainx.rows.add("/parts", {"name": "Seal 50 mm"})
        order = w.maintainx.rows.add("/purchaseorders", {"status": "OPEN"})
        await w.poll()
        await until(lambda: len(w.there.calls) == 3)
        found = {call.headers["X-MX-Event"]: json.loads(call.body) for call in w.there.calls}
        assert found["ASSET_CHANGE"]["assetId"] == asset
        assert found["ASSET_CHANGE"]["newAsset"]["name"] == "Filler 4"
        assert found["NEW_PART"]["partId"] == part
        assert found["NEW_PURCHASE_ORDER"]["newPurchaseOrder"]["id"] == order


def test_a_page_passes_over_rows_that_name_nothing() -> None:
    orders = COLLECTIONS["/workorders"]
    rows = [{"id": 1, "updatedAt": "2026-11-23T09:00:00Z"}, {"id": 2}, {"updatedAt": "x"}, 3, {"id": True}]
    read = page(orders, json.dumps({"workOrders": rows, "nextCursor": ""}).encode())
    assert read is not None
    assert [row.entity for row in read.rows] == ["workorder/1"]
    assert read.cursor is None
    assert page(orders, b"[]") is None


def test_the_question_keeps_its_filters_on_every_page() -> None:
    since = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
    orders = COLLECTIONS["/workorders"]
    first, second = (target(orders, since=since, cursor=cursor) for cursor in (None, "a b&c"))
    assert first == (
        "/v1/workorders?updatedAt%5Bgte%5D=2026-11-23T09%3A00%3A00.000Z&sort=updatedAt&limit=200&show_upcoming=true"
    )
    assert second == first + "&cursor=a+b%26c"


async def test_a_lease_keeps_back_what_comes_in_and_lets_it_go_at_its_end(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        lease = {**LEASE, "poll": True, "forward": "paused"}
        assert (await w.gw.admin("PUT", "leases/p", lease)).json()["forward"] == "paused"
        assert (await w.gw.admin("GET", "policy")).json()["forward"] == "paused"
        created = w.create("Leak under Boiler 1")
        await w.rounds()
        mail = (await w.gw.admin("GET", "status")).json()["webhooks"]
        assert (mail["waiting"], mail["forwarding"]["state"]) == (1, "paused")
        assert datetime.fromisoformat(mail["polling"]["asked_at"]) <= w.clock.now()
        assert w.there.calls == []
        await w.gw.admin("DELETE", "leases/p")
        await until(lambda: len(w.there.calls) == 1)
        assert w.told() == [("NEW_WORK_ORDER", created)]


async def test_a_restart_goes_on_keeping_back(tmp_path: Path) -> None:
    async with FakeMaintainX.start(key=KEY) as mx, integration() as there:
        made = hooks(forward_to=there.url)
        async with gateway(mx.base_url, tmp_path, webhooks=made) as gw:
            await gw.admin("PUT", "leases/p", {**LEASE, "forward": "paused"})
        async with gateway(mx.base_url, tmp_path, webhooks=made) as gw:
            await deliver(gw, body())
            mail = (await gw.admin("GET", "status")).json()["webhooks"]
            assert (mail["waiting"], mail["forwarding"]["state"]) == (1, "paused")
            assert there.calls == []
