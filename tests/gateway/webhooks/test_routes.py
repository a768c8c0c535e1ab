"""The inbox at the gateway's door: whom it answers what; nothing of a body is shown or logged."""

import json
import logging
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.errors import ConfigError
from bot.gateway.webhooks.routes import MAX_BODY
from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway.webhooks.signature import BODY, signed
from tests.gateway.webhooks.rig import SECRET, Integration, body, integration, until
from tests.gateway.wires import Message, RunningGateway, gateway, upstream

NOWHERE = "http://127.0.0.1:1/v1"
BY = {"owner": "cli:ann@host", "reason": "it is mended"}


def hooks(**settings: Any) -> WebhookSettings:
    quick = {"first_wait_s": 0.01, "longest_wait_s": 0.05}
    return WebhookSettings(**{"secret": SECRET, **quick, **settings})


async def deliver(
    gw: RunningGateway,
    content: bytes,
    *headers: str,
    event: str = "WORK_ORDER_CHANGE",
    secret: str = SECRET,
    off: timedelta = timedelta(0),
) -> Message:
    """Send as MaintainX does."""
    at = datetime.now(UTC) + off  # noqa: TID251 - the sender's own clock
    line = f"{BODY}: {signed(secret, content, at=at)}"
    return await gw.post(f"/-/webhooks/{event}", content, line, *headers)


async def webhooks(gw: RunningGateway) -> dict[str, Any]:
    found: dict[str, Any] = (await gw.admin("GET", "status")).json()["webhooks"]
    return found


async def test_a_signed_delivery_is_answered_within_a_second_and_arrives(tmp_path: Path) -> None:
    async with (
        integration() as there,
        gateway(NOWHERE, tmp_path, token="t", webhooks=hooks(forward_to=there.url)) as gw,
    ):
        began = time.monotonic()
        answer = await deliver(gw, body(1))
        assert time.monotonic() - began < 1
        assert answer.status == 200
        assert answer.json()["duplicate"] is False
        await until(lambda: len(there.calls) == 1)
        assert there.calls[0].headers["X-MX-Delivery"] == answer.json()["delivery"]


async def test_a_duplicate_is_200_too_and_is_forwarded_once(tmp_path: Path) -> None:
    async with (
        integration() as there,
        gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw,
    ):
        first, later = body(1), body(2)
        names = [(await deliver(gw, first)).json()["delivery"] for _ in range(3)]
        await deliver(gw, later)
        await until(lambda: len(there.calls) == 2)
        assert len(set(names)) == 1
        assert {call.order for call in there.calls} == {1, 2}
        assert (await webhooks(gw))["duplicates"] == 2


@pytest.mark.parametrize(
    ("headers", "secret", "off_s", "says"),
    [
        (True, "another", 0, "fits no configured secret; set MAINTAINX_WEBHOOK_SECRET"),
        (True, SECRET, -400, " s old, 300 s are allowed"),
        (True, SECRET, 400, "ahead of this machine's clock"),
        (False, SECRET, 0, "there is no header x-maintainx-webhook-body-signature"),
    ],
)
async def test_what_maintainx_did_not_sign_lately_is_401_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, headers: bool, secret: str, off_s: int, says: str
) -> None:
    content = body(1, title="Leak under Boiler 1")
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        with caplog.at_level(logging.DEBUG):
            for _ in range(3):
                if headers:
                    answer = await deliver(gw, content, secret=secret, off=timedelta(seconds=off_s))
                else:
                    answer = await gw.post("/-/webhooks/WORK_ORDER_CHANGE", content)
                assert answer.status == 401
                assert says in answer.json()["error"]
                assert b"Boiler" not in answer.body
        refused = (await webhooks(gw))["rejected_signatures"]
        assert refused["count"] == 3
        assert says in refused["says"]
        text = (await gw.admin("GET", "metrics")).body.decode()
        assert (
            "# TYPE mx_gateway_webhooks_rejected_total counter\nmx_gateway_webhooks_rejected_total 3" in text
        )
        warned = [record.getMessage() for record in caplog.records if "webhook" in record.getMessage()]
        assert len(warned) == 1
        assert "Boiler" not in caplog.text
        assert (await webhooks(gw))["waiting"] == 0


