"""Gaps as people deal with them: which a backfill can fill, and which somebody accepts with a reason."""

from collections.abc import Mapping
from datetime import UTC, tzinfo

from bot.deciding import Deciding, Done, Move, on, open_or_latest, worded
from bot.domain.book import Book
from bot.domain.gap import Gap, told, window
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.run import BAD
from bot.domain.watching import GapsAccepted
from bot.errors import Refused
from bot.maintainx_pages import KEYS
from bot.ports import Clock
from bot.timeline import Timeline

_EXAMPLE = "/mx gap accept all the plant was closed that night"


class Gaps:
    """Asks; the fold closes. ``accept`` raises Refused, Conflict or StoreError."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        integrations: Mapping[str, Integration],
        served: str,
        zone: tzinfo = UTC,
    ) -> None:
        self._deciding = Deciding(timeline, clock)
        self._zone = zone
        self._integrations = integrations
        self._served = served

    def unfillable(self, gap: Gap, integration: str) -> str:
        """Why no backfill can be run for it; empty where one can."""
        if gap.direction == "out":
            served = integration == self._served
            return (
                "" if served else "the gateway does not serve this integration, so it kept none of its writes"
            )
        if gap.entity not in KEYS:
            return f"MaintainX has no list of {gap.entity.strip('/')} to read again"
        known = self._integrations.get(integration)
        if known is None or not (known.import_url or known.import_command):
            return "nothing takes in what was missed: set import_url or import_command"
        return ""

    def todo(self, gap: Gap, integration: str) -> str:
        """What to do about an open gap, as the end of a sentence."""
        accept = f"/mx gap accept {gap.entity.strip('/')} REASON"
        if why := self.unfillable(gap, integration):
            return f"no backfill can be run ({why}); compare by hand, then: {accept}"
        return "fill it with /mx run sync-gap"

    def lines(self, incident: Incident) -> tuple[str, ...]:
        """Each open gap in a few words: window, from where that is known, what was tried, what to do."""
        return tuple(self._line(gap, incident) for gap in incident.gaps)

    def _line(self, gap: Gap, incident: Incident) -> str:
        known = f" ({gap.says})" if gap.says else ""
        went = tried(incident, gap)
        parts = [
            f"{gap.name} {window(gap, self._zone)}{known}",
            f"tried: {went}" if went else "nothing was tried",
        ]
        return "; ".join([*parts, self.todo(gap, incident.integration)])

    async def accept(self, integration: str, words: str, *, actor: str, key: str | None = None) -> Done:
        """Take gaps as not filled, in the actor's name: ``[ENTITY|all] [anyway] REASON``.

        One that a backfill can fill, and that none was tried for in vain, is taken only with the word ``anyway``.
        """

        def decide(book: Book) -> Move:
            found = open_or_latest(book, integration)
            chosen, anyway, reason = _read(found, words)
            taken = tuple(gap for gap in chosen if anyway or self._may(gap, found))
            if not taken:
                raise Refused(
                    f"A backfill can fill {told(chosen, self._zone)}: /mx run sync-gap. To accept it unfilled all the same, say "
                    "anyway before the reason: /mx gap accept all anyway REASON"
                )
            left = [gap for gap in chosen if gap not in taken]
            says = f"Accepted in {found.id}, in your name: {told(taken, self._zone)}. The report says so, with your reason."
            says += (
                f"\nStill open, since a backfill can fill it (/mx run sync-gap): {told(left, self._zone)}"
                if left
                else ""
            )
            fact = GapsAccepted(gaps=tuple(gap.id for gap in taken), reason=reason, says=told(taken))
            return on(found, fact, says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    def _may(self, gap: Gap, found: Incident) -> bool:
        return bool(self.unfillable(gap, found.integration)) or bool(tried(found, gap))


def tried(incident: Incident, gap: Gap) -> str:
    """What the last backfill of this gap came to, where it left it open; empty where none was run to its end."""
    counted = [end.says for end in incident.gap_ends if end.gap == gap.id and not end.closed]
    if counted:
        return counted[-1]
    vain = [
        done.says
        for run in incident.runs
        if run.mode == "apply" and run.plan is not None
        for step, done in zip(run.plan.steps, run.steps, strict=False)
        if step.kind == "backfill" and done.state in BAD
    ]
    return vain[-1] if vain else ""


def _read(found: Incident, words: str) -> tuple[tuple[Gap, ...], bool, str]:
    """Which gaps are meant, whether anyway, and why. Raises Refused where that is not clear."""
    if not found.gaps:
        raise Refused(f"No gap is open in {found.id}.")
    entities = list(dict.fromkeys(gap.entity for gap in found.gaps))
    first, _, rest = words.strip().partition(" ")
    named = f"/{first.strip('/').lower()}"
    if first.lower() == "all":
        chosen = found.gaps
    elif named in entities:
        chosen = tuple(gap for gap in found.gaps if gap.entity == named)
    elif first.startswith("/") or len(entities) > 1:
        known = ", ".join(entity.strip("/") for entity in entities)
        raise Refused(
            f"Which gap? Open in {found.id}: {known}. Name one or say all, then the reason: {_EXAMPLE}"
        )
    else:
        chosen, rest = found.gaps, words.strip()
    second, _, after = rest.strip().partition(" ")
    anyway = second.lower() == "anyway"
    return chosen, anyway, worded(after if anyway else rest, example=_EXAMPLE)
