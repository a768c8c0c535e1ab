"""App Home: all open incidents with what can be done about them, the latest resolved ones, and how the rest is watched. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.authority import Authority, Standing, who_can
from bot.domain.book import Book
from bot.domain.heading import title
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.look import Look
from bot.domain.open_points import age, waiting
from bot.domain.proof import headline
from bot.domain.reminders import Duty
from bot.domain.telling import moment
from bot.slack import blocks, bufferview, dutyview
from bot.slack.cardview import PAGE, WRITTEN, missing, switched_on
from bot.slack.limits import (
    HOME_BLOCKS,
    Block,
    Mrkdwn,
    channel,
    cut,
    escape,
    joined,
    link,
    person,
    say,
    with_people,
)
from bot.slack.modals import View
from bot.slack.press import Act, Press

_WHOLE = 10
"""So many open incidents are shown with all that is known and with buttons; of more, each is one line."""
_ONE_LINE = 20
_RESOLVED = 5
_WATCHED = 40
_UNDOS = 12
_MILDEST = 5
_TITLE = 200
_STATES = {
    "well": "well since",
    "bad": "bad since",
    "maintenance": "bad while MaintainX announced maintenance, since",
    "offline": "not seen, because mx itself is not online, since",
}


@dataclass(frozen=True, slots=True)
class Board:
    """What App Home is drawn from."""

    book: Book
    integrations: Mapping[str, Integration]
    duty: Duty
    now: datetime
    look: Look | None = None
    """The gateway's buffer."""
    link: Callable[[Incident], str | None] = field(default=lambda _: None)
    """Where an incident's card, or its page, is."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What playbooks are called."""
    page: Callable[[Incident], str | None] = field(default=lambda _: None)
    all_pages: str | None = None


def home(board: Board, *, drawn: str) -> View:
    """The whole tab; ``drawn`` says as of when it is true."""
    found = sorted(board.book.open_incidents(), key=_gravest)
    parts: list[Block] = [blocks.header(_headline(found))]
    for incident in found[:_WHOLE]:
        parts += _incident(incident, board)
    if more := found[_WHOLE:]:
        parts.append(blocks.section(joined("\n", list(_lines(more, board)))))
    if waits := bufferview.summary(board.look, zone=board.duty.zone):
        parts.append(blocks.section(joined("\n", waits)))
    parts += [blocks.divider(), *_watched(board), *_resolved(board), blocks.context(*_foot(board, drawn))]
    return {"type": "home", "blocks": [*parts[:HOME_BLOCKS]]}


def plain(standing: Standing, authority: Authority, channels: Sequence[str]) -> View:
    """The tab of somebody who is no full member of the workspace: who may see and act, and nothing else."""
    what = "from another workspace" if standing.stranger else "a guest"
    if authority.members("responder"):
        where = joined(" or ", [channel(one) for one in channels]) or escape("the incident's channel")
        may = say("Who may act: full members of {}.", where)
    else:
        may = say("Who may act: {}.", with_people(who_can(authority, "responder")))
    words = say("You are {} here, so what mx knows of incidents is not shown to you.", what)
    return {"type": "home", "blocks": [blocks.header("mx"), blocks.section(joined("\n", [words, may]))]}


def _headline(found: Sequence[Incident]) -> str:
    match len(found):
        case 0:
            return "No incident is open"
        case 1:
            return "One incident is open"
        case count:
            return f"{count} incidents are open"


def _incident(incident: Incident, board: Board) -> Iterator[Block]:
    zone, now = board.duty.zone, board.now
    opened = moment(incident.opened_at, zone, beside=now)
    url, name = board.link(incident), _title(incident)
    head = say("*{}*", link(url, name) if url else name)
    about = say(
        "{} · open for {}, since {} · {}", incident.integration, age(incident, now=now), opened, incident.id
    )
    state = [head, about, *dutyview.lines(incident, board.duty)]
    yield blocks.section(joined("\n", state))
    on = [*switched_on(incident, zone), *missing(incident, zone), *map(escape, waiting(incident))]
    if incident.recovery is not None:
        on.append(escape(headline(incident.recovery.fact.lines)))
    if on:
        yield blocks.section(joined("\n", on))
    yield from blocks.actions(_buttons(incident, board.titles))
    if (page := board.page(incident)) and page != url:
        yield blocks.context(link(page, PAGE))


