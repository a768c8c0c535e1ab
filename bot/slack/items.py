"""The dialog of the action items in motion: opened at once, filled when the items are known, carried out when sent in."""

from collections.abc import Mapping
from typing import Any

from bot.errors import MxError
from bot.slack import dialogs, itemview, modals
from bot.slack.edge import Asked, Edge
from bot.slack.limits import with_people
from bot.slack.modals import View
from bot.slack.press import Press


async def open_items(edge: Edge, asked: Asked, press: Press) -> None:
    """Open the dialog with the items of this incident. Raises Refused where Slack opens none."""
    bound = press.model_copy(update={"channel": asked.channel})
    view = await dialogs.opened(
        edge, asked, modals.waiting(itemview.TITLE, "Reading the timeline…", press=bound)
    )
    if view is not None:
        edge.later.put(lambda: _fill(edge, view, bound))


def meant(view: Mapping[str, Any]) -> bool:
    """Whether this dialog is that of the action items. Raises Refused where another version of mx made it."""
    return Press.read(str(view.get("private_metadata", ""))).act == "items"


async def sent(edge: Edge, asked: Asked, view: Mapping[str, Any]) -> View | None:
    """Carry out what was sent in; what Slack is to do with the dialog (None: close it)."""
    press = Press.read(str(view.get("private_metadata", "")))
    try:
        wanted, faults = itemview.wanted(view)
        if faults:
            return {"response_action": "errors", "errors": {**faults}}
        await edge.items.change(press.incident, wanted, actor=asked.actor, key=asked.key)
    except MxError as error:
        told = modals.told("Nothing was done", with_people(str(error)))
        return {"response_action": "update", "view": told}
    return None


async def _fill(edge: Edge, view: str, press: Press) -> None:
    try:
        shown = itemview.listing(await edge.items.listed(press.incident), press=press)
    except MxError as error:
        shown = modals.told("Nothing was done", with_people(str(error)))
    await dialogs.updated(edge, view, shown)
