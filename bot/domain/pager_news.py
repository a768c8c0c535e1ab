"""What PagerDuty tells by webhook, read leniently, and what becomes of it in its incident. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.domain.book import Book
from bot.domain.events import Acknowledged, AnyFact
from bot.domain.incident import Incident
from bot.domain.oncall import AckLapsed, PagerReported
from bot.domain.paged import dedup_of

PAGER = "PagerDuty"
SOURCE = "pagerduty"
PING = "pagey.ping"
"""What PagerDuty sends when somebody tries the subscription out."""

_TOLD: Mapping[str, str] = {
    "triggered": "opened an alert",
    "acknowledged": "acknowledged it",
    "unacknowledged": "let the acknowledgement go",
    "resolved": "resolved it",
    "reopened": "reopened it",
    "reassigned": "reassigned it",
    "escalated": "escalated it",
    "delegated": "handed it to another escalation policy",
    "annotated": "wrote a note",
    "priority_updated": "changed its priority",
    "responder.added": "asked another responder for help",
    "responder.replied": "answered a request for help",
    "status_update_published": "published a status update",
}
"""The events that reach the timeline, without ``incident.``; others are taken and passed over."""
_OURS = ("acknowledged", "resolved")
"""What mx itself does by the Events API comes back under the name of an integration, and is no news."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class PagerNews:
    """One event; whatever PagerDuty leaves out is None or empty."""

    id: str | None
    event: str
    """Its type, whole: ``incident.acknowledged``."""
    at: datetime | None
    person: str | None
    """Who did it there; None where it was no person, or is not said."""
    automatic: bool
    """An integration did it, such as mx's own."""
    keys: tuple[str, ...] = ()
    """Every key by which it may be one of mx's alerts."""
    alert: str | None = None
    """PagerDuty's own id of the incident there."""
    number: int | None = None
    assigned: tuple[str, ...] = ()
    note: str = ""

    @property
    def kind(self) -> str:
        """The type without its resource."""
        return self.event.removeprefix("incident.")

    @property
    def known(self) -> bool:
        """It is of a kind that reaches the timeline."""
        return self.event.startswith("incident.") and self.kind in _TOLD

    @property
    def actor(self) -> str:
        """Who the timeline shows: ``pagerduty:Name``, or ``pagerduty`` alone."""
        return f"{SOURCE}:{self.person}" if self.person else SOURCE


def read(payload: object) -> PagerNews | None:
    """The event of a v3 webhook; None where the payload has none."""
    event = _table(_table(payload).get("event"))
    name = event.get("event_type")
    if not isinstance(name, str) or not name:
        return None
    agent, data = _table(event.get("agent")), _table(event.get("data"))
    kind, about = str(agent.get("type") or ""), _table(data.get("incident"))
    by_person = kind.startswith("user") or (not kind and bool(agent))
    assigned = data.get("assignees")
    number = data.get("number")
    return PagerNews(
        id=_text(event.get("id")) or None,
        event=_text(name),
        at=_time(event.get("occurred_at")),
        person=(_text(agent.get("summary") or agent.get("name")) or None) if by_person else None,
        automatic="integration" in kind or kind.startswith("service"),
        keys=tuple(_keys(data)),
        alert=_text(about.get("id") or data.get("id")) or None,
        number=number if isinstance(number, int) else None,
        assigned=tuple(
            filter(None, (_text(_table(one).get("summary")) for one in assigned))
            if isinstance(assigned, list)
            else ()
        ),
        note=_text(data.get("content") or data.get("message")),
    )


def about(book: Book, news: PagerNews) -> Incident | None:
    """The incident that it is about: by the key that mx gave it, else by PagerDuty's id from an earlier event."""
    for key in news.keys:
        found = book.incident(key.rpartition(":")[2])
        if found is not None and dedup_of(found) == key:
            return found
    if news.alert is None:
        return None
    return next((one for one in reversed(book.incidents()) if news.alert in one.oncall.alerts), None)


def fact_of(incident: Incident, news: PagerNews) -> AnyFact | None:
    """What it becomes on the timeline; None where it is only mx's own doing that comes back."""
    owner = incident.acknowledged_by
    if news.kind in _OURS and news.automatic:
        return None
    if (
        news.kind == "acknowledged"
        and news.person
        and incident.open
        and owner is None
        and not _stale(incident, news)
    ):
        return Acknowledged(alert=news.alert)
    if news.kind == "unacknowledged" and _lets_go(incident, news):
        says = f"let the acknowledgement go in {PAGER}: nobody has it"
        return AckLapsed(who=str(owner), says=says)
    return PagerReported(
        pager=PAGER, event=news.kind, says=_says(incident, news), occurred_at=news.at, alert=news.alert
    )


def _stale(incident: Incident, news: PagerNews) -> bool:
    """It was acknowledged there before it lapsed, was let go or was reopened: late news that changes nothing."""
    oncall = incident.oncall
    if news.at is None:
        return False
    if oncall.pager_news_at is not None and news.at <= oncall.pager_news_at:
        return True
    return oncall.clock_version > 1 and news.at < oncall.clock_from


def _lets_go(incident: Incident, news: PagerNews) -> bool:
    """Whoever has it had said so there, in that very alert, and before."""
    owner, since, said_in = (
        incident.acknowledged_by,
        incident.acknowledged_at,
        incident.oncall.acknowledged_alert,
    )
    if not incident.open or owner is None or not owner.startswith(f"{SOURCE}:"):
        return False
    if said_in is not None and news.alert is not None and said_in != news.alert:
        return False
    return news.at is None or since is None or news.at >= since


def _says(incident: Incident, news: PagerNews) -> str:
    who = news.person or "somebody" if not news.automatic else PAGER
    number = f" #{news.number}" if news.number is not None else ""
    told = f"{who} {_TOLD[news.kind]} in {PAGER}"
    match news.kind:
        case "triggered":
            told = f"{PAGER} opened its incident{number}"
        case "resolved" if incident.open:
            told += "; mx proves recovery itself, so the incident stays open until /mx resolve"
        case "acknowledged" if incident.open and incident.acknowledged_by is not None:
            told += f"; {incident.acknowledged_by} has it and keeps it"
        case "acknowledged" if incident.open:
            told += "; nobody takes it by that, since it is old or without a name: /mx ack takes it"
        case _:
            pass
    assigned = f", assigned to {', '.join(news.assigned)}" if news.assigned and news.kind in _ASSIGNS else ""
    return f"{told}{assigned}{f': {news.note}' if news.note else ''}"


_ASSIGNS = ("triggered", "reassigned", "escalated", "delegated")


def _keys(data: Mapping[str, object]) -> Iterator[str]:
    about_it = _table(data.get("incident"))
    alerts = data.get("alerts")
    for table in (data, about_it, *(map(_table, alerts) if isinstance(alerts, list) else ())):
        for name in ("incident_key", "dedup_key", "alert_key"):
            value = table.get(name)
            if isinstance(value, str) and value:
                yield value


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A text from outside on one line, without control characters, at most so long."""
    if not isinstance(value, str):
        return ""
    line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _time(value: object) -> datetime | None:
    """An ISO 8601 time in UTC; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