def _buttons(incident: Incident, titles: Mapping[str, str]) -> list[Block]:
    """Who has it, what is on, then everything else."""
    label = dutyview.ack_label(incident)
    made = [_button(label, _press("ack", incident), style="primary")] if label else []
    runs = {lease.run: lease.playbook for lease in incident.leases}  # a run may have several things on
    for run, playbook in [*runs.items()][:_UNDOS]:
        press = _press("undo", incident).model_copy(update={"playbook": playbook, "undoes": run})
        made.append(_button(f"Undo: {titles.get(playbook, playbook)}", press))
    rest: list[tuple[str, Act]] = [("Triage again", "again"), *WRITTEN, ("Report", "report")]
    return [*made, *(_button(words, _press(act, incident)) for words, act in rest)]


def _press(act: Act, incident: Incident) -> Press:
    return Press(act=act, incident=incident.id, integration=incident.integration)


def _button(words: str, press: Press, *, style: blocks.Style | None = None) -> Block:
    # Several incidents on one tab: the incident makes the id unique.
    return blocks.button(words, action=f"{press.action}:{press.incident}", value=press.value, style=style)


def _lines(found: Sequence[Incident], board: Board) -> Iterator[Mrkdwn]:
    for incident in found[:_ONE_LINE]:
        who = incident.acknowledged_by
        has = say("{} has it", person(who)) if who else escape("nobody has it")
        url, name = board.link(incident), _title(incident)
        yield say("*{}* {} · {}", incident.integration, link(url, name) if url else name, has)
    if (left := len(found) - _ONE_LINE) > 0:
        yield say("and {} more: `/mx status`", left)


def _watched(board: Board) -> Iterator[Block]:
    """How each integration is watched, and since when it is as it is."""
    names = sorted(board.integrations)
    lines = [_watch(board.integrations[name], board) for name in names[:_WATCHED]]
    if left := names[_WATCHED:]:
        lines.append(say("and {} more: `/mx status`", len(left)))
    for first in range(0, len(lines), _WATCHED // 2):
        yield blocks.section(joined("\n", lines[first : first + _WATCHED // 2]))


def _watch(spec: Integration, board: Board) -> Mrkdwn:
    desk = board.book.desk(spec.name)
    there = board.book.open_incident(spec.name)
    if there is not None:
        return say("*{}*: {} is open", spec.name, there.id)
    if not spec.watch:
        return say("*{}*: not watched; mx looks when it is asked: `/mx triage {}`", spec.name, spec.name)
    if desk.watch is None:
        return say("*{}*: not looked at yet", spec.name)
    since = moment(desk.watch.since, board.duty.zone, beside=board.now)
    return say("*{}*: {} {}", spec.name, _STATES[desk.watch.now], since)


def _resolved(board: Board) -> Iterator[Block]:
    over = [one for one in board.book.incidents() if one.resolved_at is not None and not one.open]
    latest = sorted(over, key=lambda one: one.resolved_at or board.now, reverse=True)[:_RESOLVED]
    if not latest:
        return
    lines = [Mrkdwn("*Resolved lately*")]
    for incident in latest:
        at = moment(incident.resolved_at or board.now, board.duty.zone, beside=board.now)
        by = person(incident.resolved_by or "mx")
        url, name = board.link(incident), _title(incident).removeprefix("Resolved · ")
        lines.append(say("{} {} · {}, by {}", incident.integration, link(url, name) if url else name, at, by))
    yield blocks.section(joined("\n", lines))


def _foot(board: Board, drawn: str) -> Iterator[Mrkdwn]:
    yield say("Since {} nothing here has changed. Everything that mx can do: `/mx help`", drawn)
    if board.all_pages:
        yield link(board.all_pages, "All incidents, on a page")


def _title(incident: Incident) -> str:
    """Cut by itself: a link that is cut in the middle is no link."""
    return cut(title(incident), _TITLE)


def _gravest(incident: Incident) -> tuple[int, datetime]:
    return incident.severity.number if incident.severity else _MILDEST, incident.opened_at
