"""Finding out what became of a write whose connection broke: MaintainX is asked before anything is sent again.

MaintainX has no idempotency key. A created work order is looked for by its marker; a change is compared with what is
there now; a deleted thing is gone. Whatever else was being created cannot be told from a double, and waits for a
person.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlencode

from bot.gateway.asking import Answered
from bot.gateway.buffer.writes import Write, marked, parts_of, read_json

Ask = Callable[[str], Awaitable[Answered]]
"""Reads a target of MaintainX's (``/v1/workorders/12``). Raises Lost."""

_BEFORE = timedelta(minutes=5)
"""How far the clocks of MaintainX and of this machine may differ."""
_MOST_CANDIDATES = 50
_ITEM = 2
"""Parts of ``workorders/12``."""
_LATER = (401, 408, 425, 429)
"""Refusals that are about this moment, or about a key that is put right."""
_READABLE = frozenset(
    [
        "assets",
        "assetcustomstatuses",
        "categories",
        "locations",
        "maintenanceplans",
        "meters",
        "metertriggers",
        "parts",
        "parttransferrequests",
        "purchaseorders",
        "proceduretemplates",
        "subscriptions",
        "teams",
        "users",
        "vendors",
        "workorders",
        "workrequests",
        "workrequestportals",
    ]
)
"""Collections whose items the vendor's document lets one read; the others answer 404 to that, whatever is there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What looking told: it ``arrived``, it did not (send it ``again``), ``nobody`` can know, or look ``later``."""

    fate: Literal["arrived", "again", "nobody", "later"]
    says: str


def can_be_looked_for(write: Write) -> bool:
    """Whether its fate can be found out at all."""
    parts = parts_of(write.target)
    match write.method:
        case "POST":
            return write.creates_work_order and _title(write) is not None
        case "PATCH":
            return _item_of(parts) is not None and isinstance(read_json(write.body), dict)
        case "DELETE":
            return len(parts) == _ITEM and _item_of(parts) is not None
        case _:
            return False


async def look_for(
    write: Write, ask: Ask, *, last_answer: bytes | None, now: Callable[[], datetime]
) -> Found:
    """Ask MaintainX what became of this write, which ``can_be_looked_for``. Raises Lost.

    ``last_answer`` is what it answered to the write before this one of the same entity; ``now`` is our clock.
    """
    match write.method:
        case "POST":
            return await _created(write, ask)
        case "PATCH":
            return await _changed(write, ask, last_answer, now)
        case _:
            return await _deleted(write, ask)


async def _created(write: Write, ask: Ask) -> Found:
    _, mark = marked(write)
    ours = isinstance(mark, str) and mark.endswith(write.id)
    since = (write.sent_at or write.received_at) - _BEFORE
    seen = 0
    async for item in _listed(ask, title=(_title(write) or "").strip(), since=since):
        if isinstance(item, Found):
            return item
        if str(item.get("title")).split() != (_title(write) or "").split():
            continue
        seen += 1
        if seen > _MOST_CANDIDATES:
            return Found(
                "nobody",
                f"more than {_MOST_CANDIDATES} work orders of this title were created since {since:%H:%M} UTC; "
                "look for yours in MaintainX",
            )
        number = item.get("id")
        whole = await _read(ask, f"/v1/workorders/{number}")
        if isinstance(whole, Found):
            return whole
        if whole is not None and whole.get("externalData") == mark:
            if ours:
                return Found("arrived", f"found in MaintainX as work order {number}")
            return Found(
                "nobody",
                f"work order {number} has the same title and externalData; look whether it is this one",
            )
    return Found("again", f"MaintainX has no such work order since {since:%H:%M} UTC")


