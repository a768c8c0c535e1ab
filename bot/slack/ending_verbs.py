"""What the ``/mx`` verbs around an incident's end do: verify, resolve, reopen."""

from bot.slack import blocks
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.verbs import FRESH_S, Misused, none


async def verify(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """Ask whether recovery is proved, line by line."""
    none(words)
    found = await edge.integration(asked)
    done = await edge.incidents.request_verify(
        found.name, actor=asked.actor, address=edge.address(asked), key=asked.key
    )
    return blocks.private(with_people(done.says))


async def resolve(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """It is over, if recovery is proved."""
    first, _, reason = words.partition(" ")
    if words and (first != "anyway" or not reason.strip()):
        raise Misused("Resolve takes no words, or `anyway` and a reason.")
    found = await edge.integration(asked)
    look = await edge.watch.fresh(found.name, within_s=FRESH_S)
    done = await edge.incidents.resolve(
        found.name,
        actor=asked.actor,
        anyway_reason=reason.strip() or None,
        at_gateway=look.held_back(edge.zone) if look else (),
        remark=look.remark if look else "",
        address=edge.address(asked),
        key=asked.key,
    )
    return blocks.private(with_people(done.says))


async def reopen(edge: Edge, asked: Asked, words: str) -> blocks.Message:
    """It was not over."""
    if not words:
        raise Misused("Reopening needs a reason.")
    found = await edge.integration(asked)
    done = await edge.incidents.reopen(found.name, words, actor=asked.actor, key=asked.key)
    return blocks.private(with_people(done.says))
