"""Dialogs in motion: opened at once with a trigger that lives three seconds, filled later, and carried out when sent in."""

from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue, SecretStr

from bot.domain.events import RunRequested
from bot.domain.incident import Incident
from bot.domain.mitigation import Mode
from bot.errors import MxError, Refused
from bot.playbook import Playbook
from bot.playbook_params import read, wrong
from bot.run_rules import Stale
from bot.slack import modals, writing
from bot.slack.api import SlackError
from bot.slack.edge import Asked, Edge
from bot.slack.limits import MODAL_TITLE, with_people
from bot.slack.modals import View
from bot.slack.press import DOING, NEEDS, Act, Press

_UNUSABLE = frozenset({"not_found", "hash_conflict"})
"""Codes by which Slack says that the person has closed the dialog, or has another one now."""
_MODES: Mapping[str, Mode] = {"run": "apply", "undo": "undo", "extend": "extend"}
_FORMS: Mapping[Act, str] = {"note": "Note…", "severity": "Severity…", "handover": "Hand over…"}
_NO_PARAMS: Mapping[str, JsonValue] = {}


class NeedsClick(Refused):
    """A dialog was to be opened for what came without a click or a command: the button that opens it is to be shown."""

    def __init__(self, press: Press, label: str) -> None:
        super().__init__(f"This opens a dialog: click {label}, or type it with /mx.")
        self.press = press
        self.label = label


async def open_plan(edge: Edge, asked: Asked, incident: Incident, press: Press) -> None:
    """Open the dialog with the plan behind this button or command. Raises Refused where there is none, or no dialog."""
    found, title = _playbook(edge, incident, press)
    await _may(edge, asked, press)
    if asked.trigger is None:
        raise NeedsClick(press, title)
    view = await opened(
        edge, asked, modals.waiting(title, "Working out what this would do now…", press=press)
    )
    if view is None:
        return
    if found is not None and press.act == "run" and any(one.default is None for one in found.params):
        bare = press.model_copy(update={"fingerprint": None})
        edge.later.put(lambda: updated(edge, view, modals.questions(found, {}, press=bare)))
        return
    edge.later.put(lambda: _fill(edge, view, incident, press))


async def open_reason(edge: Edge, asked: Asked, press: Press, *, title: str, words: str, submit: str) -> None:
    """Open the dialog that asks why."""
    await opened(edge, asked, modals.reason(title, words, press=press, submit=submit))


async def open_form(
    edge: Edge, asked: Asked, incident: Incident, press: Press, *, to: str | None = None, words: str = ""
) -> None:
    """Open the dialog in which somebody writes. Raises Refused."""
    await _may(edge, asked, press)
    if asked.trigger is None:
        raise NeedsClick(press, _FORMS.get(press.act, press.act))
    await opened(edge, asked, writing.form(edge, incident, press, to=to, words=words))


async def sent(edge: Edge, asked: Asked, view: Mapping[str, Any]) -> View | None:
    """Carry out what was sent in; what Slack is to do with the dialog (None: close it). Never raises what a person can mend."""
    press = Press.read(str(view.get("private_metadata", "")))
    filled = modals.values((view.get("state") or {}).get("values") or {})
    try:
        return await _carry_out(edge, asked, press, filled=filled, view_id=str(view.get("id", "")))
    except Stale as stale:
        why = str(stale)
        edge.refresh(press.incident)
        found = await _incident(edge, press)
        given, view_id = modals.params(filled), str(view.get("id", ""))
        edge.later.put(lambda: _fill(edge, view_id, found, press, given=given, why=why))
        title = _playbook(edge, found, press)[1]
        return _show(modals.waiting(title, "The plan has changed; working it out anew…", press=press))
    except MxError as error:
        edge.refresh(press.incident)
        return _show(modals.told("Nothing was done", with_people(str(error))))


async def _carry_out(
    edge: Edge, asked: Asked, press: Press, *, filled: Mapping[str, str], view_id: str
) -> View | None:
    # Once more: who opened the dialog may have left the group since.
    await _may(edge, asked, press)
    name, actor, key = press.integration, asked.actor, asked.key
    reason = filled.get(modals.REASON, "")
    match press.act:
        case "run":
            return await _start(edge, asked, press, filled=filled, view_id=view_id)
        case "undo":
            address = edge.address(asked)
            await edge.incidents.request_undo(
                name, press.undoes or "", actor=actor, address=address, fingerprint=press.fingerprint, key=key
            )
        case "extend":
            await edge.steering.extend(
                name, press.undoes or "", actor=actor, fingerprint=press.fingerprint, key=key
            )
        case "note" | "severity" | "handover":
            return await writing.carry_out(edge, asked, press, filled)
        case "skip":
            await edge.steering.resume(name, press.undoes or "", "skip", reason=reason, actor=actor, key=key)
        case "decline":
            await edge.steering.decline(name, press.undoes or "", reason=reason, actor=actor, key=key)
        case _:
            raise Refused("This dialog was made by another version of mx, so nothing was done.")
    return None


