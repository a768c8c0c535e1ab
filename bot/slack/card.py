"""The follower that keeps one card per incident true: posted once, then edited in place as facts arrive."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial

import structlog

from bot.domain.book import Book
from bot.domain.chain import Head
from bot.domain.events import Draft
from bot.domain.incident import Card, Incident
from bot.domain.integration import Integration
from bot.domain.look import Look
from bot.domain.reminders import Duty
from bot.domain.showing import CardPosted, DeliveryFailed
from bot.errors import MxError
from bot.faults import where
from bot.gateway_watch import Watch
from bot.page_links import PageLinks
from bot.ports import Clock
from bot.slack import bufferview, cardview
from bot.slack.api import GONE, NOT_THERE, SlackError
from bot.slack.blocks import Message
from bot.slack.chat import SlackChat
from bot.slack.limits import Block
from bot.slack.planner import Planner
from bot.slack.replies import Replies
from bot.timeline import Timeline

GATHER_S = 0.05
"""How long facts are gathered before they are looked at: fifty commands a second are no fifty looks."""
BETWEEN_EDITS_S = 1.2
"""Slack takes about one message a second in a channel; what happens in between is shown by the next edit."""
AT_ONCE = 8
"""So many cards are drawn side by side."""
_MILDEST = 5
_LOOK_S = 1.0
_NOTE = "card:"
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0


@dataclass(slots=True)
class _Shown:
    """What is known of one incident's card: what it shows, when it may be touched again."""

    version: int = 0
    digest: str = ""
    live: str = ""
    """What it shows of the gateway's buffer."""
    not_before: float = 0.0
    wait_s: float = _FIRST_WAIT_S
    look_first: bool = False
    """A card may stand in Slack that the timeline does not know of."""
    gone: str = ""
    """The message that somebody deleted."""


