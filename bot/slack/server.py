"""``POST /slack/events``: Slack's deliveries are checked at the door, then handed to Bolt.

Bolt answers 500 to a timestamp that is no number, to a signature outside ASCII and to a body that is not UTF-8,
and writes whole bodies (response URLs included) to its log where a signature is wrong. So the signature is
checked here, once, and Bolt sees only what Slack has signed.
"""

import re
from collections.abc import Sequence
from urllib.parse import parse_qs

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier

from bot.faults import where

PATH = "/slack/events"
BODY_CAP = 1024 * 1024

_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def routes(app: AsyncApp, *, signing_secret: str) -> web.RouteDef:
    """The route that takes Slack's deliveries in HTTP mode."""
    verifier = SignatureVerifier(signing_secret)

    async def receive(request: web.Request) -> web.Response:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refuse(413, f"the body is over {BODY_CAP} bytes; Slack sends none of that size")
        except (HttpProcessingError, web.RequestPayloadError):
            return _refuse(400, "the body cannot be read to its end; send it whole, and not compressed")
        try:
            body = raw.decode("utf-8")
        except UnicodeDecodeError:
            return _refuse(400, "the body is not UTF-8; send it as Slack does")
        if _is_ssl_check(body):
            return web.Response()
        if refusal := _unsigned(request, body, verifier):
            return refusal
        return await _handed_over(app, body, request.headers.get("content-type", ""))

    return web.post(PATH, receive)


async def _handed_over(app: AsyncApp, body: str, content_type: str) -> web.Response:
    # Bolt acts on headers of its own name (X-Slack-Bolt-Lazy-Only), which no signature covers: it gets one header.
    headers: dict[str, str | Sequence[str]] = {"content-type": content_type}
    try:
        answer = await app.async_dispatch(AsyncBoltRequest(body=body, headers=headers))
    except Exception as error:  # noqa: BLE001 - the Slack edge: Bolt asks any JSON for its fields, a list and a number too
        structlog.get_logger("mx.slack.server").warning("delivery not understood", fault=where(error))
        return _refuse(400, "the payload is not JSON of a shape that mx knows; send it as Slack does")
    return await to_aiohttp_response(answer)


def _unsigned(request: web.Request, body: str, verifier: SignatureVerifier) -> web.Response | None:
    timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
    signature = request.headers.get("X-Slack-Signature", "")
    if not timestamp or not signature:
        return _refuse(401, "no signature; only Slack may send here, with X-Slack-Signature")
    if not _SECONDS.fullmatch(timestamp):
        return _refuse(400, "X-Slack-Request-Timestamp is not a number of seconds")
    if not signature.isascii():
        return _refuse(400, "X-Slack-Signature is not ASCII")
    if not verifier.is_valid(body, timestamp, signature):
        return _refuse(
            401, "the signature is wrong or over 5 minutes old; compare SLACK_SIGNING_SECRET and the clock"
        )
    return None


def _is_ssl_check(body: str) -> bool:
    # Slack checks the certificate with an unsigned form that asks for nothing.
    return "ssl_check=1" in body and parse_qs(body).get("ssl_check") == ["1"]


def _refuse(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)
