"""The verbs of whoever takes an incident: ``/mx ack`` and ``/mx snooze``."""

from bot.slack import blocks
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.verbs import Misused


async def ack(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """The asker has it, or confirms that."""
    if words:
        raise Misused("That verb takes no words after it.")
    found = await edge.integration(asked)
    done = await edge.incidents.acknowledge(found.name, actor=asked.actor, key=asked.key)
    return blocks.private(with_people(done.says))


async def snooze(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """The asker is on it and wants quiet for a while, or ends that."""
    length, _, reason = words.partition(" ")
    found = await edge.integration(asked)
    if length.lower() == "off":
        done = await edge.incidents.end_snooze(found.name, actor=asked.actor, key=asked.key)
    elif not length or not reason.strip():
        raise Misused("Quiet needs a time, such as 30m or 1h30m, and a reason.")
    else:
        done = await edge.incidents.snooze(
            found.name, length, reason=reason.strip(), actor=asked.actor, key=asked.key
        )
    return blocks.private(with_people(done.says))
