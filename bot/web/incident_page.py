"""``GET /incidents/{id}``: everything about one incident, complete without JavaScript; with it, the page stays true."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from bot.domain.events import Event, Redacted
from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.errors import StoreError
from bot.ports import Clock
from bot.timeline import Timeline
from bot.web.entry import HEADERS, Entry, Fill, page
from bot.web.lines import Line, Permalink, lines, texts
from bot.web.live import Live
from bot.web.people import People
from bot.web.sorts import LABELS, SORTS
from bot.web.stamps import Stamps
from bot.web.summary import Summary, summary

Draw = Callable[[Incident, Sequence[Event]], Awaitable[str]]
"""Makes the picture of an incident, as SVG that may stand within a page; empty where there is none."""

_KEPT = 32
"""So many incidents' pages are kept made: those who look at one together share it."""
_BEAT_S = 15.0
"""A comment so often, so that nobody in between takes a quiet stream for a dead one; in real time."""
_LONGEST_S = 1800.0
"""After so long a stream ends, and the page asks anew: a key that is over by then lets nobody go on."""
_AGAIN_MS = 1500
_PICTURE_S = 60
_TURN = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident's page, made: what stands above the timeline, and each line by its number."""

    incident: Incident
    summary: Summary
    above: str
    picture: str
    lines: tuple[tuple[int, int, str], ...]
    """Number, seq and HTML, oldest first."""
    made: Mapping[Line, str]
    """The HTML of each line: what is as it was need not be made again, of hundreds with every fact."""
    redactions: tuple[tuple[int, int], ...]
    """The seq of each redaction, and which line it hides."""
    seq: int
    """Of the latest fact in it."""


class IncidentPage:
    """Makes the page and its news."""

    def __init__(
        self,
        timeline: Timeline,
        clock: Clock,
        *,
        entry: Entry,
        live: Live,
        people: People,
        duty: Duty,
        permalink: Permalink,
        fill: Fill,
        draw: Draw,
    ) -> None:
        self._timeline = timeline
        self._clock = clock
        self._entry = entry
        self._live = live
        self._people = people
        self._duty = duty
        self._permalink = permalink
        self._fill = fill
        self._draw = draw
        self._made: OrderedDict[str, tuple[object, Shown]] = OrderedDict()
        self._making = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """The page and its stream."""
        return [
            web.get("/incidents/{incident}", self._page),
            web.get("/incidents/{incident}/events", self._events, allow_head=False),
        ]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["incident"]
        if (answer := self._entry.incident(request, name)) is not None:
            return answer
        shown = await self._shown(name)
        if shown is None:
            return self._entry.refused(depth=1)
        return page(
            self._fill(
                "incident.html.j2",
                root="../",
                s=shown.summary,
                above=shown.above,
                picture=shown.picture,
                lines=[html for _, _, html in reversed(shown.lines)],
                seq=shown.seq,
                sorts=[(sort, LABELS[sort]) for sort in SORTS],
                now=self._now(),
                to_list=self._entry.sees_the_list(request),
            )
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["incident"]
        if self._entry.incident(request, name) is not None or await self._shown(name) is None:
            return web.Response(
                status=HTTPStatus.FORBIDDEN, text="this link is over: /mx status", headers=HEADERS
            )
        if not self._live.enter():
            return web.Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                text="too many pages are open live",
                headers={**HEADERS, "Retry-After": "30"},
            )
        try:
            return await self._stream(request, name)
        finally:
            self._live.leave()

    async def _stream(self, request: web.Request, name: str) -> web.StreamResponse:
        answer = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await answer.prepare(request)
        seen = _whole(request.headers.get("Last-Event-ID") or request.query.get("after"))
        drawn: str | None = None
        loop = asyncio.get_running_loop()
        end = loop.time() + _LONGEST_S
        try:
            await answer.write(f"retry: {_AGAIN_MS}\n\n".encode())
            while not self._live.closing and loop.time() < end:
                moved = self._live.here()
                shown = await self._shown(name)
                if shown is None:
                    break
                moves = shown.seq > seen or drawn not in (None, shown.picture)
                said = self._news(shown, seen) if moves else f"event: beat\ndata: {self._now()}\n\n"
                seen, drawn = max(seen, shown.seq), shown.picture
                await answer.write(said.encode())
                await _set_or_late(moved)
        except (ConnectionError, StoreError):
            return answer  # the page was closed, or asks again in a moment
        return answer

    def _news(self, shown: Shown, seen: int) -> str:
        """One event: what is new since ``seen``, and lines that were hidden since."""
        hidden = {version for seq, version in shown.redactions if seq > seen}
        told = {
            "now": self._now(),
            "title": shown.summary.title,
            "above": shown.above,
            "picture": shown.picture,
            "lines": [
                {"number": number, "html": html}
                for number, seq, html in shown.lines
                if seq > seen or number in hidden
            ],
        }
        return f"id: {shown.seq}\nevent: news\ndata: {json.dumps(told)}\n\n"

    async def _shown(self, name: str) -> Shown | None:
        """The incident's page as it is now; made once for all who look at it."""
        incident = (await self._timeline.book()).incident(name)
        if incident is None:
            return None
        # What is open goes on in its picture, though no fact is written.
        minute = int(self._clock.now().timestamp() // _PICTURE_S) if incident.open else 0
        async with self._making:
            mark = (incident.version, minute, self._permalink("C0", "1.0"))
            known = self._made.get(name)
            if known is None or known[0] != (*mark, self._people.known):
                history = [
                    one for one in await self._timeline.history(name) if one.version <= incident.version
                ]
                await self._people.learn(texts(history))
                made = known[1].made if known else {}
                known = ((*mark, self._people.known), await self._make(incident, history, made))
                self._made[name] = known
            self._made.move_to_end(name)
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)
            return known[1]

    async def _make(self, incident: Incident, history: Sequence[Event], was: Mapping[Line, str]) -> Shown:
        zone = self._duty.zone
        stamps = Stamps(zone, incident.opened_at.astimezone(zone).date())
        above = summary(incident, people=self._people, duty=self._duty, stamps=stamps)
        found = lines(incident, history, people=self._people, stamps=stamps, permalink=self._permalink)
        made: dict[Line, str] = {}
        for one in found:
            if one.version % _TURN == 0:
                await asyncio.sleep(0)  # hundreds of lines take a while, and Slack waits for nobody
            made[one] = was.get(one) or self._fill("line.html.j2", line=one)
        return Shown(
            incident=incident,
            summary=above,
            above=self._fill("summary.html.j2", s=above),
            picture=await self._draw(incident, history),
            lines=tuple((one.version, one.seq, made[one]) for one in found),
            made=made,
            redactions=tuple(
                (one.seq, one.fact.version) for one in history if isinstance(one.fact, Redacted)
            ),
            seq=history[-1].seq,
        )

    def _now(self) -> str:
        return self._clock.now().isoformat(timespec="milliseconds")


async def _set_or_late(moved: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_BEAT_S):
            await moved.wait()
    except TimeoutError:
        return


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and text.isascii() and len(text) < 19 else 0  # noqa: PLR2004 - an int64
