"""The stand-ins' webhooks: MaintainX sends what its API changed, the integration takes what is signed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX

KEY = "k-123456"
EVENTS = (
    "NEW_WORK_ORDER",
    "WORK_ORDER_CHANGE",
    "WORK_ORDER_STATUS_CHANGE",
    "NEW_COMMENT_ON_WORK_ORDER",
    "WORK_ORDER_DELETE",
)


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key=KEY) as fake:
        yield fake


@pytest.fixture
async def integration(maintainx: FakeMaintainX) -> AsyncIterator[FakeIntegration]:
    async with FakeIntegration.start(base_url=maintainx.base_url, key=KEY, jobs=()) as fake:
        maintainx.webhooks.subscriptions = {
            event: fake.webhook_url.replace("{event}", event) for event in EVENTS
        }
        yield fake


async def write(maintainx: FakeMaintainX, method: str, path: str, body: Any = None) -> Any:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
        session.request(method, f"{maintainx.base_url}{path}", json=body) as answer,
    ):
        assert answer.ok
        return await answer.json() if answer.status != 204 else None


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the condition is over a real socket
            await asyncio.sleep(0.01)


async def test_each_write_is_told_with_the_documented_fields(
    maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    number = (await write(maintainx, "POST", "/workorders", {"title": "Leak"}))["id"]
    await write(maintainx, "PATCH", f"/workorders/{number}", {"priority": "HIGH"})
    await write(maintainx, "PATCH", f"/workorders/{number}/status", {"status": "DONE"})
    await write(maintainx, "POST", f"/workorders/{number}/comments", {"content": "hello"})
    await write(maintainx, "DELETE", f"/workorders/{number}")
    heard = integration.webhooks.received
    await until(lambda: len(heard) == 5)
    assert [one.event for one in heard] == list(EVENTS)
    for one in heard:
        assert one.body["workOrderId"] == number
        assert one.body["orgId"] == 4711
        assert str(one.body["occurredAt"]).endswith("Z")
    assert (heard[2].body["oldStatus"], heard[2].body["newStatus"]) == ("OPEN", "DONE")
    await until(lambda: [sent.status for sent in maintainx.webhooks.sent] == [200] * 5)


async def test_what_is_skipped_stopped_refused_or_only_read_is_not_told(
    maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    await write(maintainx, "POST", "/workorders?skipWebhook=true", {"title": "Leak"})
    await write(maintainx, "GET", "/workorders")
    await write(maintainx, "POST", "/assets", {"name": "Filler 4"})
    with pytest.raises(AssertionError):
        await write(maintainx, "POST", "/workorders", {})
    maintainx.webhooks.stopped = True
    await write(maintainx, "POST", "/workorders", {"title": "Leak"})
    maintainx.webhooks.stopped = False
    await write(maintainx, "POST", "/workorders", {"title": "the one that is told"})
    await until(lambda: len(integration.webhooks.received) == 1)
    assert integration.webhooks.received[0].body["newWorkOrder"]["title"] == "the one that is told"


async def test_it_can_come_twice_and_in_milliseconds_which_the_integration_alone_does_not_take(
    maintainx: FakeMaintainX, integration: FakeIntegration
) -> None:
    maintainx.webhooks.copies = 2
    await write(maintainx, "POST", "/workorders", {"title": "Leak"})
    await until(lambda: len(integration.webhooks.received) == 2)
    maintainx.webhooks.milliseconds = True
    await write(maintainx, "POST", "/workorders", {"title": "Leak"})
    await until(lambda: integration.webhooks.refused == ["an old signature"] * 2)


@pytest.mark.parametrize(
    ("header", "fault"),
    [("", "no signature"), ("t=x,v1=y", "no signature"), ("t=1,v1=abc", "a wrong signature")],
)
async def test_the_integration_refuses_what_is_not_signed(
    integration: FakeIntegration, header: str, fault: str
) -> None:
    url = integration.webhook_url.replace("{event}", "NEW_WORK_ORDER")
    headers = {"x-maintainx-webhook-body-signature": header}
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=json.dumps({}), headers=headers) as answer:
            assert answer.status == 401
        async with session.get(url) as answer:
            assert answer.status == 404
    assert integration.webhooks.refused == [fault]
    assert integration.webhooks.received == []
