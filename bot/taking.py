"""Who has an incident, and whether it is quiet: the requests of ``Incidents`` about that, decided on the fold."""

from datetime import UTC, datetime, timedelta, tzinfo

from bot.deciding import Deciding, Done, Move, on, open_in, worded
from bot.domain.book import Book
from bot.domain.events import Acknowledged
from bot.domain.incident import Incident
from bot.domain.notebook import HandedOver
from bot.domain.oncall import Snoozed, SnoozeEnded
from bot.domain.open_points import held
from bot.domain.response import worse_than_snoozed
from bot.domain.span import span
from bot.domain.telling import hour, moment
from bot.errors import Refused
from bot.ports import Clock
from bot.timeline import Timeline

NEVER = timedelta(0)
"""An acknowledgement that holds for ever."""


class Taking:
    """Acknowledge, hand over, snooze, end the quiet. All methods raise Refused, Conflict or StoreError.

    ``lapses`` is how long an acknowledgement holds without a sign of whoever gave it.
    """

    def __init__(
        self, timeline: Timeline, clock: Clock, *, zone: tzinfo = UTC, lapses: timedelta = NEVER
    ) -> None:
        self._clock = clock
        self._zone = zone
        self._lapses = lapses
        self._deciding = Deciding(timeline, clock)

    async def acknowledge(self, integration: str, *, actor: str, key: str | None = None) -> Done:
        """The actor has it, or confirms that; a hand-over says who had it before."""

        def decide(book: Book) -> Move:
            found, now = open_in(book, integration), self._clock.now()
            if found.acknowledged_by == actor:
                says = f"You have {found.id}{self._since(found)}, and that is confirmed."
            else:
                says = f"You have {found.id} now.{self._had(found)}"
            return on(found, Acknowledged(), says=says + self._holds(found, now))

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def hand_over(
        self, integration: str, to: str, *, summary: str, actor: str, key: str | None = None
    ) -> Done:
        """``to`` has it from here, with what they have to know; whether they may act is asked before, at the edge.

        It counts as an acknowledgement by ``to``: it lapses as any, and where nobody had it, it has been answered.
        """
        words = worded(summary, example="/mx handover, and what the next one has to know")

        def decide(book: Book) -> Move:
            found, now = open_in(book, integration), self._clock.now()
            if found.acknowledged_by == to:
                raise Refused(f"{to} has {found.id} already{self._since(found)}. Choose somebody else.")
            lines = held(found, self._zone, now=now)
            says = f"{to} has {found.id} now, and is told in the channel.{self._had(found)}"
            fact = HandedOver(to=to, summary=words, lines=lines)
            return on(found, fact, says=says + self._holds(found, now, of="them"))

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def snooze(
        self, integration: str, length: str, *, reason: str, actor: str, key: str | None = None
    ) -> Done:
        """The actor has it, and wants no reminder and no page for so long, such as ``30m``."""
        quiet, why = span(length), worded(reason, example="/mx snooze 30m on the phone with the vendor")

        def decide(book: Book) -> Move:
            found, now = open_in(book, integration), self._clock.now()
            until = now + quiet
            unless = f", unless it becomes worse than {found.severity}" if found.severity else ""
            had = "" if found.acknowledged_by == actor else self._had(found)
            says = (
                f"You have {found.id}, and it is quiet until {moment(until, self._zone, beside=now)}: no reminder "
                f"and no page{unless}.{had} To end it sooner: /mx snooze off"
            )
            return on(found, Snoozed(until=until, severity=found.severity, reason=why), says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    async def end_snooze(self, integration: str, *, actor: str, key: str | None = None) -> Done:
        """The quiet is over before its time."""

        def decide(book: Book) -> Move:
            found, now = open_in(book, integration), self._clock.now()
            snooze = found.oncall.snooze
            if snooze is None or now >= snooze.until or worse_than_snoozed(found):
                raise Refused(
                    f"{found.id} is not quiet, so there is nothing to end. For quiet: /mx snooze 30m REASON"
                )
            has = f" {found.acknowledged_by} has it." if found.acknowledged_by else ""
            says = f"{found.id} is no longer quiet: reminders and pages are on again.{has}"
            return on(found, SnoozeEnded(cause="person", says="The quiet was ended"), says=says)

        return await self._deciding.do(decide, integration, actor=actor, key=key)

    def _since(self, found: Incident) -> str:
        return f", since {hour(found.acknowledged_at, self._zone)}" if found.acknowledged_at else ""

    def _had(self, found: Incident) -> str:
        """Who had it before."""
        return f" {found.acknowledged_by} had it{self._since(found)}." if found.acknowledged_by else ""

    def _holds(self, found: Incident, now: datetime, *, of: str = "you") -> str:
        """Until when the acknowledgement that is made now holds."""
        if not self._lapses:
            return ""
        snooze = found.oncall.snooze
        signed = max(now, snooze.until) if snooze else now
        return f" It holds until {moment(signed + self._lapses, self._zone, beside=now)}, and longer with every sign of {of}."
