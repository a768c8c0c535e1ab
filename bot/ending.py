"""What may be asked about an incident's end: whether recovery is proved, that it is over, that it was not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from bot.deciding import Deciding, Done, Move, nothing_open, on, open_in, worded
from bot.domain import events as e
from bot.domain.book import Book
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.proof import BACKLOG, FINDINGS, FRESH, ORDERS, ROUNDS, SYNC, accepted, open_lines
from bot.domain.watching import RecoveryLine, VerifyRequested
from bot.errors import Refused
from bot.ports import Clock
from bot.run_rules import unmet_lines
from bot.timeline import Timeline

GOOD_FOR = timedelta(minutes=1)
"""How long a proof may be used as it is."""
_ASKED = (ROUNDS, FRESH, ORDERS, BACKLOG, FINDINGS, SYNC)
"""The lines of a proof that the timeline itself does not know better."""
AFTERWARDS = "For its report: /mx report. If it is back: /mx reopen REASON"


class Ending:
    """Asks for the proof of recovery, resolves by it, reopens. All methods raise Refused, Conflict or StoreError."""

    def __init__(
        self, timeline: Timeline, clock: Clock, *, new_id: Callable[[], str], zone: tzinfo = UTC
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._deciding = Deciding(timeline, clock)
        self._new_id = new_id
        self._zone = zone

    async def request_verify(
        self, integration: str, *, actor: str, address: Address | None = None, key: str | None = None
    ) -> Done:
        """Ask whether recovery is proved, also where no incident is open; its follower answers at ``address``."""
        fact = VerifyRequested(request=self._new_id(), address=address or Address())

        def decide(book: Book) -> Move:
            found = book.open_incident(integration)
            return Move(
                says=f"Looking whether {integration} works again, line by line; the answer follows within about 15 seconds.",
                incident=found.id if found else None,
                fact=fact,
                stream=found.id if found else e.desk(integration),
            )

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def resolve(
        self,
        integration: str,
        *,
        actor: str,
        anyway_reason: str | None = None,
        at_gateway: Sequence[str] = (),
        remark: str = "",
        address: Address | None = None,
        key: str | None = None,
    ) -> Done:
        """It is over: at once by a proof of this minute, else as soon as the follower has looked.

        Refuses at once, and lists why, while something is on; with a reason each such line is accepted.

        Args:
            integration: whose incident.
            actor: who says so.
            anyway_reason: why it is called over with open points.
            at_gateway: what the gateway was just found to hold back, a line each.
            remark: what else is to be told with the answer.
            address: where the follower's answer goes.
            key: the id of the delivery that asks.
        """
        reason = None if anyway_reason is None else worded(anyway_reason, example="/mx resolve anyway REASON")
        request = VerifyRequested(
            request=self._new_id(), address=address or Address(), resolve=True, anyway=reason
        )

        def decide(book: Book) -> Move:
            found = open_in(book, integration)
            standing = (*unmet_lines(found, zone=self._zone), *at_gateway)
            if standing and reason is None:
                lines = "".join(f"\n- {line}" for line in standing)
                raise Refused(
                    f"{found.id} cannot be resolved yet:{lines}\n"
                    "Settle that first, or take it in your name: /mx resolve anyway REASON"
                )
            proof = usable(found, now=self._clock.now(), anyway=reason is not None)
            if proof is None:
                return on(found, request, says=_asked(found, anyway=reason is not None), binding=False)
            known = (one for one in proof if not (at_gateway and one.name == BACKLOG))
            taken = (*standing, *accepted(known))
            says = f"{found.id} is resolved. {AFTERWARDS}"
            says += f"\n{remark}" if remark else ""
            if taken:
                says += "\nAccepted by you, and the report says so:" + "".join(f"\n- {one}" for one in taken)
            return on(found, e.Resolved(reason=reason or "", accepted=taken), says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def reopen(self, integration: str, reason: str, *, actor: str, key: str | None = None) -> Done:
        """It was not over: the latest incident goes on, where none is open."""
        why = worded(reason, example="/mx reopen the 429s are back")

        def decide(book: Book) -> Move:
            if current := book.open_incident(integration):
                raise Refused(f"{current.id} is open; there is nothing to reopen.")
            found = book.latest(integration)
            if found is None:
                raise Refused(nothing_open(integration))
            return on(
                found, e.Reopened(reason=why), says=f"{found.id} is open again. To look now: /mx triage"
            )

        return await self._deciding.do(decide, integration, actor=actor, key=key)


def usable(incident: Incident, *, now: datetime, anyway: bool) -> tuple[RecoveryLine, ...] | None:
    """What a proof of this minute says of the outside; None where it is older, or not good enough to resolve by."""
    known = incident.recovery
    if known is None or now - known.at > GOOD_FOR:
        return None
    if incident.assessment and incident.assessment.at > known.at and not incident.healthy_now:
        return None
    lines = tuple(line for line in known.fact.lines if line.name in _ASKED)
    return lines if anyway or (known.fact.verdict == "proved" and not open_lines(lines)) else None


def _asked(found: Incident, *, anyway: bool) -> str:
    if anyway:
        return (
            f"Looking once more at what is open; then {found.id} is resolved in your name, and what is open is accepted "
            "by you. You hear within about 15 seconds."
        )
    return (
        f"Looking whether recovery is proved; if it is, {found.id} is resolved in your name. "
        "You hear either way within about 15 seconds."
    )
