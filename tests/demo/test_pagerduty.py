"""The stand-in for PagerDuty: a raw bad client is refused as the documentation says, and good events are joined."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web

from bot.demo.door import Door
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty.start() as fake:
        yield fake


def event(**changes: Any) -> dict[str, Any]:
    """A good trigger with these changes; None leaves a field out."""
    whole: dict[str, Any] = {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "d-1",
        "payload": {"summary": "it is down", "source": "mx", "severity": "critical"},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


async def send(fake: FakePagerDuty, content: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(fake.url, content=content)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (event(routing_key="short"), "should be 32 characters"),
        (event(routing_key="f" * 32), "'routing_key' is invalid"),
        (event(routing_key=None), "should be 32 characters"),
        (event(event_action="close"), "'event_action' must be one of"),
        (event(event_action="resolve", dedup_key=None), "'dedup_key' is missing"),
        (event(event_action="acknowledge", dedup_key=None), "'dedup_key' is missing"),
        (event(dedup_key="d" * 256), "1 to 255 characters"),
        (event(payload=None), "'payload' is missing"),
        (
            event(payload={"summary": "a", "source": "b", "severity": "SEV-1"}),
            "'payload.severity' is invalid",
        ),
        (event(payload={"summary": "a" * 1025, "source": "b", "severity": "info"}), "1 to 1024 characters"),
        (event(payload={"summary": "a", "severity": "info"}), "'payload.source' is missing"),
        (event(urgency="high"), "'urgency' is not a field"),
        (event(links=[{"text": "no address"}]), "'links' must have 'href'"),
        (event(client="x" * (512 * 1024)), "larger than 512 KB"),
        (["no object"], "not an object"),
    ],
)
async def test_a_bad_event_is_refused(fake: FakePagerDuty, bad: object, says: str) -> None:
    answer = await send(fake, json.dumps(bad).encode())
    assert answer.status_code == 400
    assert answer.json()["status"] == "invalid event"
    assert says in " ".join(answer.json()["errors"])
    assert fake.alerts == []
    assert (await send(fake, b"{")).status_code == 400


async def test_alerts_are_joined_resolved_and_opened_anew(fake: FakePagerDuty) -> None:
    for action in ("resolve", "trigger", "trigger", "acknowledge", "resolve", "trigger"):
        answer = await send(fake, json.dumps(event(event_action=action)).encode())
        assert answer.status_code == 202
        assert answer.json() == {"status": "success", "message": "Event processed", "dedup_key": "d-1"}
    assert [(alert.state, len(alert.events)) for alert in fake.alerts] == [("resolved", 2), ("triggered", 1)]


async def test_it_fails_as_it_is_told_to(fake: FakePagerDuty) -> None:
    fake.failing = [429, 503]
    content = json.dumps(event()).encode()
    assert [(await send(fake, content)).status_code for _ in range(3)] == [429, 503, 202]
    fake.failing = ["hang up"]
    with pytest.raises(httpx.HTTPError):
        await send(fake, content)


async def test_each_routing_key_is_a_service_with_alerts_of_its_own(fake: FakePagerDuty) -> None:
    other = "2" * 32
    fake.routing_keys.add(other)
    for key in (ROUTING_KEY, other):
        await send(fake, json.dumps(event(routing_key=key)).encode())
    await send(fake, json.dumps(event(routing_key=other, event_action="resolve")).encode())
    assert [(alert.routing_key, alert.state) for alert in fake.alerts] == [
        (ROUTING_KEY, "triggered"),
        (other, "resolved"),
    ]
    fake.broken.add(other)
    assert (await send(fake, json.dumps(event(routing_key=other)).encode())).status_code == 503
    assert (await send(fake, json.dumps(event()).encode())).status_code == 202


async def test_what_is_lost_was_done_all_the_same(fake: FakePagerDuty) -> None:
    fake.failing = ["lose"]
    with pytest.raises(httpx.HTTPError):
        await send(fake, json.dumps(event()).encode())
    assert [alert.state for alert in fake.alerts] == ["triggered"]


async def test_its_webhooks_are_signed_over_the_body_by_every_secret(fake: FakePagerDuty) -> None:
    got: list[tuple[bytes, str]] = []

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        got.append((await request.read(), request.headers["X-PagerDuty-Signature"]))
        return web.Response(status=503 if len(got) == 1 else 202)

    async with Door.open(serve) as door:
        fake.webhooks.url = f"{door.url}/hook"
        fake.webhooks.secrets = ["one", "two"]
        await send(fake, json.dumps(event()).encode())
        await fake.webhooks.settled()
        (triggered,) = fake.webhooks.deliveries
        assert (triggered.status, triggered.event["event_type"]) == (503, "incident.triggered")
        made = await fake.act(fake.alert("d-1"), "acknowledge", by="Jo")
        assert (made.status, made.event["agent"]["summary"]) == (202, "Jo")
        assert made.event["data"]["incident_key"] == "d-1"
        await fake.webhooks.deliver(triggered)
    for body, header in got:
        signatures = [hmac.new(secret, body, hashlib.sha256).hexdigest() for secret in (b"one", b"two")]
        assert header == ",".join(f"v1={one}" for one in signatures)
    assert got[0] == got[2], "a delivery that is sent again is the same"
