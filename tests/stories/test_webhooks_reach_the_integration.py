"""Webhooks, with the real gateway's process: none is lost by a dead integration or a killed gateway, or by MaintainX."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX
from bot.demo.member import Member

KEY = "k-secret-0123456789"
EVENTS = ("NEW_WORK_ORDER", "WORK_ORDER_CHANGE", "WORK_ORDER_STATUS_CHANGE", "NEW_COMMENT_ON_WORK_ORDER")


@dataclass
class Plant:
    """MaintainX, which people work in, and the integration."""

    folder: Path
    maintainx: FakeMaintainX
    integration: FakeIntegration
    http: aiohttp.ClientSession

    async def write(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """What somebody does in MaintainX."""
        headers = {"Authorization": f"Bearer {KEY}"}
        url = f"{self.maintainx.base_url}{path}"
        async with self.http.request(method, url, json=body, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def work(self) -> int:
        """A work order is created, renamed and begun."""
        number = int((await self.write("POST", "/workorders", {"title": "Leak"}))["id"])
        await asyncio.sleep(0.002)  # the API's times are in milliseconds
        await self.write("PATCH", f"/workorders/{number}", {"title": "Leak under Boiler 1"})
        await self.write("PATCH", f"/workorders/{number}/status", {"status": "IN_PROGRESS"})
        return number

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator["Gateway"]:
        """The gateway's process; MaintainX sends its webhooks there."""
        env = {
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "MX_CONFIG": str(self.folder / "mx.toml"),
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": self.maintainx.base_url,
            "MAINTAINX_WEBHOOK_SECRET": f"of-another-subscription,{self.maintainx.webhooks.secret}",
            "INTEGRATION_WEBHOOK_URL": self.integration.webhook_url,
            "MX_GATEWAY_PORT": "0",
            "MX_GATEWAY_DATABASE_URL": f"sqlite:///{self.folder / 'gateway.db'}",
        }
        async with Member.run(
            "gateway",
            ("bot", "gateway"),
            env=env,
            folder=self.folder,
            port="MX_GATEWAY_PORT",
            ready="/-/healthz",
        ) as process:
            url = process.url
            self.maintainx.webhooks.subscriptions = {e: f"{url}/-/webhooks/{e}" for e in EVENTS}
            yield Gateway(url, process, self.http)

    def told(self) -> list[tuple[str, int]]:
        """What the integration heard."""
        return [(r.event, int(r.body["workOrderId"])) for r in self.integration.webhooks.received]

    async def acknowledged(self, count: int) -> None:
        """Wait until MaintainX has its 200 for so many."""
        await until(lambda: [sent.status for sent in self.maintainx.webhooks.sent] == [200] * count)


@dataclass
class Gateway:
    """The running gateway."""

    url: str
    process: Member
    http: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self.http.request(method, f"{self.url}/-/{path}", json=body) as answer:
            assert answer.ok, await answer.text()
            return await answer.json()

    async def kill(self) -> None:
        """Kill it with -9."""
        os.kill(self.process.pid, signal.SIGKILL)


@asynccontextmanager
async def plant(folder: Path) -> AsyncIterator[Plant]:
    (folder / "mx.toml").write_text('[gateway]\nhost = "127.0.0.1"\npoll_every_s = 1\n', "utf-8")
    async with (
        FakeMaintainX.start(key=KEY, user_limit=10_000, organisation_limit=10_000) as maintainx,
        FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=()) as integration,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http,
    ):
        integration.webhooks.secret = maintainx.webhooks.secret
        yield Plant(folder, maintainx, integration, http)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the condition is over real sockets
            await asyncio.sleep(0.02)


def in_order(number: int) -> list[tuple[str, int]]:
    return [(event, number) for event in EVENTS[:3]]


async def test_a_webhook_reaches_the_integration_once_with_a_signature_it_accepts(tmp_path: Path) -> None:
    async with plant(tmp_path) as p, p.gateway() as gateway:
        p.maintainx.webhooks.copies = 2
        p.maintainx.webhooks.milliseconds = True
        number = await p.work()
        await p.acknowledged(6)
        await until(lambda: p.told() == in_order(number))
        assert p.integration.webhooks.refused == []
        assert not any(one.polled for one in p.integration.webhooks.received)
        status = (await gateway.ask("GET", "status"))["webhooks"]
        assert (status["received"], status["duplicates"]) == (6, 3)