async def test_without_a_secret_maintainx_is_told_to_come_again(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path) as gw:
        answer = await deliver(gw, body(1))
        assert answer.status == 503
        assert answer.one("Retry-After") == b"60"
        assert "MAINTAINX_WEBHOOK_SECRET is not set" in answer.json()["error"]


async def test_it_is_open_without_the_token_and_the_list_is_not(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, token="t", webhooks=hooks()) as gw:
        assert (await deliver(gw, body(1))).status == 200
        for method, path in (("GET", "deliveries"), ("POST", "deliveries/kept"), ("GET", "webhooks/X")):
            assert (await gw.admin(method, path)).status == 401


@pytest.mark.parametrize("event", ["new_work_order", "NEW-ORDER", "A" * 65, "_A", "NEW_ORDER/1", "%20A"])
async def test_an_odd_event_is_refused(tmp_path: Path, event: str) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        answer = await deliver(gw, body(1), event=event)
        assert answer.status == 400
        assert "let the subscription's URL end in its type" in answer.json()["error"]


async def test_an_unknown_event_and_a_body_that_is_no_json_are_taken(tmp_path: Path) -> None:
    async with (
        integration() as there,
        gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw,
    ):
        assert (await deliver(gw, b"not json \xff", event="SOMETHING_NEW")).status == 200
        await until(lambda: len(there.calls) == 1)
        assert there.calls[0].body == b"not json \xff"