async def _start(
    edge: Edge, asked: Asked, press: Press, *, filled: Mapping[str, str], view_id: str
) -> View | None:
    """Start a playbook whose plan was confirmed; its key, if any, is handed over and never kept."""
    incident = await _incident(edge, press)
    found, title = _playbook(edge, incident, press)
    given = modals.params(filled)
    if found is not None and (faults := wrong(found.params, given)):
        return {
            "response_action": "errors",
            "errors": {f"{modals.PARAM}{name}": fault for name, fault in faults.items()},
        }
    if found is not None and press.fingerprint is None:
        edge.later.put(lambda: _fill(edge, view_id, incident, press, given=given))
        return _show(modals.waiting(title, "Working out what this would do now…", press=press))
    typed = filled.get(modals.KEY) or filled.get(f"{modals.KEY}:again")
    ticket = None
    if typed:
        edge.learn(typed)
        ticket = edge.handover.give(SecretStr(typed))
    try:
        done = await edge.incidents.request_run(
            press.integration,
            press.playbook or "",
            actor=asked.actor,
            address=edge.address(asked),
            fingerprint=press.fingerprint,
            params=given,
            ticket=ticket,
            key=asked.key,
        )
    except BaseException:
        if ticket is not None:
            edge.handover.drop(ticket)
        raise
    asked_for = done.event.fact if done.event else None
    if ticket is not None and not (isinstance(asked_for, RunRequested) and asked_for.ticket == ticket):
        edge.handover.drop(ticket)  # the same delivery came before, with a ticket of its own
    return None


async def _fill(
    edge: Edge,
    view_id: str,
    incident: Incident,
    press: Press,
    *,
    given: Mapping[str, JsonValue] = _NO_PARAMS,
    why: str = "",
) -> None:
    """Show the plan as it is now, bound to what the dialog shows."""
    try:
        found, _ = _playbook(edge, incident, press)
        incident = await _incident(edge, press)
        values = read(found.params, given) if found is not None and press.act == "run" else {}
        plan = await edge.planner.one(
            incident, press.playbook or "", mode=_MODES[press.act], undoes=press.undoes, params=values
        )
        if press.fingerprint not in (None, plan.fingerprint) and not why:
            why = "This has changed since the card was drawn; this is the plan now."
        bound = press.model_copy(update={"fingerprint": plan.fingerprint})
        view = modals.plan(plan, incident, found, press=bound, why=why)
    except MxError as error:
        view = modals.told("Nothing was done", with_people(str(error)))
    await updated(edge, view_id, view)


async def opened(edge: Edge, asked: Asked, view: View) -> str | None:
    """Open a dialog: its id; None where this very delivery opened it before."""
    arguments = {"trigger_id": asked.trigger or "", "view": view}
    try:
        answer = await edge.api.call("views.open", arguments, doing="opening the dialog", again=False)
    except SlackError as error:
        if error.code == "exchanged_trigger_id":
            return None
        raise Refused(
            f"Slack did not open the dialog ({error.code}), so nothing was done. Try once more."
        ) from None
    return str((answer.get("view") or {}).get("id", ""))


async def updated(edge: Edge, view_id: str, view: View) -> None:
    """Fill an open dialog; one that is closed already is no fault. Raises SlackError."""
    try:
        await edge.api.call(
            "views.update", {"view_id": view_id, "view": view}, doing="filling the dialog", again=True
        )
    except SlackError as error:
        if error.code not in _UNUSABLE:
            raise


def _playbook(edge: Edge, incident: Incident, press: Press) -> tuple[Playbook | None, str]:
    """The playbook that is meant, where it is still there, and what its dialog is called. Raises Refused."""
    found = edge.playbooks.get(press.playbook or "")
    run = incident.run(press.undoes) if press.undoes else None
    if found is None and run is None:
        known = ", ".join(sorted(edge.playbooks))
        raise Refused(f"There is no playbook {press.playbook}. There is: {known}.")
    title = found.title if found else press.playbook or ""
    if press.act == "undo":  # the plan itself begins with what is undone
        title = f"Undo: {title}" if len(title) + len("Undo: ") <= MODAL_TITLE else "Take it back"
    return found, title


async def _incident(edge: Edge, press: Press) -> Incident:
    found = (await edge.timeline.book()).incident(press.incident)
    if found is None:
        raise Refused(f"{press.incident} is not on this timeline, so nothing was done.")
    return found


async def _may(edge: Edge, asked: Asked, press: Press) -> None:
    # A playbook's own word on who may counts where it is started: to take one back, responders may always.
    guarded = press.playbook or "" if press.act == "run" else ""
    await edge.may(
        asked, NEEDS[press.act], integration=press.integration, playbook=guarded, doing=DOING[press.act]
    )


def _show(view: View) -> View:
    return {"response_action": "update", "view": view}