async def test_while_the_integration_is_down_all_is_kept_and_then_told_in_order(tmp_path: Path) -> None:
    async with plant(tmp_path) as p, p.gateway() as gateway:
        p.integration.refuse()
        numbers = [await p.work() for _ in range(3)]
        await p.acknowledged(9)
        status: dict[str, Any] = {}
        while "times in a row" not in status.get("forwarding", {}).get("says", ""):
            status = (await gateway.ask("GET", "status"))["webhooks"]
        assert status["waiting"] == 9
        assert p.told() == []
        p.integration.refuse(refused=False)
        await until(lambda: len(p.told()) == 9)
        for number in numbers:
            assert [one for one in p.told() if one[1] == number] == in_order(number)
        assert p.integration.webhooks.refused == []


async def test_a_gateway_killed_after_its_200_tells_it_when_it_is_back(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        p.integration.refuse()
        async with p.gateway() as gateway:
            number = await p.work()
            await p.acknowledged(3)
            names = [one["delivery"] for one in (await gateway.ask("GET", "deliveries"))["items"]]
            await gateway.kill()
        p.integration.refuse(refused=False)
        async with p.gateway():
            await until(lambda: p.told() == in_order(number))
        assert [one.delivery for one in p.integration.webhooks.received] == names[::-1]


async def test_a_gateway_killed_while_it_forwards_tells_it_again_under_the_same_name(tmp_path: Path) -> None:
    async with plant(tmp_path) as p:
        p.integration.webhooks.hold = asyncio.Event()
        async with p.gateway() as gateway:
            await p.write("POST", "/workorders", {"title": "Leak"})
            await until(lambda: len(p.told()) == 1)
            await gateway.kill()
        p.integration.webhooks.hold.set()
        async with p.gateway() as gateway:
            await until(lambda: len(p.told()) == 2)
            first, second = p.integration.webhooks.received
            assert first.delivery == second.delivery
            assert first.body == second.body
            while not (await gateway.ask("GET", "deliveries"))["counts"]["delivered"]:
                pass
        assert len(p.told()) == 2


async def test_when_webhooks_stop_a_lease_polls_and_each_change_arrives_once_marked(tmp_path: Path) -> None:
    async with plant(tmp_path) as p, p.gateway() as gateway:
        before = await p.work()
        await until(lambda: p.told() == in_order(before))
        p.maintainx.webhooks.stopped = True
        await asyncio.sleep(0.002)
        missed = int((await p.write("POST", "/workorders", {"title": "Noise"}))["id"])
        await p.write("POST", f"/workorders/{before}/comments", {"content": "nobody will hear of this"})
        wish = {"poll": True, "owner": "cli:ann@host", "reason": "webhooks do not come", "ttl_s": 600}
        await gateway.ask("PUT", "leases/poll", wish)
        await until(lambda: len(p.told()) == 4)
        await asyncio.sleep(0.002)
        await p.write("PATCH", f"/workorders/{before}/status", {"status": "DONE"})
        await until(lambda: len(p.told()) == 5)
        await asyncio.sleep(1.5)  # a round at least
        assert p.told()[3:] == [("NEW_WORK_ORDER", missed), ("WORK_ORDER_CHANGE", before)]
        polled = p.integration.webhooks.received[3:]
        assert all(one.polled for one in polled)
        assert polled[1].body["newWorkOrder"]["status"] == "DONE"
        assert p.integration.webhooks.refused == []
        status = (await gateway.ask("GET", "status"))["webhooks"]["polling"]
        assert any("comments" in spot for spot in status["blind_spots"])

        await gateway.ask("DELETE", "leases/poll", {"owner": "cli:ann@host", "reason": "they come again"})
        p.maintainx.webhooks.stopped = False
        await p.write("PATCH", f"/workorders/{missed}", {"title": "No noise"})
        await until(lambda: len(p.told()) == 6)
        assert not p.integration.webhooks.received[-1].polled
        events = (await gateway.ask("GET", "events"))["events"]
        assert [e["what"] for e in events] == [
            "lease_started",
            "polling_started",
            "lease_deleted",
            "polling_ended",
        ]
        assert "webhooks polled, without comments and deletes" in events[0]["says"]
