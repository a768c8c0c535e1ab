"""What a click on a button does: the fact it asks for, and the private answer."""

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from bot.domain.incident import Incident
from bot.errors import Refused
from bot.slack import blocks, dialogs, items
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.press import DOING, NEEDS, Act, Press

_WHY: Mapping[Act, tuple[str, str, str]] = {
    "skip": ("Pass this step over", "The run goes on behind the step that went wrong.", "Pass it over"),
    "decline": ("Decline this run", "The run does not begin.", "Decline it"),
}


async def click(edge: Edge, asked: Asked, press: Press) -> None:
    """Carry a click out. Raises MxError with a sentence for the person."""
    if not asked.channel and (there := (await edge.timeline.book()).incident(press.incident)):
        # App Home is no channel: the incident's own is meant.
        asked = replace(asked, channel=edge.home(there) or "")
    try:
        await edge.may(asked, NEEDS[press.act], integration=press.integration, doing=DOING[press.act])
        says = await _act(edge, asked, press)
    except Refused:
        edge.refresh(press.incident)
        raise
    if says:
        edge.answer_later(asked, blocks.private(with_people(says)))


async def _act(edge: Edge, asked: Asked, press: Press) -> str:
    name, actor, key = press.integration, asked.actor, asked.key
    match press.act:
        case "run" | "undo" | "extend":
            found = await _open(edge, press) if press.act != "undo" else await _known(edge, press)
            await dialogs.open_plan(edge, asked, found, press.model_copy(update={"channel": asked.channel}))
        case "skip" | "decline" | "note" | "severity" | "handover":
            await _ask(edge, asked, press, await _open(edge, press))
        case "retry":
            await _open(edge, press)
            await edge.steering.resume(name, press.undoes or "", "retry", actor=actor, key=key)
        case "release":
            await _open(edge, press)
            await edge.steering.release(name, press.undoes or "", press.index or 0, actor=actor, key=key)
        case "approve":
            await _open(edge, press)
            await edge.steering.approve(name, press.undoes or "", actor=actor, key=key)
        case "ack":
            had = (await _open(edge, press)).acknowledged_by
            done = await edge.incidents.acknowledge(name, actor=actor, key=key)
            return done.says if had == actor else ""  # who takes it sees that on the card
        case "again":
            await edge.incidents.request_triage(name, actor=actor, address=edge.address(asked), key=key)
            return "Looking at both sides again; the card shows what comes out."
        case "report":
            done = await edge.incidents.request_report(
                name, actor=actor, address=edge.address(asked), key=key
            )
            return done.says
        case "items":
            await items.open_items(edge, asked, press)
        case "start" | "pause" | "resume" | "cancel":
            await _open(edge, press)
            # What comes of it is told by the answer's fact, once the gateway has answered.
            await edge.ordering.replay(
                name,
                press.act,
                actor=actor,
                look=edge.watch.recent(name),
                address=edge.address(asked),
                key=key,
            )
        case "resend" | "arrived":
            await _open(edge, press)
            await edge.ordering.decide(
                name, press.write or "", press.act, actor=actor, address=edge.address(asked), key=key
            )
        case _:
            assert_never(press.act)
    return ""


async def _ask(edge: Edge, asked: Asked, press: Press, incident: Incident) -> None:
    """Open the dialog in which somebody says why, or writes."""
    there = press.model_copy(update={"channel": asked.channel})
    if press.act not in _WHY:
        await dialogs.open_form(edge, asked, incident, there)
        return
    title, words, submit = _WHY[press.act]
    await dialogs.open_reason(edge, asked, there, title=title, words=words, submit=submit)


async def _known(edge: Edge, press: Press) -> Incident:
    found = (await edge.timeline.book()).incident(press.incident)
    if found is None:
        raise Refused(
            f"{press.incident} is not on this timeline, so nothing was done. Type /mx triage to look."
        )
    return found


async def _open(edge: Edge, press: Press) -> Incident:
    """The incident of the button, which must still be the open one. Raises Refused."""
    found = await _known(edge, press)
    if not found.open:
        by = f" by {found.resolved_by}" if found.resolved_by else ""
        raise Refused(f"{found.id} was resolved{by}, so nothing was done. If it is back: /mx reopen REASON")
    return found
