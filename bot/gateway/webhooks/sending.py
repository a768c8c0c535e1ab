"""One delivery sent to the integration: signed anew, and what became of it in words."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import aiohttp
from yarl import URL

from bot.gateway.webhooks import signature
from bot.gateway.webhooks.deliveries import Delivery
from bot.gateway.webhooks.settings import WebhookSettings
from bot.maintainx import host_of

DELIVERY = "X-MX-Delivery"
"""Names the delivery: the same each time it is sent."""
EVENT = "X-MX-Event"
POLLED = "X-MX-Polled"

_AGAIN = frozenset({408, 425, 429})
"""Refusals that are about this moment and not about the delivery."""
_ANSWER_KEPT = 500
_LONGEST_REQUEST_S = 3600.0
_OK, _REDIRECT, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """The integration has it; it is to be tried ``again``; or it will not have it, and a person decides (``kept``)."""

    fate: Literal["delivered", "again", "kept"]
    says: str
    status: int | None = None
    answer: bytes = b""
    wait_s: float | None = None
    """How long the integration wants to be left alone."""


def open_session(settings: WebhookSettings) -> aiohttp.ClientSession:
    """The client for the integration: no cookies; proxies and certificates as the environment says."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=settings.answer_s),
        trust_env=True,
        headers={"User-Agent": "mx-gateway"},
    )


async def send(
    session: aiohttp.ClientSession, one: Delivery, settings: WebhookSettings, *, now: datetime
) -> Outcome:
    """Post it once. Never raises for what the network or the integration does."""
    if one.body is None:
        return Outcome("kept", "it is encrypted with another MX_BUFFER_KEY; set that one and send it again")
    address = (settings.forward_to or "").replace("{event}", one.event)
    where = host_of(address)
    try:
        async with session.post(
            URL(address),
            data=one.body,
            headers=_headers(one, settings, address, now),
            allow_redirects=False,
        ) as response:
            answer = await response.content.read(_ANSWER_KEPT)
            return _outcome(where, response.status, response.headers, answer)
    except TimeoutError:
        return Outcome("again", f"{where} gave no answer within {settings.answer_s:g} s")
    except aiohttp.ClientConnectorError as error:
        return Outcome("again", f"{where} could not be connected to ({_why(error)})")
    except (aiohttp.ClientError, OSError):
        return Outcome("again", f"{where} closed the connection before it had answered")


def _headers(one: Delivery, settings: WebhookSettings, address: str, now: datetime) -> dict[str, str]:
    headers = {"Content-Type": one.content_type, DELIVERY: one.id, EVENT: one.event}
    if one.polled:
        headers[POLLED] = "true"
    secrets = settings.secrets
    if secrets and one.body is not None:
        secret = secrets[one.signed_with] if one.signed_with < len(secrets) else secrets[0]
        headers[signature.BODY] = signature.signed(secret, one.body, at=now)
        headers[signature.URI] = signature.signed(secret, str(URL(address)).encode(), at=now)
    return headers


def _outcome(where: str, status: int, headers: Mapping[str, str], answer: bytes) -> Outcome:
    if _OK <= status < _REDIRECT:
        return Outcome("delivered", "", status)
    if status >= _SERVER_ERROR or status in _AGAIN:
        return Outcome("again", f"{where} answered {status}", status, wait_s=_retry_after(headers))
    says = f"{where} refused it with {status}"
    if status < _CLIENT_ERROR:
        says = f"{where} redirects ({status}), which is not followed; set INTEGRATION_WEBHOOK_URL to where it leads"
    return Outcome("kept", says, status, answer)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return min(_LONGEST_REQUEST_S, max(0.0, float(headers.get("Retry-After", ""))))
    except ValueError:
        return None


def _why(error: aiohttp.ClientConnectorError) -> str:
    """The reason in the system's own words, without addresses."""
    code = error.os_error.errno
    return os.strerror(code).lower() if code and code > 0 else type(error.os_error).__name__
