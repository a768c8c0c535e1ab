"""The follower that posts reports: a summary, and in the card's thread the page, the Markdown and the picture."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from bot.domain.events import Draft, Event
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.showing import DeliveryFailed, ReportPosted, ReportRequested
from bot.ports import Clock
from bot.slack import blocks, reportview
from bot.slack.api import NOT_THERE, SlackApi, SlackError
from bot.slack.canvas import Canvases
from bot.slack.card import GATHER_S
from bot.slack.chat import SlackChat
from bot.slack.limits import Mrkdwn, escape, link, say
from bot.slack.limits import channel as channel_link
from bot.slack.replies import Replies
from bot.slack.reportkeeping import ReportKeeper
from bot.slack.reportmaking import Made, Maker
from bot.timeline import Timeline

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LOOK_S = 1.0
_IDLE_S = 5.0


class Reports:
    """Posts each report that was asked for, once, and keeps its action items true; Slack being down only delays it."""

    def __init__(
        self,
        timeline: Timeline,
        api: SlackApi,
        chat: SlackChat,
        replies: Replies,
        *,
        integrations: Mapping[str, Integration],
        clock: Clock,
        maker: Maker,
    ) -> None:
        self._timeline = timeline
        self._api = api
        self._chat = chat
        self._replies = replies
        self._integrations = integrations
        self._clock = clock
        self._maker = maker
        self._canvases = Canvases(api, replies)
        self._keeper = ReportKeeper(timeline, chat, replies, self._canvases, clock=clock, maker=maker)
        self._began = clock.now()
        self._waits: dict[str, tuple[float, float]] = {}
        """By request: not before this second, and how long the next wait is."""
        self._look_first: set[str] = set()
        self._log = structlog.get_logger("mx.slack.reporting")

    async def follow(self) -> None:
        """Post what is asked for, for ever; started by the composition root in the leader."""
        while True:
            book = await self._timeline.book()
            left = await self.step()
            await self._timeline.changed(book.head.seq, timeout_s=_LOOK_S if left else _IDLE_S)
            await self._clock.sleep(GATHER_S)

    async def step(self) -> int:
        """Post and edit what can be now; how much is still owed."""
        left = 0
        for event in (await self._timeline.book()).pending_reports():
            found = (await self._timeline.book()).incident(event.stream)
            if found is None or not isinstance(event.fact, ReportRequested):
                continue
            request = event.fact.request
            if event.recorded_at < self._began:
                self._look_first.add(request)  # an earlier life may have posted the summary
            if self._waiting(request):
                left += 1
                continue
            try:
                await self._post(event, event.fact, found)
            except SlackError as error:
                left += 1
                if error.maybe_done:
                    self._look_first.add(request)
                self._wait(request, error)
                await self._failed(event, event.fact, found, error)
        return left + await self._keeper.step()

    async def _post(self, event: Event, fact: ReportRequested, found: Incident) -> None:
        channel = self._channel(fact, found)
        if channel is None:
            await self._finish(event, fact, says="There is no channel to post it in; `mx report` prints it")
            return
        made = await self._maker.make(found, request=fact.request)
        if made.unchanged:
            await self._say_unchanged(event, fact, found, made, channel)
            return
        held = await self._canvases.hold(
            found.id,
            channel,
            known=found.report.canvas if found.report else None,
            title=f"Incident report {found.id}",
            markdown=made.forms.markdown,
        )
        told, news = f"canvas-told:{found.id}", bool(held.why_not)
        if news and await self._replies.shown(told) != held.why_not:
            made = made.noting(f"No canvas: {held.why_not}. The files have everything.")
        thread = found.card.message if found.card and found.card.channel == channel else None
        view = await self._maker.message(made, held.canvas)
        message = await self._once(event, fact, channel, thread, view)
        await self._share(fact, made, channel, thread=thread or message, message=message)
        await self._finish(
            event,
            fact,
            says=f"Report posted in {channel}",
            channel=channel,
            message=message,
            version=found.version,
            canvas=held.canvas,
            notes=made.around.notes,
        )
        if news:
            await self._replies.note(told, held.why_not)
        if (now := (await self._timeline.book()).incident(found.id)) is not None:
            await self._keeper.posted(replace(found, report=now.report))
        await self._answer(event.stream, fact, channel, message)

    async def _share(
        self, fact: ReportRequested, made: Made, channel: str, *, thread: str, message: str
    ) -> None:
        """The files; where an earlier try may have shared them, only if they are not there."""
        files = await self._maker.files(made)
        looks = fact.request in self._look_first
        if looks and await self._chat.shared(channel, thread, name=files[0].name, since=message):
            return
        # From here on a crash or a lost answer leaves files that only Slack knows of.
        self._look_first.add(fact.request)
        await self._chat.share(channel, thread=thread, files=files)

    async def _say_unchanged(
        self, event: Event, fact: ReportRequested, found: Incident, made: Made, channel: str
    ) -> None:
        last = found.report
        url = ""
        if last is not None and last.channel and last.message:
            url = await self._chat.permalink(last.channel, last.message)
        view = reportview.unchanged(found, request=fact.request, before=made.around.before, url=url)
        thread = found.card.message if found.card and found.card.channel == channel else None
        message = await self._once(event, fact, channel, thread, view)
        await self._finish(event, fact, says=f"Nothing has changed since the report of {made.around.before}")
        await self._answer(event.stream, fact, channel, message)

    async def _once(
        self, event: Event, fact: ReportRequested, channel: str, thread: str | None, view: blocks.Message
    ) -> str:
        """Post a message in the thread, shown in the channel too; where an earlier try may have posted it, that one."""
        if fact.request in self._look_first and (
            earlier := await self._earlier(event, fact.request, channel, thread)
        ):
            return earlier
        if thread is not None:
            view = {**view, "thread_ts": thread, "reply_broadcast": True}
        # From here until the fact stands, a crash or a lost answer leaves a message that only Slack knows of.
        message = await self._chat.post(channel, view)
        self._look_first.add(fact.request)
        return message

    async def _earlier(self, event: Event, request: str, channel: str, thread: str | None) -> str | None:
        if thread is None:
            return await self._chat.find(channel, reportview.METADATA, "request", request)
        since = f"{event.at.timestamp() - 60:.6f}"
        return await self._chat.answered(channel, thread, reportview.METADATA, request=request, since=since)

    def _waiting(self, name: str) -> bool:
        return self._clock.monotonic() < self._waits.get(name, (0.0, 0.0))[0]

    def _wait(self, name: str, error: SlackError) -> None:
        wait_s = self._waits.get(name, (0.0, _FIRST_WAIT_S))[1]
        again_s = error.wait_s if error.wait_s is not None else wait_s
        self._waits[name] = (self._clock.monotonic() + again_s, min(wait_s * 2, _LONGEST_WAIT_S))

    async def _finish(
        self,
        event: Event,
        fact: ReportRequested,
        *,
        says: str,
        channel: str | None = None,
        message: str | None = None,
        version: int | None = None,
        canvas: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        posted = ReportPosted(
            request=fact.request,
            says=says,
            channel=channel,
            message=message,
            version=version,
            canvas=canvas,
            notes=notes,
        )
        await self._append(event.stream, posted, key=f"report:{fact.request}")

    async def _failed(self, event: Event, fact: ReportRequested, found: Incident, error: SlackError) -> None:
        self._log.warning(
            "report not posted", incident=event.stream, integration=found.integration, because=str(error)
        )
        if not error.permanent:
            return
        channel = self._channel(fact, found)
        failed = DeliveryFailed(
            what="report", channel=channel, code=error.code, says=f"The report could not be posted: {error}"
        )
        key = f"undelivered:report:{fact.request}:{error.code}"
        if not await self._append(event.stream, failed, key=key):
            return
        if fact.address.reply and error.code in NOT_THERE:
            await self._tell(event.stream, fact.address.reply, failed.says)

    async def _answer(self, incident: str, fact: ReportRequested, channel: str, message: str) -> None:
        """Elsewhere than in that channel, a private link."""
        if fact.address.reply is None or fact.address.channel == channel:
            return
        try:
            url = await self._chat.permalink(channel, message)
        except SlackError:
            return
        await self._tell(
            incident, fact.address.reply, say("{} in {}.", link(url, "The report"), channel_link(channel))
        )

    async def _tell(self, incident: str, reply: str, text: str) -> None:
        url = await self._replies.take(reply)
        if url is None:
            return
        try:
            await self._api.respond(url, blocks.private(text if isinstance(text, Mrkdwn) else escape(text)))
        except SlackError as error:
            self._log.warning("private answer not delivered", incident=incident, because=str(error))

    async def _append(self, stream: str, fact: ReportPosted | DeliveryFailed, *, key: str) -> bool:
        """True where it is news."""
        before = (await self._timeline.book()).version(stream)
        draft = Draft(stream=stream, actor="mx", at=self._clock.now(), fact=fact, key=key)
        (event,) = await self._timeline.append(draft)
        return event.version > before

    def _channel(self, fact: ReportRequested, found: Incident) -> str | None:
        known = self._integrations.get(found.integration)
        own = known.channel if known else None
        card = found.card.channel if found.card else None
        return own or card or found.channel or fact.address.channel
