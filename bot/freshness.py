"""Whether data flows: the newest change of the critical lists, and the work orders of the last hour, counted rightly.

Two ways in which such a count lies are kept out: a parameter that MaintainX does not know is answered 400, which is
no "0 work orders"; and a page is not the whole list.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bot.domain.integration import Integration
from bot.domain.proof import FRESH, ORDERS, Began, line
from bot.domain.watching import RecoveryLine
from bot.maintainx_pages import created, dated, newest, time_of
from bot.straight import Answered, Straight

WORK_ORDERS = "/workorders"
CANARY = "mx canary"
"""How the title of every canary begins: one is no traffic."""
PAGES = 10
"""So many pages of the last hour are read at most: 2,000 work orders."""
_HOUR = timedelta(hours=1)
_ROWS = 10
"""So many of the newest are asked for where the newest may be canaries."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The work orders of the last hour: people's and the integration's own, and the canaries among them."""

    count: int
    canaries: frozenset[str]
    whole: bool
    trouble: str = ""


async def fresh(straight: Straight, integration: Integration, *, since: Began, zone: tzinfo) -> RecoveryLine:
    """Whether the newest change of a critical list that has dates is newer than ``since``."""
    paths = dated_paths(integration)
    if not paths:
        return line(FRESH, "unknown", "none of its collections can be asked by date")
    moved: list[str] = []
    still: list[str] = []
    for path in paths:
        page = await straight.listed(path, newest(_ROWS if integration.canary else 1))
        if isinstance(page, Answered):
            return line(FRESH, "unmet", f"{path}: {page.says}; what it needs: /mx triage")
        rows = [row for row in page.rows if not str(row.get("title", "")).startswith(CANARY)]
        if not rows:
            still.append(f"{path} is empty")
            continue
        at = time_of(rows[0], "updatedAt")
        if at is None:
            return line(FRESH, "unmet", f"{path}: its newest row has no updatedAt that can be read")
        told = f"{path}: newest change {_when(at, zone)}"
        (moved if at > since.at else still).append(told)
    border = f"{since.what} ({_when(since.at, zone)})"
    if moved:
        return line(FRESH, "met", f"{'; '.join(moved)}, after {border}")
    return line(FRESH, "no_traffic", f"{'; '.join(still)}; nothing moved since {border}")


async def counted(straight: Straight, *, now: datetime) -> Counted:
    """Count the work orders that were made in the last hour, page by page."""
    seen: set[str] = set()
    canaries: set[str] = set()
    cursor: str | None = None
    for number in range(1, PAGES + 1):
        query = created(WORK_ORDERS, since=now - _HOUR, cursor=cursor)
        page = await straight.listed(WORK_ORDERS, query)
        if isinstance(page, Answered):
            where = f"page {number}: " if number > 1 else ""
            return Counted(len(seen), frozenset(canaries), whole=False, trouble=f"{where}{page.says}")
        for row in page.rows:
            kept = canaries if str(row.get("title", "")).startswith(CANARY) else seen
            kept.add(str(row.get("id")))
        cursor = page.cursor
        if cursor is None:
            return Counted(len(seen), frozenset(canaries), whole=True)
    return Counted(len(seen), frozenset(canaries), whole=False)


def count_line(found: Counted, *, canary: int | None = None) -> RecoveryLine:
    """The count in words; ``canary``: the id of the one that was made, and has to be in the list."""
    if found.trouble:
        says = f"counting those of the last hour: {found.trouble}; so nobody knows how many there are"
        return line(ORDERS, "unmet", says)
    if found.count:
        least = "" if found.whole else f"at least (the first {PAGES} pages were read) "
        plural = "" if found.count == 1 else "s"
        return line(ORDERS, "met", f"{least}{found.count} work order{plural} made in the last hour")
    if canary is None:
        return line(ORDERS, "no_traffic", "0 work orders made in the last hour, every page counted")
    if str(canary) not in found.canaries:
        says = f"0 work orders made in the last hour, and canary {canary} is not in the list"
        return line(ORDERS, "unmet", says)
    return line(
        ORDERS, "met", f"mx's own canary {canary} is in the list; nobody else made one in the last hour"
    )


def dated_paths(integration: Integration) -> tuple[str, ...]:
    """The critical lists that can be asked by date, else any of its lists that can."""
    critical = tuple(path for path in integration.critical if dated(path))
    return critical or tuple(path for path in integration.endpoints if dated(path))


def _when(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
