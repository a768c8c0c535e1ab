"""MaintainX's audit webhooks in the feed: one line for each delivery, with ids and nothing personal."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.webhooks import audit
from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway.webhooks.signature import BODY, signed
from tests.gateway.webhooks.documented import EVENTS, payload
from tests.gateway.webhooks.rig import SECRET, integration, until
from tests.gateway.wires import Message, RunningGateway, gateway

NOWHERE = "http://127.0.0.1:1/v1"
AT = "2026-11-23T02:58:00.000Z"


def told(event: str, **fields: Any) -> str:
    return audit.sentence(event, json.dumps(fields).encode())


@pytest.mark.parametrize(
    ("event", "fields", "says"),
    [
        ("API_TOKEN_CREATED", {}, "user 7 created an API token"),
        ("API_TOKEN_REVOKED", {}, "user 7 revoked an API token"),
        ("CONNECTOR_TOKEN_REVOKED", {}, "user 7 revoked a connector's token"),
        ("USER_REMOVED", {"targetUserId": 200}, "user 7 removed user 200"),
        (
            "USER_ROLE_CHANGED",
            {"targetUserId": 200, "oldRole": "ADMINISTRATOR", "newRole": "REQUESTER"},
            "user 7 changed the role of user 200 from ADMINISTRATOR to REQUESTER",
        ),
        ("USER_PERMISSIONS_CHANGED", {"targetUserId": 200}, "user 7 changed the permissions of user 200"),
        ("ROLE_CREATED", {"roleId": 10, "roleName": "Ann's night shift"}, "user 7 created role 10"),
        ("ROLE_UPDATED", {"roleId": 10, "roleName": "Ann's night shift"}, "user 7 changed role 10"),
        ("ROLE_ARCHIVED", {"roleId": 10}, "user 7 archived role 10"),
        (
            "SSO_CONFIG_CHANGED",
            {"configType": "ENFORCE_SSO"},
            "user 7 changed the single sign-on (ENFORCE_SSO)",
        ),
        ("WEBHOOK_ARCHIVED", {"webhookId": 999}, "user 7 archived webhook 999"),
        (
            "WEBHOOK_CREATED",
            {"webhookId": 999, "webhookType": "NEW_WORK_ORDER", "url": "https://ann.example/secret"},
            "user 7 created webhook 999 for NEW_WORK_ORDER",
        ),
    ],
)
def test_each_is_told_with_ids(event: str, fields: dict[str, Any], says: str) -> None:
    assert told(event, orgId=321, actorId=7, occurredAt=AT, **fields) == says


def test_every_other_event_of_the_vendors_document_is_no_change_of_this_kind() -> None:
    found = {event for event in EVENTS if audit.sentence(event, json.dumps(payload(event)).encode())}
    assert found == {
        *("API_TOKEN_CREATED", "API_TOKEN_REVOKED", "CONNECTOR_TOKEN_REVOKED", "USER_REMOVED"),
        *("USER_ROLE_CHANGED", "USER_PERMISSIONS_CHANGED", "ROLE_CREATED", "ROLE_UPDATED", "ROLE_ARCHIVED"),
        *("SSO_CONFIG_CHANGED", "WEBHOOK_ARCHIVED", "WEBHOOK_CREATED"),
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"[" * 50_000,
        b'{"actorId": "ann@example.com", "targetUserId": true}',
        b'{"actorId": null, "targetUserId": {"id": 1}, "sourceIp": "203.0.113.42"}',
        b'{"actorId": 1.5, "targetUserId": "<!channel>"}',
    ],
)
def test_odd_bodies_are_told_without_what_is_odd(body: bytes) -> None:
    assert audit.sentence("USER_REMOVED", body) == "somebody removed a user"


def test_what_a_customer_named_is_not_told() -> None:
    says = told("USER_ROLE_CHANGED", actorId=7, targetUserId=8, oldRole="Ann's", newRole="ann@example.com")
    assert says == "user 7 changed the role of user 8"


def hooks(**settings: Any) -> WebhookSettings:
    return WebhookSettings(**{"secret": SECRET, "first_wait_s": 0.01, "longest_wait_s": 0.05, **settings})


async def deliver(
    gw: RunningGateway, event: str, *, secret: str = SECRET, at: str = AT, **fields: Any
) -> Message:
    content = json.dumps({"orgId": 321, "actorId": 7, "occurredAt": at, **fields}).encode()
    now = datetime.now(UTC)  # noqa: TID251 - the sender's own clock
    return await gw.post(f"/-/webhooks/{event}", content, f"{BODY}: {signed(secret, content, at=now)}")


async def changes(gw: RunningGateway) -> list[dict[str, Any]]:
    feed = (await gw.admin("GET", "events?after=0")).json()
    return [line for line in feed["events"] if line["what"] == "vendor_change"]


async def test_a_delivery_is_forwarded_and_stands_in_the_feed_once_over_repeats_and_restarts(
    tmp_path: Path,
) -> None:
    async with integration() as there:
        async with gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw:
            name = (await deliver(gw, "API_TOKEN_REVOKED")).json()["delivery"]
            assert (await deliver(gw, "API_TOKEN_REVOKED")).json() == {"delivery": name, "duplicate": True}
            await until(lambda: len(there.calls) == 1)
            [line] = await changes(gw)
            assert {key: line[key] for key in ("at", "actor", "event", "delivery", "says")} == {
                "at": "2026-11-23T02:58:00+00:00",
                "actor": "maintainx",
                "event": "API_TOKEN_REVOKED",
                "delivery": name,
                "says": "user 7 revoked an API token",
            }
        async with gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw:
            await deliver(gw, "API_TOKEN_REVOKED")
            await deliver(gw, "WORK_ORDER_CHANGE", workOrderId=1)
            assert await changes(gw) == [line]
            await deliver(
                gw, "API_TOKEN_REVOKED", at="2026-11-23T02:51:00Z"
            )  # an earlier one, that comes later
            assert [one["at"][11:16] for one in await changes(gw)] == ["02:58", "02:51"]


async def test_repeats_that_come_at_once_are_one_line(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(deliver(gw, "USER_REMOVED", targetUserId=200, email="ann@example.com"))
        [line] = await changes(gw)
    assert line["says"] == "user 7 removed user 200"
    assert "ann@" not in json.dumps(line)


async def test_what_is_not_signed_is_not_told(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        assert (await deliver(gw, "API_TOKEN_REVOKED", secret="another")).status == 401
        assert await changes(gw) == []


@pytest.mark.parametrize("at", ["2099-01-01T00:00:00Z", "yesterday"])
async def test_a_time_ahead_of_ours_or_none_becomes_that_of_the_arrival(tmp_path: Path, at: str) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)  # noqa: TID251 - the gateway here runs on the machine's clock
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        await deliver(gw, "API_TOKEN_REVOKED", at=at)
        [line] = await changes(gw)
    assert began < datetime.fromisoformat(line["at"]) < began + timedelta(seconds=30)
