"""Drills in Slack: ``/mx drill``, and what the channel is told of one."""

from collections.abc import Mapping

import structlog

from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import Draft, desk
from bot.domain.telling import some
from bot.errors import Refused
from bot.scenario import Scenario
from bot.slack import blocks
from bot.slack.api import SlackError
from bot.slack.chat import SlackChat, Upload
from bot.slack.edge import Asked, Edge
from bot.slack.limits import Mrkdwn, escape, joined, say

_HOW = (
    "It is on the bot's own machine: open it there, or from yours after `ssh -L {}:127.0.0.1:{} THAT-MACHINE`. "
    "Act as one of the people in it. Nothing of it touches your integration, and nobody is paged."
)


async def drill(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """List the drills, start one, or stop the one that runs."""
    found = await edge.integration(asked)
    desk_now = (await edge.timeline.book()).desk(found.name)
    waiting = [event.fact for event in desk_now.drills_pending if isinstance(event.fact, DrillRequested)]
    if words == "stop":
        if not waiting:
            raise Refused("No drill runs. To see which there are: /mx drill")
        stopped = DrillFinished(
            request=waiting[0].request,
            drill=waiting[0].drill,
            outcome="stopped",
            score=None,
            says=f"Drill {waiting[0].drill} was stopped",
            address=waiting[0].address,
        )
        await _append(edge, asked, found.name, stopped)
        return blocks.private(say("Drill {} is stopped.", waiting[0].drill))
    if not words:
        return blocks.private(_listed(edge.drills))
    if words not in edge.drills:
        raise Refused(f"There is no drill {words}. There is: {some(edge.drills, like=words)}.")
    if waiting:
        raise Refused(f"Drill {waiting[0].drill} runs already: one at a time. To end it: /mx drill stop")
    wanted = DrillRequested(
        request=edge.new_id(), integration=found.name, drill=words, address=edge.address(asked)
    )
    await _append(edge, asked, found.name, wanted)
    return blocks.private(
        say(
            "Drill {} starts in a world of its own; its address comes to this channel within a minute.", words
        )
    )


async def _append(edge: Edge, asked: Asked, integration: str, fact: DrillRequested | DrillFinished) -> None:
    draft = Draft(stream=desk(integration), actor=asked.actor, at=edge.clock.now(), fact=fact, key=asked.key)
    await edge.timeline.append(draft)


def _listed(drills: Mapping[str, Scenario]) -> Mrkdwn:
    lines = [say("`/mx drill {}` {}", one.name, one.title) for one in drills.values()]
    head = escape("Drills, each in a simulator of its own; nobody is paged and nothing of yours is touched:")
    return joined("\n", [head, *lines])


class DrillNews:
    """Tells the channel that a drill runs, and how it went."""

    def __init__(self, chat: SlackChat) -> None:
        self._chat = chat
        self._log = structlog.get_logger("mx.slack.drilling")

    async def tell(self, channel: str | None, fact: DrillStarted | DrillFinished) -> None:
        """Post it; that it could not be told loses nothing, since it is on the timeline."""
        if channel is None:
            return
        try:
            if isinstance(fact, DrillStarted):
                await self._chat.post(channel, _started(fact))
                return
            message = await self._chat.post(channel, _finished(fact))
            if fact.report:
                file = Upload(
                    name=f"drill-{fact.drill}.md",
                    title=f"DRILL: report of {fact.drill}",
                    data=fact.report.encode(),
                )
                await self._chat.share(channel, thread=message, files=[file])
        except SlackError as error:
            self._log.warning("drill not told", drill=fact.drill, because=str(error))


def _started(fact: DrillStarted) -> blocks.Message:
    port = fact.url.rstrip("/").rpartition(":")[2]
    head = say("*DRILL* {}: {}", fact.says, fact.url)
    return blocks.message(head, [blocks.section(head), blocks.context(say(_HOW, port, port))])


def _finished(fact: DrillFinished) -> blocks.Message:
    head = say("*DRILL* {}", fact.says)
    parts = [blocks.section(head)]
    if fact.lines:
        parts.append(blocks.section(joined("\n", [say("• {}", line) for line in fact.lines])))
    return blocks.message(head, parts)