async def test_too_long_a_body_is_refused_and_a_long_one_is_not(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        assert (await deliver(gw, b"x" * MAX_BODY)).status == 200
        answer = await deliver(gw, b"x" * (MAX_BODY + 1))
        assert answer.status == 400
        assert "too long" in answer.json()["error"]


async def test_what_a_gateway_forwarded_is_not_taken_again(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        answer = await deliver(gw, body(1), "X-MX-Delivery: mxd_0123456789abcdef")
        assert answer.status == 400
        assert "set INTEGRATION_WEBHOOK_URL to the integration" in answer.json()["error"]


async def test_it_does_not_start_where_it_would_forward_to_itself(tmp_path: Path, free_port: int) -> None:
    to = f"http://localhost:{free_port}/-/webhooks/{{event}}"
    with pytest.raises(ExceptionGroup) as caught:
        async with gateway(NOWHERE, tmp_path, port=free_port, webhooks=hooks(forward_to=to)):
            pass
    [fault] = caught.value.exceptions
    assert isinstance(fault, ConfigError)
    assert "INTEGRATION_WEBHOOK_URL leads to this gateway itself" in str(fault)


async def test_a_full_inbox_is_503_and_the_feed_hears_once(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks(max_bytes=2**16)) as gw:
        for order in (1, 2, 3):
            assert (await deliver(gw, body(order, text="x" * 30_000))).status == 200
        for order in (4, 5):
            answer = await deliver(gw, body(order))
            assert answer.status == 503
            assert answer.one("Retry-After") == b"60"
        status = await webhooks(gw)
        assert (status["full"], status["waiting"]) == (True, 3)
        assert status["forwarding"]["state"] == "off"
        assert "INTEGRATION_WEBHOOK_URL is not set" in status["forwarding"]["says"]
        events = (await gw.admin("GET", "events")).json()["events"]
        assert [e["what"] for e in events] == ["inbox_full"]


async def test_a_disk_that_does_not_take_it_is_503(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, webhooks=hooks()) as gw:
        other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert (await deliver(gw, body(1))).status == 503
        other.execute("ROLLBACK")
        other.close()
        assert (await deliver(gw, body(1))).json()["duplicate"] is False


async def kept(gw: RunningGateway, there: Integration) -> list[dict[str, Any]]:
    """Three deliveries that the integration refused."""
    there.answer = lambda _: web.Response(status=422, text="unknown work order")
    for order in (1, 2, 3):
        await deliver(gw, body(order, title="Leak under Boiler 1"))
    await until(lambda: len(there.calls) == 3)
    found: list[dict[str, Any]] = []
    while len(found) < 3:
        found = (await gw.admin("GET", "deliveries?state=kept")).json()["items"]
    return found


async def test_the_list_shows_what_was_answered_and_no_body(tmp_path: Path) -> None:
    async with (
        integration() as there,
        gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw,
    ):
        newest, *_ = await kept(gw, there)
        assert {key: newest[key] for key in ("event", "entity", "state", "attempts", "polled", "answer")} == {
            "event": "WORK_ORDER_CHANGE",
            "entity": "workorder/3",
            "state": "kept",
            "attempts": 1,
            "polled": False,
            "answer": {"status": 422, "body": "unknown work order"},
        }
        answer = await gw.admin("GET", "deliveries?limit=2")
        assert b"Boiler" not in answer.body
        page = answer.json()
        assert page["counts"] == {"waiting": 0, "delivered": 0, "kept": 3, "dropped": 0}
        rest = (await gw.admin("GET", f"deliveries?limit=2&cursor={page['next']}")).json()
        shown = [item["entity"] for item in page["items"] + rest["items"]]
        assert shown == ["workorder/3", "workorder/2", "workorder/1"]
        assert rest["next"] is None
        assert (await gw.admin("GET", "deliveries?state=lost")).status == 400


async def test_a_person_sends_again_or_drops_with_a_reason(tmp_path: Path) -> None:
    async with (
        integration() as there,
        gateway(NOWHERE, tmp_path, webhooks=hooks(forward_to=there.url)) as gw,
    ):
        one, *_ = await kept(gw, there)
        path = f"deliveries/{one['delivery']}"
        there.answer = lambda _: web.Response()
        for wrong in ({}, {"action": "resent"}, {"action": "drop"}, {"action": "resend", "x": 1}):
            assert (await gw.admin("POST", path, wrong)).status == 400
        assert (await gw.admin("POST", path, {"action": "drop", **BY})).json() == {
            "action": "drop",
            "count": 1,
        }
        assert (await gw.admin("POST", path, {"action": "resend", **BY})).status == 409
        again = await gw.admin("POST", "deliveries/kept", {"action": "resend", **BY})
        assert again.json() == {"action": "resend", "count": 2}
        await until(lambda: len(there.calls) == 5)
        assert {call.order for call in there.calls[3:]} == {1, 2}
        events = (await gw.admin("GET", "events")).json()["events"]
        told = {e["what"]: (e["actor"], e["says"]) for e in events}
        assert told["webhooks_dropped"][0] == "cli:ann@host"
        assert told["webhooks_resent"][1] == "2 webhooks sent again, says cli:ann@host: it is mended"


async def test_the_status_tells_what_goes_on(tmp_path: Path) -> None:
    async with (
        integration() as there,
        upstream() as up,
        gateway(up.url, tmp_path, webhooks=hooks(forward_to=there.url)) as gw,
    ):
        before = await webhooks(gw)
        assert before["last_received_at"] is None
        assert before["secret"] is True
        assert before["polling"] == {
            "on": False,
            "watermark": {},
            "found": 0,
            "asked_at": None,
            "says": "",
            "blind_spots": [],
        }
        await deliver(gw, body(1))
        await until(lambda: len(there.calls) == 1)
        after = await webhooks(gw)
        while after["forwarding"]["delivered"] == 0:
            after = await webhooks(gw)
        assert after["last_received_at"] is not None
        assert after["received"] == 1
        assert after["forwarding"]["state"] == "going"
        assert SECRET not in json.dumps(after)
        assert "hooks" not in json.dumps(after), "a URL may hold a token"
