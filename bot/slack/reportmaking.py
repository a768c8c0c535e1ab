"""A report made ready for Slack: its facts, its forms, what changed since the last one, its files and its message."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from bot.domain.calendar import Calendar
from bot.domain.chain import Head
from bot.domain.changed import changed
from bot.domain.events import Event
from bot.domain.fold import replay
from bot.domain.incident import Incident
from bot.domain.showing import ReportPosted
from bot.domain.swimlane import Swimlane
from bot.picture import Picture, picture_of, png
from bot.ports import Clock
from bot.report import Report, facts_for
from bot.report_forms import Forms, forms
from bot.report_lines import lines
from bot.report_words import clock_time
from bot.slack import reportview
from bot.slack.api import SlackError
from bot.slack.blocks import Message
from bot.slack.chat import SlackChat, Upload
from bot.slack.names import Names
from bot.slack.reportview import Around
from bot.templating import Templates
from bot.timeline import Timeline

_TEMPLATE = ".j2"
_LONGEST_ALT = 900


@dataclass(frozen=True, slots=True)
class Made:
    """One report, finished but for its place in Slack."""

    incident: Incident
    report: Report
    picture: Picture
    forms: Forms
    around: Around
    unchanged: bool
    """The last report that was posted says the same."""

    def noting(self, *notes: str) -> "Made":
        """The same with more notes under it."""
        return replace(self, around=replace(self.around, notes=(*self.around.notes, *notes)))


class Maker:
    """Makes reports out of the timeline and the kept lanes. Raises StoreError."""

    def __init__(
        self,
        timeline: Timeline,
        chat: SlackChat,
        *,
        clock: Clock,
        calendar: Calendar,
        templates: Templates,
        lane: Callable[[Incident], Awaitable[Swimlane]],
    ) -> None:
        self._timeline = timeline
        self._chat = chat
        self._clock = clock
        self._calendar = calendar
        self._templates = templates
        self._lane = lane
        self._names = Names(chat)
        self._docs: str | None = None
        self._log = structlog.get_logger("mx.slack.reporting")

    async def make(self, found: Incident, *, request: str) -> Made:
        """The report of an incident as it is now."""
        history = await self._history(found)
        head = (await self._timeline.book()).head
        lane, now = await self._lane(found), self._clock.now()
        zone = self._calendar.zone
        # Of an incident of thousands of facts each takes a second: beside the loop, which goes on.
        report = await asyncio.to_thread(self._facts, found, history, lane, head=head, now=now)
        picture = await asyncio.to_thread(
            picture_of, found, history, lane=lane, zone=zone, now=now, names=self._names
        )
        made = await asyncio.to_thread(forms, report, picture, self._templates)
        for fault in made.faults:
            self._log.warning("own template passed over", incident=found.id, because=fault)
        around = self._around(history, found.report, request=request, notes=made.faults)
        last = found.report
        same = last is not None and tuple(n for n in last.notes if _TEMPLATE in n) == made.faults
        known = last is not None and last.version is not None
        return Made(found, report, picture, made, around, unchanged=known and same and not around.changes)

    async def again(self, found: Incident, last: ReportPosted) -> tuple[Message, str]:
        """A report that was posted, with the action items as they are now and all else as it was: message and Markdown.

        What was redacted meanwhile is hidden in both.
        """
        whole = await self._history(found)
        history = [event for event in whole if event.version <= (last.version or 0)]
        at = next((event.at for event in whole if event.fact == last), found.opened_at)
        then = changed(replay(history), notebook=found.notebook)
        lane = (await self._lane(found)).until(at)
        head = Head(history[-1].seq, history[-1].hash)
        report = await asyncio.to_thread(self._facts, then, history, lane, head=head, now=at)
        around = self._around(history, then.report, request=last.request, notes=last.notes)
        shown = replace(around, canvas=await self.canvas_url(last.canvas))
        text = self._templates.render("incident_report.md.j2", report=report).text
        return reportview.message(report, then, shown), text

    async def message(self, made: Made, canvas: str | None) -> Message:
        """The message of a report that is to be posted."""
        around = replace(made.around, canvas=await self.canvas_url(canvas))
        return reportview.message(made.report, made.incident, around)

    async def files(self, made: Made) -> list[Upload]:
        """The picture, the page and the Markdown."""
        name, title = made.incident.id, f"Incident report {made.incident.id}"
        if made.report.drill:
            title = f"DRILL: {title}"
        found = [
            Upload(f"{name}.html", f"{title}, as a page", made.forms.html.encode()),
            Upload(f"{name}.md", title, made.forms.markdown.encode()),
        ]
        try:
            drawn = await asyncio.to_thread(png, made.forms.svg, self._templates)
        except ValueError as error:
            # A team's own picture may be filled in and still be no SVG.
            self._log.warning("picture not drawn", incident=name, because=str(error)[:200])
            return found
        return [
            Upload(f"{name}.png", f"{title}: the picture", drawn, made.picture.alt[:_LONGEST_ALT]),
            *found,
        ]

    async def canvas_url(self, canvas: str | None) -> str:
        """Where a canvas is to be read; empty where Slack does not say where its workspace is."""
        if canvas is None:
            return ""
        if self._docs is None:
            try:
                me = await self._chat.who_am_i()
            except SlackError:
                return ""
            self._docs = f"{me.url.rstrip('/')}/docs/{me.team}" if me.url else ""
        return f"{self._docs}/{canvas}" if self._docs else ""

    async def _history(self, found: Incident) -> Sequence[Event]:
        history = [one for one in await self._timeline.history(found.id) if one.version <= found.version]
        book = found.notebook
        others = {one.assignee for one in book.items if one.assignee}
        others |= {one.fact.author for one in book.kept} | {one.fact.to for one in book.handed}
        await self._names.learn({*(one.actor for one in history), *others})
        return history

    def _facts(
        self, found: Incident, history: Sequence[Event], lane: Swimlane, *, head: Head, now: datetime
    ) -> Report:
        return facts_for(
            found,
            history,
            head=head,
            zone=self._calendar.zone,
            now=now,
            names=self._names,
            calendar=self._calendar,
            lane=lane,
        )

    def _around(
        self, history: Sequence[Event], before: ReportPosted | None, *, request: str, notes: tuple[str, ...]
    ) -> Around:
        """What stands around a report; ``before`` is the one that was posted before it."""
        last = history[-1].hash
        if before is None or before.version is None:
            return Around(request, last, notes=notes)
        zone = self._calendar.zone
        at = next((event.at for event in history if event.fact == before), history[-1].at)
        told = tuple(
            f"{line.time} {line.text} ({line.who})"
            for line in lines(history, zone=zone, names=self._names, after=before.version)
        )
        return Around(
            request, last, f"{at.astimezone(zone):%Y-%m-%d} {clock_time(at, zone)}", told, notes=notes
        )
