"""Whether the integration's writes since a time have reached MaintainX, as far as the gateway kept them."""

from collections import Counter
from collections.abc import Sequence

from bot.domain.backlog import BufferPage
from bot.domain.gap import Gap, GapEnd
from bot.domain.telling import writes
from bot.ports import Gateway

_PAGE = 100
_TODO = {
    "waiting": "wait for the replay: start it on the card, or with mx replay",
    "sending": "are being sent: look again in a minute",
    "parked": "are of unknown fate: decide with mx buffer list --state unknown",
    "unknown": "are being looked for: look again in a minute",
    "rejected": "were refused by MaintainX: see mx buffer list --state rejected, and resend or drop each",
}


async def settled(gateway: Gateway, gaps: Sequence[Gap]) -> tuple[GapEnd, ...]:
    """What became of the buffered writes of each gap. Raises OutsideError where the gateway cannot say.

    A write that somebody gave up by name is expected no longer; one that went past the gateway is not known here.
    """
    fates: dict[str, Counter[str]] = {gap.id: Counter() for gap in gaps}
    cursor, seen = None, set[str]()
    while gaps:
        page = BufferPage.from_json(await gateway.buffer(limit=_PAGE, cursor=cursor))
        for write in page.items:
            for gap in gaps:
                if write.received_at >= gap.since and _about(write.path, gap.entity):
                    fates[gap.id][write.fate] += 1
        if page.next is None or page.next in seen:
            break
        cursor = page.next
        seen.add(cursor)
    return tuple(_end(gap, fates[gap.id]) for gap in gaps)


def _about(path: str, entity: str) -> bool:
    bare = path.partition("?")[0].removeprefix("/v1")
    return bare == entity or bare.startswith(f"{entity}/")


def _end(gap: Gap, fates: Counter[str]) -> GapEnd:
    dropped, delivered = fates["dropped"], fates["delivered"]
    expected = fates.total() - dropped
    left = [f"{fates[fate]} {todo}" for fate, todo in _TODO.items() if fates[fate]]
    says = f"{gap.name}: {delivered} of {writes(expected)} that the gateway kept are delivered"
    says += f"; {dropped} given up by a person" if dropped else ""
    says += f"; {'; '.join(left)}" if left else ""
    return GapEnd(gap=gap.id, expected=expected, found=delivered, missing=expected - delivered, says=says)
