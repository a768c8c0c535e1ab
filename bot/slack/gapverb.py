"""``/mx gap``: which data may be missing and what was tried, and ``/mx gap accept`` where nothing can fill it."""

from bot.deciding import open_or_latest
from bot.domain.gap import window
from bot.slack import blocks
from bot.slack.edge import Asked, Edge
from bot.slack.limits import Mrkdwn, joined, person, say, with_people
from bot.slack.verbs import Misused


async def gap(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """List the open gaps, or accept some of them with a reason."""
    first, _, rest = words.partition(" ")
    if first.lower() == "accept":
        return await _accept(edge, asked, rest)
    if words:
        raise Misused("Gap takes no words, or `accept`, which gap, and a reason.")
    integration = await edge.integration(asked)
    found = open_or_latest(await edge.timeline.book(), integration.name)
    lines: list[Mrkdwn] = [say("• {}", line) for line in edge.gaps.lines(found)]
    closed = [
        say(
            "• {} {}: {}, by {}: {}",
            one.gap.name,
            window(one.gap, edge.zone),
            one.how,
            person(one.actor),
            one.says,
        )
        for one in found.closed_gaps
    ]
    head = say("*{}*: data may be missing", found.id) if lines else say("*{}*: no gap is open", found.id)
    told = [head, *lines, *([say("Closed:"), *closed] if closed else [])]
    return blocks.private(joined("\n", told))


async def _accept(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    integration = await edge.integration(asked)
    await edge.may(asked, "responder", integration=integration.name, doing="accept gaps")
    done = await edge.gaps.accept(integration.name, words, actor=asked.actor, key=asked.key)
    return blocks.private(with_people(done.says))
