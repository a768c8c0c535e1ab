"""The canary: a work order made, read back and cancelled, where the settings allow it, to show that data flows.

MaintainX has no key that would make a POST happen once. So the title is the key: before one is made, those of the same
title are looked for. One that an interrupted look left behind is found, used and cancelled; none is made twice.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from http import HTTPStatus
from typing import Any, NamedTuple

from bot.domain.telling import hour
from bot.domain.watching import LineState
from bot.errors import OutsideError
from bot.freshness import CANARY, WORK_ORDERS
from bot.maintainx_pages import ListPage, time_of
from bot.ports import Clock
from bot.straight import Answered, Straight

EVERY = timedelta(minutes=10)
"""One canary at most in so long; meanwhile the last one is read again."""
KEPT_BACK = 10
"""Requests that are left to the integration: with fewer in the limit, none is spent on a canary."""
_OVER = ("CANCELED", "DONE", "SKIPPED")
_QUIET = {"skipWebhook": "true"}


class Canary(NamedTuple):
    """What came of it; ``number`` is the work order's id, where there is one."""

    state: LineState
    says: str
    number: int | None = None


def title_of(subject: str) -> str:
    """The title of every canary for one incident, or for one integration while none is open."""
    return f"{CANARY} for {subject}: mx made this to prove recovery, safe to ignore"


async def sail(straight: Straight, subject: str, *, left: float | None, clock: Clock, zone: tzinfo) -> Canary:
    """Make one or use the last one, read it back, and leave none that is not cancelled, even if this is cut short.

    ``left``: the requests that MaintainX's limit still allows; None where nobody knows.
    """
    title = title_of(subject)
    found = await _looked_for(straight, title)
    if isinstance(found, Answered):
        return Canary("unmet", f"looking for an earlier canary: {found.says}, so none was made")
    open_ones = {int(row["id"]) for row in found if row.get("status") not in _OVER}
    recent = [row for row in found if _at(row) >= clock.now() - EVERY]
    number = int(recent[0]["id"]) if recent else None
    made = "made just now" if number is None else f"made at {hour(_at(recent[0]), zone)}"
    try:
        if number is None:
            if left is not None and left < KEPT_BACK:
                says = f"no canary: MaintainX's limit has {left:g} requests left, which are not mx's to spend"
                return Canary("no_traffic", says)
            number = await _made(straight, title, open_ones)
        trouble = await _read_back(straight, number, title)
    except OutsideError as error:
        trouble = str(error)
    finally:
        uncancelled = [words for one in sorted(open_ones) if (words := await _cancelled(straight, one))]
    if trouble or uncancelled:
        return Canary("unmet", "; ".join([*([trouble] if trouble else []), *uncancelled]), number)
    return Canary("met", f"canary work order {number}, {made}, was read back and is cancelled", number)


async def _looked_for(straight: Straight, title: str) -> list[dict[str, Any]] | Answered:
    """Canaries of this title, the latest first."""
    page = await straight.listed(WORK_ORDERS, {"title": title, "sort": "-createdAt", "limit": "200"})
    if not isinstance(page, ListPage):
        return page
    return [
        dict(row)
        for row in page.rows
        if row.get("title") == title and isinstance(row.get("id"), int) and time_of(row, "createdAt")
    ]


async def _made(straight: Straight, title: str, open_ones: set[int]) -> int:
    """Make one; its id. Raises OutsideError where that is not known."""
    body = {
        "title": title,
        "description": "A test of the way to MaintainX and back. mx cancels it within seconds.",
        "priority": "NONE",
    }
    answer = await straight.send("POST", WORK_ORDERS, body, _QUIET)
    number = _object(answer.body).get("id") if answer.status in (HTTPStatus.OK, HTTPStatus.CREATED) else None
    if isinstance(number, int):
        open_ones.add(number)
        return number
    if (
        answer.again or number is None
    ):  # without an answer it may have been made: then it is there to be cancelled
        found = await _looked_for(straight, title)
        if not isinstance(found, Answered):
            open_ones |= {int(row["id"]) for row in found if row.get("status") not in _OVER}
    raise OutsideError(f"making a canary work order: {_told(answer)}")


async def _read_back(straight: Straight, number: int, title: str) -> str:
    """Empty where it is there as it was made, else what is not right."""
    answer = await straight.ask(f"{WORK_ORDERS}/{number}", {})
    if answer.status == HTTPStatus.OK and _work_order(answer).get("title") == title:
        return ""
    return f"canary work order {number} could not be read back: {_told(answer)}"


async def _cancelled(straight: Straight, number: int) -> str:
    """Empty where it is cancelled now, else how a person does it."""
    path = f"{WORK_ORDERS}/{number}/status"
    answer = await straight.send("PATCH", path, {"status": "CANCELED"}, _QUIET)
    if answer.again:
        answer = await straight.send("PATCH", path, {"status": "CANCELED"}, _QUIET)
    if answer.status == HTTPStatus.OK and _work_order(answer).get("status") == "CANCELED":
        return ""
    return (
        f"canary work order {number} could not be cancelled ({_told(answer)}): cancel it by hand, in MaintainX or with "
        f'PATCH {path} and {{"status": "CANCELED"}}'
    )


def _told(answer: Answered) -> str:
    return answer.says if answer.status != HTTPStatus.OK else "it answered 200, and not with the work order"


def _work_order(answer: Answered) -> dict[str, Any]:
    found = _object(answer.body).get("workOrder")
    return found if isinstance(found, dict) else {}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _at(row: Mapping[str, Any]) -> datetime:
    at = time_of(row, "createdAt")
    assert at is not None
    return at
