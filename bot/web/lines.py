"""The timeline as the page shows it: one line for each fact, with its number, its times, who, and the way to Slack. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.notebook import DaySummed, HandedOver, KeptMessageChanged, KeptMessageRemoved, MessageKept
from bot.domain.proof import shown as proof_line
from bot.domain.showing import CardPosted, ReportPosted
from bot.domain.watching import RecoveryChecked
from bot.domain.words import sentence
from bot.web.people import People
from bot.web.sorts import Sort, sort_of
from bot.web.stamps import Stamp, Stamps

Permalink = Callable[[str, str], str | None]
"""The address of a message in Slack, by its channel and ``ts``."""

_APART = timedelta(seconds=1)
_KEPT_BY = {
    "shortcut": "put here by {}",
    "emoji": "put here by {}, with an emoji",
    "mention": "put here by {}, who named mx",
}


@dataclass(frozen=True, slots=True)
class Other:
    """A further time of a line: "written down", "put here"."""

    label: str
    at: Stamp


@dataclass(frozen=True, slots=True)
class File:
    """A file that hangs on a kept message."""

    title: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact. ``version`` is the number that ``/mx redact`` takes."""

    version: int
    seq: int
    sort: Sort
    kind: str
    at: Stamp
    others: tuple[Other, ...]
    who: str
    text: str
    more: tuple[str, ...] = ()
    note: str = ""
    files: tuple[File, ...] = ()
    url: str | None = None
    redacted: bool = False


def texts(history: Sequence[e.Event]) -> Iterator[str]:
    """Everything in which somebody may be named."""
    for event in history:
        yield event.actor
        yield sentence(event.fact)
        yield from _more(event.fact)
        if isinstance(event.fact, e.IncidentOpened):
            yield event.fact.requested_by or ""


def lines(
    incident: Incident, history: Sequence[e.Event], *, people: People, stamps: Stamps, permalink: Permalink
) -> tuple[Line, ...]:
    """Every fact, oldest first. The words of redacted ones are hidden in the history already."""
    redacted = incident.redacted | {one.fact.version for one in history if isinstance(one.fact, e.Redacted)}
    return tuple(
        _line(event, people=people, stamps=stamps, permalink=permalink, redacted=event.version in redacted)
        for event in history
    )


def _line(event: e.Event, *, people: People, stamps: Stamps, permalink: Permalink, redacted: bool) -> Line:
    fact = event.fact
    at, who, text, note = event.at, people.who(event.actor), people.within(sentence(fact)), ""
    others = [Other("written down", stamps(event.recorded_at))] if event.recorded_at - at >= _APART else []
    if isinstance(fact, MessageKept):
        note = _KEPT_BY[fact.by].format(who)
        others = [Other("put here", stamps(at)), *others] if at - fact.said_at >= _APART else others
        at, who, text = fact.said_at, people.who(fact.author), people.within(fact.text)
    return Line(
        version=event.version,
        seq=event.seq,
        sort=sort_of(fact),
        kind=fact.kind,
        at=stamps(at),
        others=tuple(others),
        who=who,
        text=text,
        note=note,
        more=() if redacted else tuple(people.within(one) for one in _more(fact)),
        files=() if redacted else tuple(_files(fact)),
        url=None if redacted else _url(fact, permalink),
        redacted=redacted,
    )


def _more(fact: e.AnyFact) -> tuple[str, ...]:
    """What stands under a line: the evidence, the single checks."""
    match fact:
        case e.Assessed(assessment=found):
            return tuple(line for finding in found.findings for line in finding.evidence)
        case e.StepFinished(evidence=lines):
            return lines
        case RecoveryChecked(lines=checks):
            return tuple(proof_line(one) for one in checks)
        case HandedOver(lines=lines) | DaySummed(lines=lines) | e.Resolved(accepted=lines):
            return lines
        case _:
            return ()


def _files(fact: e.AnyFact) -> Iterator[File]:
    if isinstance(fact, MessageKept | KeptMessageChanged):
        yield from (File(one.title, _safe(one.permalink)) for one in fact.files)


def _url(fact: e.AnyFact, permalink: Permalink) -> str | None:
    match fact:
        case MessageKept(permalink=str(url)):
            return _safe(url)
        case MessageKept() | KeptMessageChanged() | KeptMessageRemoved(cause="unkept") | CardPosted():
            return permalink(fact.channel, fact.message)
        case ReportPosted(channel=str(channel), message=str(message)):
            return permalink(channel, message)
        case _:
            return None


def _safe(url: str | None) -> str | None:
    """Only addresses of the web: what stands in a fact came from outside."""
    return url if url is not None and url.startswith("https://") else None
