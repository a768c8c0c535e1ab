"""The report's message: the summary, what changed since the last one, the action items with their button. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.incident import Incident
from bot.report import Report, summary
from bot.report_actions import Action
from bot.slack import blocks, itemview
from bot.slack.blocks import Message
from bot.slack.limits import Block, Mrkdwn, escape, joined, link, say
from bot.slack.press import Press

METADATA = "mx_report"
_CHANGES = 8
_ITEMS = 10
_HASH = 12


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around a report's facts in its message."""

    request: str
    hash: str
    """Of the incident's last fact that the report tells."""
    before: str = ""
    """When the report before this one was posted; empty for the first."""
    changes: tuple[str, ...] = ()
    canvas: str = ""
    """The address of the canvas that holds it."""
    notes: tuple[str, ...] = ()
    """What went otherwise than it should: a broken template, no canvas."""


def message(report: Report, incident: Incident, around: Around) -> Message:
    """The whole message."""
    text = escape(summary(report))
    parts: list[Block] = [
        blocks.header(f"{'DRILL: report' if report.drill else 'Report'} of {report.incident}"),
        blocks.section(text),
    ]
    if around.before:
        parts.append(blocks.section(_changed(around)))
    items = [one for one in report.actions if not one.is_blank]
    parts.append(blocks.section(_items(items)))
    press = Press(act="items", incident=incident.id, integration=incident.integration)
    parts += blocks.actions([blocks.button("Action items", action=press.action, value=press.value)])
    where = say("The whole of it is in this thread, as a page and as Markdown, with the picture.")
    canvas = [say("It is a canvas too: {}.", link(around.canvas, "open it"))] if around.canvas else []
    told = say("Up to line {} of the incident, hash {}.", report.version, around.hash[:_HASH])
    parts.append(blocks.context(where, *canvas, told, *map(escape, around.notes)))
    payload = {"incident": incident.id, "request": around.request}
    return blocks.message(text, parts, event=METADATA, payload=payload)


def unchanged(incident: Incident, *, request: str, before: str, url: str) -> Message:
    """What is said where the last report still stands."""
    text = say(
        "Nothing has changed since the report of {}: {}.",
        before,
        link(url, "it still stands") if url else "it stands",
    )
    payload = {"incident": incident.id, "request": request}
    return blocks.message(text, [blocks.section(text)], event=METADATA, payload=payload)


def _changed(around: Around) -> Mrkdwn:
    shown = [say("- {}", line) for line in around.changes[:_CHANGES]]
    more = len(around.changes) - len(shown)
    if more > 0:
        shown.append(say("- and {} more; the timeline has each", more))
    head = say("*Changed since the report of {}*", around.before)
    return joined("\n", [head, *(shown or [say("- how it is written; no fact")])])


def _items(items: Sequence[Action]) -> Mrkdwn:
    if not items:
        return say("*Action items*: none yet; the timeline shows nothing that was missing.")
    shown = [itemview.line(one) for one in items[:_ITEMS]]
    if len(items) > _ITEMS:
        shown.append(say("and {} more, behind the button", len(items) - _ITEMS))
    return joined("\n", [say("*Action items*"), *shown])
