"""What people write in dialogs, carried out: one fact each, or a sentence at the field, so that no typed word is lost."""

from collections.abc import Mapping
from typing import Literal

from bot.domain.assessment import Severity
from bot.domain.incident import Incident
from bot.errors import MxError, Refused
from bot.slack import forms
from bot.slack.edge import Asked, Edge
from bot.slack.modals import REASON, View
from bot.slack.press import Act, Press

Written = Literal["note", "severity", "handover"]
WRITTEN: tuple[Act, ...] = ("note", "severity", "handover")
"""The acts whose dialog is a form."""

_FIELDS: Mapping[Act, str] = {"note": forms.TEXT, "severity": REASON, "handover": forms.SUMMARY}
"""Where a sentence about the whole form stands."""


def form(edge: Edge, incident: Incident, press: Press, *, to: str | None = None, words: str = "") -> View:
    """The form behind this button or verb."""
    now = edge.clock.now()
    match press.act:
        case "note":
            return forms.note(incident, press=press)
        case "severity":
            return forms.severity(incident, press=press, zone=edge.zone, now=now)
        case _:
            return forms.hand_over(incident, press=press, zone=edge.zone, now=now, to=to, words=words)


async def carry_out(edge: Edge, asked: Asked, press: Press, filled: Mapping[str, str]) -> View | None:
    """Write down what was sent in; errors at their fields, None where it stands. Raises no MxError."""
    try:
        other = (await edge.timeline.book()).open_incident(press.integration)
        if other is not None and other.id != press.incident:
            raise Refused(
                f"{press.incident} is over, and {other.id} is another one. Copy your words into that one."
            )
        if press.act == "handover":
            return await _hand_over(edge, asked, press, filled)
        await _write(edge, asked, press, filled)
    except MxError as error:
        return _at(_FIELDS[press.act], str(error))
    return None


async def _write(edge: Edge, asked: Asked, press: Press, filled: Mapping[str, str]) -> None:
    name, actor, key = press.integration, asked.actor, asked.key
    if press.act == "note":
        await edge.incidents.note(name, filled.get(forms.TEXT, ""), actor=actor, key=key)
        return
    level, reason = filled.get(forms.LEVEL, ""), filled.get(REASON, "")
    await edge.incidents.set_severity(name, Severity(level), reason=reason, actor=actor, key=key)


async def _hand_over(edge: Edge, asked: Asked, press: Press, filled: Mapping[str, str]) -> View | None:
    to, summary = filled.get(forms.TO, ""), filled.get(forms.SUMMARY, "")
    found = (await edge.timeline.book()).incident(press.incident)
    if (
        found is not None
        and found.acknowledged_by == f"slack:{to}"
        and not await _came_before(edge, asked, found)
    ):
        return _at(forms.TO, "They have it already. Choose somebody else.")
    if why := await edge.unfit(asked, to, integration=press.integration):
        return _at(forms.TO, why)
    await edge.incidents.hand_over(
        press.integration, f"slack:{to}", summary=summary, actor=asked.actor, key=asked.key
    )
    return None


async def _came_before(edge: Edge, asked: Asked, incident: Incident) -> bool:
    """This very delivery was carried out already: a repeat is no error."""
    return any(event.key == asked.key for event in await edge.timeline.history(incident.id))


def _at(field: str, words: str) -> View:
    return {"response_action": "errors", "errors": {field: words}}
