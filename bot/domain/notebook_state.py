"""What people put on the timeline, as it stands: kept messages, action items, hand-overs. Folded from their facts. Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, NamedTuple, assert_never

from bot.domain.events import Event
from bot.domain.notebook import (
    ActionAdded,
    ActionChanged,
    ActionTicked,
    AnyNotebook,
    DaySummed,
    HandedOver,
    KeepAnswered,
    KeepRequested,
    KeptMessageChanged,
    KeptMessageRemoved,
    MessageKept,
)


class Kept(NamedTuple):
    """A message that was put on the timeline, as it reads now."""

    version: int
    """Of the fact that kept it: what ``redact`` takes."""
    kept_by: str
    kept_at: datetime
    fact: MessageKept
    text: str
    edited_at: datetime | None = None
    removed: Literal["", "deleted", "unkept"] = ""


class Item(NamedTuple):
    """An action item as it reads now. ``added_by`` is None for one that mx suggests and a person changed or ticked."""

    id: str
    text: str
    assignee: str | None
    due: date | None
    done: bool
    added_by: str | None
    at: datetime


class Handed(NamedTuple):
    """A hand-over: who gave it to whom, when, and what was said."""

    at: datetime
    by: str
    fact: HandedOver


@dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    """All of it, oldest first."""

    wanted: tuple[Event, ...] = ()
    """Messages that are to be kept, and are not fetched yet."""
    kept: tuple[Kept, ...] = ()
    items: tuple[Item, ...] = ()
    handed: tuple[Handed, ...] = ()
    summed: date | None = None
    """The latest day with a summary."""

    def find(self, channel: str, message: str) -> Kept | None:
        """The message of this ``ts``, as long as it is kept."""
        return next(
            (one for one in reversed(self.kept) if _is(one, channel, message) and not one.removed), None
        )

    def item(self, item: str) -> Item | None:
        """The action item with this id."""
        return next((one for one in self.items if one.id == item), None)


def after(was: Notebook, event: Event, fact: AnyNotebook) -> Notebook:  # noqa: PLR0911 - one case for each kind of fact
    """The notebook after one more of these facts."""
    match fact:
        case KeepRequested():
            return replace(was, wanted=(*was.wanted, event))
        case KeepAnswered(request=request):
            return replace(was, wanted=_without(was.wanted, request))
        case MessageKept():
            kept = Kept(event.version, event.actor, event.at, fact, fact.text)
            return replace(was, kept=(*was.kept, kept), wanted=_without(was.wanted, fact.request))
        case KeptMessageChanged():
            return replace(was, kept=tuple(_changed(one, fact) for one in was.kept))
        case KeptMessageRemoved():
            return replace(was, kept=tuple(_removed(one, fact) for one in was.kept))
        case HandedOver():
            return replace(was, handed=(*was.handed, Handed(event.at, event.actor, fact)))
        case ActionAdded():
            item = Item(
                fact.item, fact.text, fact.assignee, fact.due, done=False, added_by=event.actor, at=event.at
            )
            return replace(was, items=(*was.items, item))
        case ActionChanged():
            known = _known(was, event, fact.item, fact.text)
            changed = known._replace(text=fact.text, assignee=fact.assignee, due=fact.due)
            return replace(was, items=_with(was.items, changed))
        case ActionTicked():
            known = _known(was, event, fact.item, fact.text)
            return replace(was, items=_with(was.items, known._replace(done=fact.done)))
        case DaySummed():
            return replace(was, summed=max(fact.day, was.summed or fact.day))
        case _:
            assert_never(fact)


def _without(wanted: tuple[Event, ...], request: str | None) -> tuple[Event, ...]:
    return tuple(
        one for one in wanted if not (isinstance(one.fact, KeepRequested) and one.fact.request == request)
    )


def _is(one: Kept, channel: str, message: str) -> bool:
    return (one.fact.channel, one.fact.message) == (channel, message)


def _changed(one: Kept, fact: KeptMessageChanged) -> Kept:
    if not _is(one, fact.channel, fact.message) or one.removed:
        return one
    return one._replace(text=fact.text, edited_at=fact.edited_at)


def _removed(one: Kept, fact: KeptMessageRemoved) -> Kept:
    if not _is(one, fact.channel, fact.message) or one.removed:
        return one
    return one._replace(removed=fact.cause)


def _known(was: Notebook, event: Event, item: str, text: str) -> Item:
    return was.item(item) or Item(item, text, None, None, done=False, added_by=None, at=event.at)


def _with(items: tuple[Item, ...], item: Item) -> tuple[Item, ...]:
    if any(one.id == item.id for one in items):
        return tuple(item if one.id == item.id else one for one in items)
    return (*items, item)
