"""The follower that tells people what came of their request: privately, through the reply address they asked from."""

from datetime import timedelta

import structlog

from bot.domain.events import Event, TriageFinished
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.order import GatewayAnswered
from bot.domain.watching import RecoveryChecked
from bot.domain.words import sentence
from bot.ports import Clock
from bot.slack import blocks, proofview
from bot.slack.api import SlackApi, SlackError
from bot.slack.card import GATHER_S
from bot.slack.chat import SlackChat
from bot.slack.limits import Mrkdwn, channel, escape, link, say, with_people
from bot.slack.replies import Replies
from bot.timeline import Timeline

_CURSOR = "answers"
_LOOK_S = 0.5
_IDLE_S = 5.0
_FAR = 1000
_PATIENCE = timedelta(seconds=20)
"""How long an answer waits for its card; then it says that the card will follow."""


_Answer = TriageFinished | GatewayAnswered | RecoveryChecked


class Answers:
    """Answers each finished triage, order to the gateway and look at recovery once, in order, across restarts."""

    def __init__(
        self, timeline: Timeline, api: SlackApi, chat: SlackChat, replies: Replies, *, clock: Clock
    ) -> None:
        self._timeline = timeline
        self._api = api
        self._chat = chat
        self._replies = replies
        self._clock = clock
        self._done: int | None = None
        self._noted = 0
        self._log = structlog.get_logger("mx.slack.answers")

    async def follow(self) -> None:
        """Answer, for ever; started by the composition root in the leader."""
        while True:
            done = await self.step()
            head = (await self._timeline.book()).head.seq
            await self._timeline.changed(head, timeout_s=_LOOK_S if done < head else _IDLE_S)
            await self._clock.sleep(GATHER_S)

    async def step(self) -> int:
        """Answer what can be answered now; the number of the last fact that is dealt with."""
        if self._done is None:
            self._done = self._noted = int(await self._replies.shown(_CURSOR) or 0)
        while events := await self._timeline.since(self._done):
            for event in events:
                if isinstance(event.fact, _Answer) and event.fact.address.reply is not None:
                    if not await self._answer(event, event.fact):
                        return self._done
                    await self._note(event.seq)
                self._done = event.seq
            if self._done - self._noted >= _FAR:
                await self._note(self._done)
        return self._done

    async def _note(self, seq: int) -> None:
        """The place is written down where something was answered, and now and then: not for each fact."""
        await self._replies.note(_CURSOR, str(seq))
        self._noted = seq

    async def _answer(self, event: Event, fact: _Answer) -> bool:
        """True where this one is dealt with; False where its card is still awaited."""
        if isinstance(fact, GatewayAnswered):
            await self._tell(event, fact.address, with_people(sentence(fact)))
            return True
        if isinstance(fact, RecoveryChecked):
            over = (await self._timeline.book()).incident(event.stream)
            await self._tell(
                event, fact.address, proofview.answer(fact, ended=over is not None and not over.open)
            )
            return True
        found = (await self._timeline.book()).incident(fact.incident) if fact.incident else None
        waited = self._clock.now() - event.recorded_at > _PATIENCE
        if found is not None and found.card is None and found.delivery_failed is None and not waited:
            return False
        text = await self._words(fact, found)
        if text is not None:
            await self._tell(event, fact.address, text)
        return True

    async def _tell(self, event: Event, address: Address, text: Mrkdwn) -> None:
        url = await self._replies.take(address.reply) if address.reply else None
        if url is None:
            return
        try:
            await self._api.respond(url, blocks.private(text))
        except SlackError as error:
            self._log.warning("private answer not delivered", incident=event.stream, because=str(error))

    async def _words(self, fact: TriageFinished, found: Incident | None) -> Mrkdwn | None:
        """What to tell; None where the new card stands before the asker's eyes."""
        if found is None:
            return escape(fact.says)
        if found.card is None:
            says = (
                found.delivery_failed.says
                if found.delivery_failed
                else "The card follows as soon as Slack takes it."
            )
            return say("{} {}", fact.says, says)
        if found.card.channel == fact.address.channel and len(found.assessments) == 1:
            return None
        place = channel(found.card.channel)
        try:
            url = await self._chat.permalink(found.card.channel, found.card.message)
        except SlackError:
            return say("{} The card is in {}.", fact.says, place)
        return say("{} {} in {}.", fact.says, link(url, "The card"), place)
