"""The MaintainX API as mx uses it: addresses, limits, rate headers, error envelopes. No client, no I/O.

Source: the vendor's OpenAPI document of July 2026 and recorded calls; where they differ, both are read.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_BASE_URL = "https://api.getmaintainx.com/v1"
DEFAULT_STATUS_URL = "https://status.getmaintainx.com/en/index.json"

USER_LIMIT = 100
"""Requests per ``WINDOW_S`` of one user (a key belongs to a user)."""
ORGANISATION_LIMIT = 500
"""Requests per ``WINDOW_S`` of all users of an organisation."""
WINDOW_S = 60.0

COLLECTIONS: Mapping[str, str] = {
    "/users": "users",
    "/workorders": "workOrders",
    "/assets": "assets",
    "/locations": "locations",
}
"""The collections that a triage asks, and the key under which each answers its list."""

POLLED = ("/workorders", "/assets", "/parts", "/purchaseorders")
"""The collections whose lists can be filtered by ``updatedAt``."""


def origin(base_url: str) -> str:
    """The base URL without a trailing ``/v1``: where ``/versions`` lives and where the gateway forwards to."""
    trimmed = base_url.rstrip("/")
    return trimmed.removesuffix("/v1")


def host_of(url: str) -> str:
    """``host`` or ``host:port`` of a URL, fit to show."""
    return urlsplit(url).netloc.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """What an answer said about the rate limit; documented on every answer, not always seen live."""

    limit: int | None = None
    remaining: int | None = None
    reset_s: float | None = None
    """Seconds left until the window starts anew."""
    retry_after_s: float | None = None


def rate_headers(headers: Mapping[str, str]) -> RateHeaders:
    """Read ``X-Rate-Limit-*`` (and ``Retry-After``) from headers whose lookup ignores case; rubbish is absent."""
    limit = _number(headers.get("X-Rate-Limit-Limit"))
    remaining = _number(headers.get("X-Rate-Limit-Remaining"))
    return RateHeaders(
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else int(remaining),
        reset_s=_number(headers.get("X-Rate-Limit-Reset")),
        retry_after_s=_number(headers.get("Retry-After")),
    )


def error_text(body: bytes, *, limit: int = 200) -> str | None:
    """The API's own words from either error envelope, or None where the body is something else."""
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    match parsed:
        case str() as text:
            return text[:limit]
        case {"error": str() as text}:
            return text[:limit]
        case {"errors": [{"error": str() as text}, *_]}:
            return text[:limit]
        case _:
            return None


def key_headers(key: str | None, *, org_id: str | None) -> dict[str, str] | str:
    """The headers that carry the key, or the sentence that says why no client can send it.

    White space around the key is left away, as lenient clients do; a missing key is not sent, so that the
    API's answer to that shows as well.
    """
    bare = (key or "").strip()
    if any(not "!" <= letter <= "~" and letter != " " for letter in bare):
        return "not asked: the API key holds characters that no HTTP header may carry"
    headers = {"Accept": "application/json"}
    if bare:
        headers["Authorization"] = f"Bearer {bare}"
    if org_id:
        headers["x-organization-id"] = org_id
    return headers


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) and value >= 0 else None
