"""What the channel is told of a fact, one function per kind: a fact and its incident in, a post or nothing out. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Generic, NamedTuple, TypeVar

from bot.domain.events import Event
from bot.domain.fact import Fact
from bot.domain.heading import title
from bot.domain.incident import Incident
from bot.domain.notebook import DaySummed, HandedOver
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    PageFailed,
    PageOverdue,
    ResponseReminded,
    SnoozeEnded,
)
from bot.domain.response import quiet
from bot.domain.telling import moment
from bot.domain.watching import RecoveryChecked
from bot.slack import blocks
from bot.slack.limits import Block, Mrkdwn, cut, escape, joined, person, say
from bot.slack.press import Press

METADATA = "mx_post"
"""The kind of a post's metadata; its payload names the fact."""

LATE = timedelta(minutes=1)
"""A post that comes later than this after its fact says of when it is."""

_TITLE = 300
_F = TypeVar("_F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Told:
    """Around a fact: its event, its incident as it is now, and the time of the post."""

    event: Event
    incident: Incident
    zone: tzinfo
    now: datetime

    def at(self, when: datetime) -> str:
        """A time as people read it, with its date where that is not today's."""
        return moment(when, self.zone, beside=self.now)


class Post(NamedTuple):
    """A message for the channel: a paragraph, and buttons under it."""

    text: Mrkdwn
    buttons: Sequence[Block] = ()


@dataclass(frozen=True, slots=True)
class Kind(Generic[_F]):
    """A kind of fact that the channel hears of; ``words`` says None where the news no longer matters."""

    fact: type[_F]
    words: Callable[[_F, Told], Post | None]


def message(event: Event, incident: Incident, *, zone: tzinfo, now: datetime) -> blocks.Message | None:
    """The post about this fact; None where there is none, or where it is old news."""
    told = Told(event, incident, zone, now)
    post = next((kind.words(event.fact, told) for kind in POSTS if type(event.fact) is kind.fact), None)
    if post is None:
        return None
    parts: list[Block] = [blocks.section(post.text), *blocks.actions(post.buttons)]
    text = post.text
    if now - event.at > LATE:
        late = say("This is of {}; it could not be posted before.", told.at(event.at))
        parts.append(blocks.context(late))
        text = joined(" ", [text, late])
    payload = {"incident": incident.id, "fact": name(event)}
    return blocks.message(text, parts, event=METADATA, payload=payload)


def name(event: Event) -> str:
    """The fact as a post's metadata names it: its number alone would come again with a new timeline."""
    return f"{event.stream}:{event.seq}"


def posted(event: Event) -> bool:
    """Whether facts of this kind are posted at all."""
    return type(event.fact) in _KINDS


def _reminded(fact: ResponseReminded, told: Told) -> Post | None:
    found = told.incident
    newer = found.acknowledged_by is not None or found.oncall.clock_from > told.event.at
    if not found.open or newer or (fact.stage == "before" and fact.due <= told.now):
        return None  # what comes of it is told by the reminder that it was missed
    return Post(escape(fact.says), [_button(found, "Acknowledge")])


def _asked(fact: AckReminded, told: Told) -> Post | None:
    found = told.incident
    if not found.open or found.acknowledged_by is None or found.oncall.lapses_at != fact.lapses_at:
        return None
    text = say("{} {}", person(found.acknowledged_by), fact.says)
    return Post(text, [_button(found, "Still on it")])


def _lapsed(fact: AckLapsed, told: Told) -> Post | None:
    found = told.incident
    if not found.open or found.acknowledged_by is not None or found.oncall.clock_from > told.event.at:
        return None
    return Post(say("{} {}", person(fact.who), fact.says), [_button(found, "Acknowledge")])


def _quiet_over(fact: SnoozeEnded, told: Told) -> Post | None:
    found = told.incident
    newer = found.oncall.snooze is not None or found.oncall.quiet_ended_at != told.event.at
    if not found.open or newer or fact.cause == "person":
        return None
    who = [person(found.acknowledged_by)] if found.acknowledged_by else []
    return Post(joined(" ", [*who, escape(fact.says)]))


def _not_paged(fact: PageFailed, told: Told) -> Post | None:
    page = next((one for one in told.incident.oncall.pages if one.request.page == fact.page), None)
    if page is None or page.sent_at is not None or page.dropped:
        return None
    if page.request.action != "trigger":
        if fact.again_at is not None:
            return None
        return Post(say("{} could not be told of {}: {}", fact.pager, told.incident.id, fact.says))
    first = page.first_failed_at == told.event.at
    if not told.incident.open or not (first or fact.again_at is None):
        return None
    then = (
        f"It is tried again at {told.at(fact.again_at)}."
        if fact.again_at is not None
        else "Nothing more is tried."
    )
    why = fact.says.rstrip(".")
    others = [one for one in told.incident.oncall.pages if one.request.action == "trigger"]
    if any(one.sent_at is not None and one.sent_at >= page.at for one in others):
        return Post(
            say("{} did not take the page for {}: {}. Another was paged.", fact.pager, told.incident.id, why)
        )
    words = "*Nobody could be woken* for {}: {}. {} Call the on-call person yourself."
    return Post(say(words, told.incident.id, why, then))


def _overdue(fact: PageOverdue, told: Told) -> Post | None:
    found = told.incident
    if not found.open or found.acknowledged_by is not None or found.oncall.clock_from > told.event.at:
        return None
    return Post(
        say(
            "*A page for {} is overdue:* {}. Call the on-call person yourself.",
            found.id,
            fact.says.rstrip("."),
        )
    )


def _recovered(fact: RecoveryChecked, told: Told) -> Post | None:
    """What the monitor found by itself, unless somebody has looked since; a person who asked was told privately."""
    found = told.incident
    known = found.recovery.fact if found.recovery else None
    if fact.request is not None or not found.open or known != fact:
        return None
    if fact.verdict == "proved":
        return Post(say("{}. If you agree that it is over: `/mx resolve`", fact.says))
    return (
        Post(say("{}. To see all of it: the card, or `/mx verify`", fact.says)) if fact.was_proved else None
    )


def _handed(fact: HandedOver, told: Told) -> Post | None:
    """Whoever has it from here is pinged; only what their predecessor has not said already stands under the words."""
    found = told.incident
    newest = found.notebook.handed[-1].at == told.event.at if found.notebook.handed else False
    if not found.open or found.acknowledged_by != fact.to or not newest:
        return None
    who, by = person(fact.to), person(told.event.actor)
    head = say(
        "{} *you have {} from here*, handed over by {}. {}", who, found.id, by, cut(title(found), _TITLE)
    )
    words = [say("> {}", line) for line in fact.summary.splitlines() if line.strip()]
    more = [say("• {}", line) for line in fact.lines if line not in fact.summary]
    return Post(joined("\n", [head, *words, *more]), [_button(found, "I have it")])


def _summed(fact: DaySummed, told: Told) -> Post | None:
    """Who has it is named, and so pinged, unless they asked for quiet."""
    found = told.incident
    if not found.open or found.notebook.summed != fact.day:
        return None
    lines = [say("*{}*", fact.says)]
    if found.acknowledged_by and found.acknowledged_at:
        asked = bool(quiet(found, told.now))
        who = escape("Somebody") if asked else person(found.acknowledged_by)
        lines.append(say("• {} has it, since {}.", who, told.at(found.acknowledged_at)))
    return Post(joined("\n", [*lines, *(say("• {}", line) for line in fact.lines)]))


def _button(incident: Incident, label: str) -> Block:
    press = Press(act="ack", incident=incident.id, integration=incident.integration)
    return blocks.button(label, action=press.action, value=press.value, style="primary")


POSTS: tuple[Kind[Any], ...] = (
    Kind(ResponseReminded, _reminded),
    Kind(AckReminded, _asked),
    Kind(AckLapsed, _lapsed),
    Kind(SnoozeEnded, _quiet_over),
    Kind(PageFailed, _not_paged),
    Kind(PageOverdue, _overdue),
    Kind(RecoveryChecked, _recovered),
    Kind(HandedOver, _handed),
    Kind(DaySummed, _summed),
)
"""Every kind that is posted."""

_KINDS = frozenset(kind.fact for kind in POSTS)
