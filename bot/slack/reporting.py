"""The follower that posts reports: a summary in the channel, the whole of it as a file in the card's thread."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import structlog

from bot import report
from bot.domain.events import Draft, Event
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.showing import DeliveryFailed, ReportPosted, ReportRequested
from bot.ports import Clock
from bot.slack import blocks
from bot.slack.api import NOT_THERE, SlackApi, SlackError
from bot.slack.card import GATHER_S
from bot.slack.chat import SlackChat
from bot.slack.limits import Mrkdwn, escape, link, say
from bot.slack.limits import channel as channel_link
from bot.slack.names import Names
from bot.slack.replies import Replies
from bot.timeline import Timeline

METADATA = "mx_report"
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0
_LOOK_S = 1.0
_IDLE_S = 5.0


class Reports:
    """Posts each report that was asked for, once; Slack being down only delays it."""

    def __init__(
        self,
        timeline: Timeline,
        api: SlackApi,
        chat: SlackChat,
        replies: Replies,
        *,
        integrations: Mapping[str, Integration],
        clock: Clock,
        zone: ZoneInfo,
    ) -> None:
        self._timeline = timeline
        self._api = api
        self._chat = chat
        self._replies = replies
        self._integrations = integrations
        self._clock = clock
        self._zone = zone
        self._began = clock.now()
        self._names = Names(chat)
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
        """Post what can be posted now; how many reports are still owed."""
        left = 0
        for event in (await self._timeline.book()).pending_reports():
            found = (await self._timeline.book()).incident(event.stream)
            if found is None or not isinstance(event.fact, ReportRequested):
                continue
            request = event.fact.request
            if event.recorded_at < self._began:
                self._look_first.add(request)  # an earlier life may have posted the summary
            not_before, wait_s = self._waits.get(request, (0.0, _FIRST_WAIT_S))
            if self._clock.monotonic() < not_before:
                left += 1
                continue
            try:
                await self._post(event, event.fact, found)
            except SlackError as error:
                left += 1
                if error.maybe_done:
                    self._look_first.add(request)
                again_s = error.wait_s if error.wait_s is not None else wait_s
                self._waits[request] = (self._clock.monotonic() + again_s, min(wait_s * 2, _LONGEST_WAIT_S))
                await self._failed(event, event.fact, found, error)
        return left

    async def _post(self, event: Event, fact: ReportRequested, found: Incident) -> None:
        channel = self._channel(fact, found)
        if channel is None:
            await self._finish(event, fact, says="There is no channel to post it in; `mx report` prints it")
            return
        history = await self._timeline.history(found.id)
        await self._names.learn(one.actor for one in history)
        head = (await self._timeline.book()).head
        facts = report.facts_for(
            found, history, head=head, zone=self._zone, now=self._clock.now(), names=self._names
        )
        message = await self._summary(fact, found, channel, escape(report.summary(facts)))
        thread = found.card.message if found.card and found.card.channel == channel else message
        await self._chat.upload(
            channel,
            thread=thread,
            name=f"{found.id}.md",
            title=f"Incident report {found.id}",
            text=report.markdown(facts),
        )
        await self._finish(event, fact, says=f"Report posted in {channel}", channel=channel, message=message)
        await self._answer(event.stream, fact, channel, message)

    async def _summary(self, fact: ReportRequested, found: Incident, channel: str, text: Mrkdwn) -> str:
        """The message in the channel; where an earlier try may have posted it, that one."""
        looks = fact.request in self._look_first
        if looks and (earlier := await self._chat.find(channel, METADATA, "request", fact.request)):
            return earlier
        payload = {"incident": found.id, "request": fact.request}
        parts = [blocks.header(f"Report of {found.id}"), blocks.section(text)]
        where = "the card's thread" if found.card and found.card.channel == channel else "this thread"
        parts.append(blocks.context(say("The whole of it is a file in {}.", where)))
        # From here until the fact stands, a crash or a lost answer leaves a message that only Slack knows of.
        message = await self._chat.post(channel, blocks.message(text, parts, event=METADATA, payload=payload))
        self._look_first.add(fact.request)
        return message

    async def _finish(
        self,
        event: Event,
        fact: ReportRequested,
        *,
        says: str,
        channel: str | None = None,
        message: str | None = None,
    ) -> None:
        posted = ReportPosted(request=fact.request, says=says, channel=channel, message=message)
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
