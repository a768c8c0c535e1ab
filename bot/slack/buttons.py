"""What a click on a button does: the fact it asks for, and the private answer."""

from typing import assert_never

from bot.domain.incident import Incident
from bot.errors import Refused
from bot.run_rules import Stale
from bot.slack import blocks
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.press import Press


async def click(edge: Edge, asked: Asked, press: Press) -> None:
    """Carry a click out. Raises MxError with a sentence for the person; a changed plan is shown again instead."""
    try:
        says = await _act(edge, asked, press)
    except Stale as stale:
        edge.refresh(press.incident)
        found = (await edge.timeline.book()).incident(press.incident)
        if found is not None and press.playbook:
            edge.show_plan_later(asked, found, press.playbook, undoes=press.undoes, why=str(stale))
        return
    except Refused:
        edge.refresh(press.incident)
        raise
    if says:
        edge.answer_later(asked, blocks.private(with_people(says)))


async def _act(edge: Edge, asked: Asked, press: Press) -> str:
    name, actor, key = press.integration, asked.actor, asked.key
    match press.act:
        case "run":
            await _open(edge, press)
            # The card shows the run from here on; a second message would only repeat it.
            await edge.incidents.request_run(
                name,
                press.playbook or "",
                actor=actor,
                address=edge.address(asked),
                fingerprint=press.fingerprint,
                key=key,
            )
        case "undo":
            await edge.incidents.request_undo(
                name,
                press.undoes or "",
                actor=actor,
                address=edge.address(asked),
                fingerprint=press.fingerprint,
                key=key,
            )
        case "ack":
            await _open(edge, press)
            await edge.incidents.acknowledge(name, actor=actor, key=key)
        case "again":
            await edge.incidents.request_triage(name, actor=actor, address=edge.address(asked), key=key)
            return "Looking at both sides again; the card shows what comes out."
        case "report":
            done = await edge.incidents.request_report(
                name, actor=actor, address=edge.address(asked), key=key
            )
            return done.says
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


async def _open(edge: Edge, press: Press) -> Incident:
    """The incident of the button, which must still be the open one. Raises Refused."""
    book = await edge.timeline.book()
    found = book.incident(press.incident)
    if found is None:
        raise Refused(
            f"{press.incident} is not on this timeline, so nothing was done. Type /mx triage to look."
        )
    if not found.open:
        by = f" by {found.resolved_by}" if found.resolved_by else ""
        raise Refused(f"{found.id} was resolved{by}, so nothing was done. If it is back: /mx reopen REASON")
    return found
