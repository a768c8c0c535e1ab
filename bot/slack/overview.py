"""``/mx status``: what is open, what waits at the gateway, and how the others are; readable for one and for a thousand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from bot.domain.book import Book
from bot.domain.heading import title
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.reminders import Duty
from bot.domain.telling import some
from bot.page_links import PageLinks
from bot.slack import bufferview, cardview
from bot.slack.edge import Edge
from bot.slack.limits import Mrkdwn, joined, link, person, say

_WHOLE = 5
"""So many incidents are shown in a few lines each; of more, each is one line."""
_LINES = 25
_MILDEST = 5
_STATES = {
    "maintenance": "bad while MaintainX announced maintenance",
    "offline": "not seen, because mx itself is not online",
}


async def overview(edge: Edge, *, within_s: float) -> Mrkdwn:
    """Every open incident, what waits at the gateway (asked for so many seconds), and how the others are."""
    book = await edge.timeline.book()
    look = await edge.watch.fresh(edge.watch.integration, within_s=within_s)
    waits = bufferview.summary(look, zone=edge.zone)
    parts = [
        *incidents(book.open_incidents(), duty=edge.duty, pages=edge.pages),
        *([joined("\n", waits)] if waits else ()),
        *watched(book, edge.integrations.values()),
    ]
    return joined("\n\n", parts)


def incidents(found: Sequence[Incident], *, duty: Duty, pages: PageLinks | None = None) -> list[Mrkdwn]:
    """The open incidents: a few in a few lines each, many in one line each, the gravest first."""
    if not found:
        return [say("No incident is open. `/mx triage` looks at both sides now.")]
    if len(found) <= _WHOLE:
        return [_whole(incident, duty=duty, pages=pages) for incident in found]
    gravest = sorted(
        found, key=lambda one: (one.severity.number if one.severity else _MILDEST, one.opened_at)
    )
    lines = [say("*{} incidents are open.*", len(found)), *map(_line, gravest[:_LINES])]
    if left := gravest[_LINES:]:
        lines.append(say("And {} more: {}", len(left), some(one.integration for one in left)))
    if url := pages.list() if pages else None:
        lines.append(link(url, "All incidents, on a page"))
    return [joined("\n", lines)]


def watched(book: Book, specs: Iterable[Integration]) -> list[Mrkdwn]:
    """How the watched ones without an incident are; nothing where none is watched."""
    calm = [one.name for one in specs if one.watch and book.open_incident(one.name) is None]
    by_state: dict[str, list[str]] = defaultdict(list)
    for name in calm:
        watch = book.desk(name).watch
        by_state[watch.now if watch else "unknown"].append(name)
    well = len(by_state["well"])
    lines = (
        [say("{} watched without an incident, {} of them known to be well.", len(calm), well)] if calm else []
    )
    lines += [
        say("{}: {}", some(by_state[state]), says) for state, says in _STATES.items() if by_state[state]
    ]
    return [joined("\n", lines)] if lines else []


def _whole(incident: Incident, *, duty: Duty, pages: PageLinks | None) -> Mrkdwn:
    said = cardview.summary(incident, duty=duty)
    url = pages.incident(incident.id) if pages else None
    return joined("\n", [said, link(url, cardview.PAGE)]) if url else said


def _line(incident: Incident) -> Mrkdwn:
    who = (
        say("{} has it", person(incident.acknowledged_by))
        if incident.acknowledged_by
        else say("nobody has it")
    )
    return say("*{}* {} · {} ({})", incident.integration, title(incident), who, incident.id)
