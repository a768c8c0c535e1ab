"""The door: what Slack has not signed is refused with 4xx, never 500, stores nothing and leaves no body in the log."""

import asyncio
import hashlib
import hmac
import io
import json
import logging
from collections.abc import Iterator
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.clock import SystemClock
from tests.slack.rig import Rig

CANARY = "https://hooks.example.test/canary-response-url"
FORM = "application/x-www-form-urlencoded"


def command(**changes: str) -> bytes:
    fields = {
        "command": "/mx",
        "text": "note canary-words",
        "user_id": "U1",
        "channel_id": "C1",
        "trigger_id": "1.2.3",
        "response_url": CANARY,
        **changes,
    }
    return urlencode(fields).encode()


def signed(body: bytes, secret: str, *, age_s: int = 0, at: str | None = None) -> dict[str, str]:
    at = at or str(int(SystemClock().now().timestamp()) - age_s)
    digest = hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={digest}"}


async def send(rig: Rig, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(rig.url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status, await answer.text()


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.INFO):
        yield caplog


REFUSED = {
    "no headers at all": (command(), {"Content-Type": FORM}, 401),
    "a wrong signature": (command(), signed(command(), "f" * 32), 401),
    "a timestamp that is no number": (command(), signed(command(), "f" * 32, at="abc"), 400),
    "a timestamp below zero": (command(), signed(command(), "f" * 32, at="-5"), 400),
    "a body that is not UTF-8": (b"text=\xff\xfe&x=canary-words", signed(b"", "f" * 32), 400),
    "a body of more than a mebibyte": (b"text=canary-words" + b"x" * 1_100_000, signed(b"", "f" * 32), 413),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_slack_did_not_send_is_refused(
    rig: Rig, case: str, everything_logged: pytest.LogCaptureFixture
) -> None:
    body, headers, expected = REFUSED[case]
    status, answer = await send(rig, body, headers)
    assert status == expected
    assert set(json.loads(answer)) == {"error"}
    await nothing_happened(rig, everything_logged)


async def test_a_signature_outside_ascii_is_refused(
    rig: Rig, everything_logged: pytest.LogCaptureFixture
) -> None:
    head = (
        f"POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nX-Slack-Request-Timestamp: 1\r\n"
        f"Content-Length: {len(command())}\r\nConnection: close\r\nX-Slack-Signature: "
    )
    port = int(rig.url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + "v0=é".encode() + b"\r\n\r\n" + command())
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == b"400"
    await nothing_happened(rig, everything_logged)


@pytest.mark.parametrize(
    "head_and_body",
    [
        b"Content-Encoding: gzip\r\nContent-Length: 12\r\n\r\ncanary-words",
        b"Content-Encoding: br\r\nContent-Length: 12\r\n\r\ncanary-words",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\ncanary-words\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\ncanary-words\r\n",
        b"Content-Length: -3\r\n\r\ncanary-words",
    ],
)
async def test_a_body_that_cannot_be_read_is_400_and_not_quoted_in_the_log(
    rig: Rig, head_and_body: bytes, everything_logged: pytest.LogCaptureFixture
) -> None:
    port = int(rig.url.split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head_and_body)
    answer = await reader.read()
    writer.close()
    assert answer.split(b" ")[1] == b"400"
    await nothing_happened(rig, everything_logged)


async def test_an_old_and_a_far_future_timestamp_are_refused(
    rig: Rig, everything_logged: pytest.LogCaptureFixture
) -> None:
    for age_s in (301, -400):
        headers = signed(command(), rig.slack.signing_secret, age_s=age_s)
        assert (await send(rig, command(), headers))[0] == 401
    await nothing_happened(rig, everything_logged)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"payload=%7Bcanary-words", FORM),
        (b"payload=%5B%22canary-words%22%5D", FORM),
        (b"payload=null", FORM),
        (b"payload=%22canary-words%22", FORM),
        (b"payload=" + b"[" * 100_000, FORM),
        (b'["canary-words"]', "application/json"),
        (b'{"type": "event_callback", "event": "canary-words"}', "application/json"),
        (b'payload={"type": "block_actions", "actions": []}', FORM),
        (b'payload={"type": "block_actions", "actions": ["canary-words"]}', FORM),
        (
            b'payload={"type":"block_actions","actions":[{"type":"button","action_id":"a"}],"user":"canary-words"}',
            FORM,
        ),
    ],
)
async def test_a_signed_payload_of_no_known_shape_is_refused(
    rig: Rig, body: bytes, kind: str, everything_logged: pytest.LogCaptureFixture
) -> None:
    headers = signed(body, rig.slack.signing_secret) | {"Content-Type": kind}
    status, answer = await send(rig, body, headers)
    assert (status, set(json.loads(answer))) == (400, {"error"})
    await nothing_happened(rig, everything_logged)


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{"type": "button", "action_id": "run:x", "value": "{}"}]},
        {"type": "block_actions", "actions": [{"type": "button", "action_id": "other", "value": "[1"}]},
        {"type": "shortcut", "callback_id": "nobody-knows", "trigger_id": "1.1"},
        {"type": "something_new"},
        {},
    ],
)
async def test_a_signed_delivery_of_an_unknown_kind_never_makes_a_500(
    rig: Rig, payload: object, everything_logged: pytest.LogCaptureFixture
) -> None:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    status, _ = await send(rig, body, signed(body, rig.slack.signing_secret))
    assert status in {200, 404}
    await nothing_happened(rig, everything_logged)


async def test_a_command_with_nothing_but_its_name_is_answered(rig: Rig) -> None:
    body = urlencode({"command": "/mx"}).encode()
    status, answer = await send(rig, body, signed(body, rig.slack.signing_secret))
    assert status == 200
    assert "No incident is open" in json.loads(answer)["text"]


async def test_bolts_own_headers_have_no_effect_from_outside(rig: Rig) -> None:
    headers = signed(command(text="help"), rig.slack.signing_secret)
    headers |= {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "on_command"}
    status, answer = await send(rig, command(text="help"), headers)
    assert status == 200
    assert "/mx triage" in json.loads(answer)["text"]


async def test_slacks_certificate_check_is_answered_without_a_signature(rig: Rig) -> None:
    assert await send(rig, b"ssl_check=1&token=x", {"Content-Type": FORM}) == (200, "")


async def test_a_url_verification_is_answered(rig: Rig) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"}).encode()
    headers = signed(body, rig.slack.signing_secret) | {"Content-Type": "application/json"}
    status, answer = await send(rig, body, headers)
    assert (status, json.loads(answer)) == (200, {"challenge": "abc"})


async def nothing_happened(rig: Rig, log: pytest.LogCaptureFixture) -> None:
    assert (await rig.timeline.book()).head.seq == 0
    for word in ("canary-words", CANARY):
        assert word not in log.text
    assert rig.slack.calls == []
