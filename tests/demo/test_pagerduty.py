"""The stand-in for PagerDuty: a raw bad client is refused as the documentation says, and good events are joined."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

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