async def _changed(write: Write, ask: Ask, last_answer: bytes | None, now: Callable[[], datetime]) -> Found:
    item = _item_of(parts_of(write.target))
    wanted = read_json(write.body)
    assert item is not None
    assert isinstance(wanted, dict)
    answer = await ask(f"/v1/{item}")
    there = _single(answer)
    if isinstance(there, Found):
        return there
    if there is None:
        return Found("again", f"MaintainX has no {item} (any more); sending it again will tell")
    if wanted and all(name in there and there[name] == value for name, value in wanted.items()):
        return Found("arrived", f"{item} in MaintainX is as this write wanted it")
    moved = _time(there.get("updatedAt"))
    known = _time((_only(read_json(last_answer)) or {}).get("updatedAt"))
    if moved is not None and known is not None and moved == known:
        return Found("again", f"{item} has not been touched since the write before this one")
    sent = write.sent_at
    if moved is not None and sent is not None and moved + _ahead(answer, now()) < sent:
        return Found("again", f"{item} has not been touched since {moved:%H:%M:%S} UTC, before this was sent")
    return Found(
        "nobody",
        f"{item} was changed at about the time this was sent, and is not as this write wanted it; look at it",
    )


async def _deleted(write: Write, ask: Ask) -> Found:
    item = "/".join(parts_of(write.target))
    there = await _read(ask, f"/v1/{item}")
    if isinstance(there, Found):
        return there
    if there is None:
        return Found("arrived", f"{item} is gone in MaintainX")
    return Found("again", f"{item} is still there")


async def _listed(ask: Ask, *, title: str, since: datetime) -> AsyncIterator[dict[str, Any] | Found]:
    """Work orders created since then whose title holds this one, over all pages."""
    query = {
        "createdAt[gte]": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "title": title,
        "show_upcoming": "true",  # without it those that begin in the future are left out
        "limit": "200",
    }
    cursor: str | None = None
    while True:
        asked = {**query, "cursor": cursor} if cursor else query
        answer = await ask(f"/v1/workorders?{urlencode(asked, quote_via=quote)}")
        if answer.status != HTTPStatus.OK or not answer.whole:
            yield _unasked(answer)
            return
        page = read_json(answer.body)
        if not isinstance(page, dict) or not isinstance(page.get("workOrders"), list):
            yield Found(
                "later", "MaintainX's list of work orders is not what its document says; looking again"
            )
            return
        for item in page["workOrders"]:
            yield item
        cursor = page.get("nextCursor")
        if not cursor:
            return


async def _read(ask: Ask, target: str) -> dict[str, Any] | Found | None:
    return _single(await ask(target))


def _single(answer: Answered) -> dict[str, Any] | Found | None:
    """The one thing an answer holds; None where it is not there."""
    if answer.status == HTTPStatus.NOT_FOUND:
        return None
    if answer.status != HTTPStatus.OK or not answer.whole:
        return _unasked(answer)
    return _only(read_json(answer.body)) or Found(
        "later", "MaintainX's answer is not readable; looking again"
    )


def _unasked(answer: Answered) -> Found:
    if 400 <= answer.status < 500 and answer.status not in _LATER:  # noqa: PLR2004 - its own fault, which stays
        return Found(
            "nobody", f"MaintainX does not say what became of it (it answered {answer.status} when asked)"
        )
    return Found("later", f"MaintainX answered {answer.status} when asked; looking again")


def _only(answer: Any) -> dict[str, Any] | None:
    """``{"workOrder": {...}}`` without its wrapping."""
    values = list(answer.values()) if isinstance(answer, dict) else []
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else None


def _ahead(answer: Answered, now: datetime) -> timedelta:
    """What to add to a time of MaintainX's to be at least our clock's: by its ``Date``, which counts whole seconds."""
    try:
        there = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return _BEFORE
    return now - there + timedelta(seconds=1) if there.tzinfo else _BEFORE


def _item_of(parts: tuple[str, ...]) -> str | None:
    """The thing whose reading shows what a write to these parts changed."""
    if parts[:1] and parts[0] not in _READABLE:
        return None
    if len(parts) == _ITEM or (len(parts) == _ITEM + 1 and parts[0] == "workorders" and parts[2] == "status"):
        return "/".join(quote(part, safe="") for part in parts[:_ITEM])
    return None


def _title(write: Write) -> str | None:
    given = read_json(write.body)
    title = given.get("title") if isinstance(given, dict) else None
    if not isinstance(title, str) or not title.strip():
        return None
    # Half of an emoji, as a client's cut leaves it, is no text that can be asked for.
    return None if any("\ud800" <= letter <= "\udfff" for letter in title) else title


def _time(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
