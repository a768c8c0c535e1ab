"""MaintainX's lists, page by page: what to ask of each, and how a page is read. Pure: no client, no I/O.

Source: the vendor's OpenAPI document of July 2026. Only ``POLLED`` can be asked by ``updatedAt`` (and sorted by it);
a parameter that a list does not know is answered 400, so others are asked whole.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.maintainx import COLLECTIONS, POLLED

MOST_ROWS = 200
"""Rows of a page; MaintainX allows no more."""

KEYS: Mapping[str, str] = {
    **COLLECTIONS,
    "/parts": "parts",
    "/purchaseorders": "purchaseOrders",
    "/teams": "teams",
    "/vendors": "vendors",
    "/workrequests": "workRequests",
    "/meters": "meters",
    "/categories": "categories",
    "/organizations": "organizations",
}
"""Under which key each collection answers its list."""

_ALSO: Mapping[str, Mapping[str, str]] = {
    "/workorders": {"show_upcoming": "true"},  # without it those that begin in the future are left out
}


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list; ``cursor`` leads to the next, None: there is none."""

    rows: tuple[Mapping[str, Any], ...]
    cursor: str | None


def dated(path: str) -> bool:
    """Whether a list can be asked for what changed since a time."""
    return path in POLLED


def query(path: str, *, since: datetime, cursor: str | None, limit: int = MOST_ROWS) -> dict[str, str]:
    """The query of a page: the oldest change first where that can be asked, the filters the same on every page."""
    by_date = {"updatedAt[gte]": moment(since), "sort": "updatedAt"} if dated(path) else {}
    more = {"cursor": cursor} if cursor else {}
    return {**by_date, "limit": str(limit), **_ALSO.get(path, {}), **more}


def newest(limit: int = 1) -> dict[str, str]:
    """The query of a dated list's latest change."""
    return {"sort": "-updatedAt", "limit": str(limit)}


def created(path: str, *, since: datetime, cursor: str | None) -> dict[str, str]:
    """The query of a page of what was made since a time; ``createdAtGte``, which some write, is answered 400."""
    more = {"cursor": cursor} if cursor else {}
    return {"createdAt[gte]": moment(since), "limit": str(MOST_ROWS), **_ALSO.get(path, {}), **more}


def time_of(row: Mapping[str, Any], field: str) -> datetime | None:
    """A row's time, aware; None where it has none that can be read."""
    try:
        at = datetime.fromisoformat(str(row.get(field, "")))
    except ValueError:
        return None
    return at if at.tzinfo else None


def moment(at: datetime) -> str:
    """A UTC time as MaintainX takes and writes it: ISO 8601 with milliseconds and a Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(path: str, body: bytes) -> ListPage | None:
    """Read a page; None where it is something else. Rows that are no objects are passed over."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(given, dict):
        return None
    listed = given.get(KEYS[path]) if path in KEYS else _only_list(given)
    if not isinstance(listed, list):
        return None
    cursor = given.get("nextCursor")
    return ListPage(tuple(row for row in listed if isinstance(row, dict)), str(cursor) if cursor else None)


def _only_list(given: Mapping[str, Any]) -> list[Any] | None:
    """The one list of an answer whose key is not known here."""
    found = [value for value in given.values() if isinstance(value, list)]
    return found[0] if len(found) == 1 else None