class Cards:
    """Draws the cards. Slack being down loses nothing: the last state is shown as soon as it answers again."""

    def __init__(
        self,
        timeline: Timeline,
        chat: SlackChat,
        planner: Planner,
        replies: Replies,
        *,
        watch: Watch,
        integrations: Mapping[str, Integration],
        clock: Clock,
        duty: Duty,
        pages: PageLinks,
        remark: str = "",
    ) -> None:
        self._timeline = timeline
        self._chat = chat
        self._planner = planner
        self._replies = replies
        self._watch = watch
        self._integrations = integrations
        self._clock = clock
        self._duty = duty
        self._zone = duty.zone
        self._pages = pages
        self._remark = remark
        self._began = clock.now()
        self._shown: dict[str, _Shown] = {}
        self._seen = 0
        self._behind: dict[str, None] = {}
        """Incidents that have moved, and whose cards were not seen to show that."""
        self._again: set[str] = set()
        self._noted: dict[str, str] | None = None
        self._log = structlog.get_logger("mx.slack.card")

    def refresh(self, incident: str) -> None:
        """Draw this card anew, even where nothing has changed on the timeline."""
        self._again.add(incident)

    async def follow(self) -> None:
        """Keep every card true, for ever; started by the composition root in the leader."""
        while True:
            book = await self._timeline.book()
            wait_s = await self.step()
            await self._timeline.changed(book.head.seq, timeout_s=wait_s)
            await self._clock.sleep(GATHER_S)

    async def step(self) -> float:
        """Draw what is due; the seconds until something else may be."""
        book = await self._timeline.book()
        noted = await self._known()
        wait_s = _LOOK_S
        due: list[tuple[int, Incident, Look | None, bool]] = []
        for incident in self._candidates(book):
            shown = self._state(incident, noted)
            again = incident.id in self._again
            look = self._watch.latest(incident.integration) if incident.open else None
            live = _live(look, incident, self._zone)
            if shown.version == incident.version and shown.live == live and not again:
                self._behind.pop(incident.id, None)
                continue
            early = shown.not_before - self._clock.monotonic()
            if early > 0:
                wait_s = min(wait_s, early)
                continue
            self._again.discard(incident.id)
            due.append((incident.severity.number if incident.severity else _MILDEST, incident, look, again))
        due.sort(key=lambda one: one[0])
        # A mass of cards, and a gateway that is waited for at each, must not keep the gravest one back.
        room = asyncio.Semaphore(AT_ONCE)
        drawn = (self._drawn(one, book.head, room, look=look, force=again) for _, one, look, again in due)
        for outcome in await asyncio.gather(*drawn, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return wait_s

    def _candidates(self, book: Book) -> tuple[Incident, ...]:
        """Those whose cards may have to be drawn: what has moved, what is open, what somebody wants drawn again."""
        self._behind |= dict.fromkeys(one.id for one in reversed(book.moved(self._seen)))
        self._seen = book.head.seq
        names = dict.fromkeys([*self._behind, *(one.id for one in book.open_incidents()), *self._again])
        return tuple(one for name in names if (one := book.incident(name)) is not None)

    async def _drawn(
        self, incident: Incident, head: Head, room: asyncio.Semaphore, *, look: Look | None, force: bool
    ) -> None:
        shown = self._shown[incident.id]
        try:
            async with room:
                await self._show(incident, shown, head, look=look, force=force)
        except MxError:
            raise
        except Exception as error:  # noqa: BLE001 - the Slack edge: a fault of ours in one card must not stop the others
            self._log.error(
                "card fell", incident=incident.id, integration=incident.integration, fault=where(error)
            )
            shown.not_before = self._clock.monotonic() + _LONGEST_WAIT_S

    async def _known(self) -> dict[str, str]:
        """What an earlier life of this process noted of each card, read once."""
        if self._noted is None:
            self._noted = await self._replies.all_shown(_NOTE)
        return self._noted

    def _state(self, incident: Incident, noted: Mapping[str, str]) -> _Shown:
        known = self._shown.get(incident.id)
        if known is None:
            earlier = json.loads(noted.get(_NOTE + incident.id, "{}")) if incident.card else {}
            known = self._shown[incident.id] = _Shown(
                version=earlier.get("version", 0),
                digest=earlier.get("digest", ""),
                look_first=incident.card is None and incident.opened_at < self._began,
            )
        return known

    async def _show(
        self, incident: Incident, shown: _Shown, head: Head, *, look: Look | None, force: bool
    ) -> None:
        channel = self._channel(incident)
        card = incident.card if incident.card and incident.card.message != shown.gone else None
        over = incident.resolved_at is not None and incident.resolved_at < self._began
        if card is None and (channel is None or over):
            shown.version, shown.live = incident.version, _live(look, incident, self._zone)
            return
        now = self._clock.now()
        offers = await self._planner.offers(incident, now=now) if incident.open else ()
        held = await self._planner.held(incident)
        spec = self._integrations.get(incident.integration)
        draw = partial(
            cardview.card,
            incident,
            offers,
            duty=self._duty,
            look=look,
            held=held,
            remark=self._remark,
            page=self._pages.incident(incident.id),
            watched_s=spec.interval_open_s if spec and spec.watch else None,
        )
        digest = _digest(draw(head=""))
        message = draw(head=f"{head.seq} {head.hash[:8]}")
        try:
            if card is None:
                await self._post(incident, shown, channel or "", message)
            elif digest != shown.digest or force:
                await self._chat.update(card.channel, card.message, message)
        except SlackError as error:
            await self._failed(incident, shown, card, channel or "", error)
            return
        shown.version, shown.digest, shown.live = incident.version, digest, _live(look, incident, self._zone)
        shown.wait_s, shown.not_before = _FIRST_WAIT_S, self._clock.monotonic() + BETWEEN_EDITS_S
        noted = json.dumps({"version": incident.version, "digest": digest})
        await self._replies.note(_NOTE + incident.id, noted)

    async def _post(self, incident: Incident, shown: _Shown, channel: str, message: Message) -> None:
        before = shown.look_first
        found = await self._find(incident, channel) if before else None
        # From here until the fact stands, a crash or a lost answer leaves a card that only Slack knows of.
        shown.look_first = True
        try:
            if found:
                await self._chat.update(channel, found, message)
            posted = found or await self._chat.post(channel, message)
        except SlackError as error:
            shown.look_first = before or error.maybe_done
            raise
        await self._timeline.append(
            Draft(
                stream=incident.id,
                actor="mx",
                at=self._clock.now(),
                fact=CardPosted(channel=channel, message=posted),
                key=f"card:{incident.id}:{channel}:{posted}",
            )
        )
        shown.look_first = False

    async def _find(self, incident: Incident, channel: str) -> str | None:
        """The card that an earlier life of this process posted, where Slack lets us look."""
        try:
            return await self._chat.find(channel, cardview.METADATA, "incident", incident.id)
        except SlackError as error:
            if error.code == "missing_scope":
                self._log.warning("earlier card not looked for", incident=incident.id, because=str(error))
                return None
            raise

    async def _failed(
        self, incident: Incident, shown: _Shown, card: Card | None, channel: str, error: SlackError
    ) -> None:
        self._log.warning(
            "card not shown", incident=incident.id, integration=incident.integration, because=str(error)
        )
        if card is not None and error.code in GONE:
            shown.gone, shown.digest = card.message, ""
        wait_s = error.wait_s if error.wait_s is not None else shown.wait_s
        shown.wait_s = min(shown.wait_s * 2, _LONGEST_WAIT_S)
        shown.not_before = self._clock.monotonic() + wait_s
        if card is None and error.permanent:
            fact = DeliveryFailed(what="card", channel=channel, code=error.code, says=told(error, channel))
            await self._timeline.append(
                Draft(
                    stream=incident.id,
                    actor="mx",
                    at=self._clock.now(),
                    fact=fact,
                    key=f"undelivered:card:{incident.id}:{channel}:{error.code}:{len(incident.assessments)}",
                )
            )

    def _channel(self, incident: Incident) -> str | None:
        found = self._integrations.get(incident.integration)
        return found.channel if found and found.channel else incident.channel


def told(error: SlackError, channel: str) -> str:
    """What a person is told, and what to type."""
    if error.code in NOT_THERE:
        return (
            f"mx is not in the channel {channel} ({error.code}), so the card cannot be shown there. "
            "Type /invite @mx in that channel; the card then comes by itself, or at once with /mx triage."
        )
    return f"The card could not be shown: {error}"


def _live(look: Look | None, incident: Incident, zone: tzinfo) -> str:
    """A digest of what the card shows of the gateway's buffer; empty where that is nothing."""
    if look is None:
        return ""
    parts = [*bufferview.sections(look, incident, zone=zone), *bufferview.buttons(look, incident)]
    return _digest(parts) if parts else ""


def _digest(shown: Message | list[Block]) -> str:
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()[:16]
