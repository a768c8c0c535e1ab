"""The clocks of an incident as its page shows them: since when, who has it, and what runs out when. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.domain.response import announced, due, holds_until, missed, worse_than_snoozed
from bot.web.people import People
from bot.web.stamps import Stamp, Stamps

Tone = Literal["", "good", "bad", "due"]


@dataclass(frozen=True, slots=True)
class Clock:
    """One of them: what it is called, what it says, and its time. ``tone`` is how it is coloured."""

    label: str
    says: str = ""
    at: Stamp | None = None
    tone: Tone = ""


def clocks(incident: Incident, *, people: People, duty: Duty, stamps: Stamps) -> Iterator[Clock]:
    """Since when, whose it is, and by when something has to happen."""
    if incident.failing_since:
        yield Clock("Failing since", at=stamps.short(incident.failing_since))
    found = (
        "found by the monitor"
        if incident.found_by == "monitor"
        else f"asked by {people.who(incident.requested_by or incident.opened_by)}"
    )
    yield Clock("Opened", found, stamps.short(incident.opened_at))
    yield from _owner(incident, people, duty, stamps)
    if incident.open:
        yield from _quiet(incident, people, stamps)
        ends = [lease.expires_at for lease in incident.leases if lease.expires_at]
        if ends:
            yield Clock("Next mitigation ends", at=stamps.short(min(ends)), tone="due")
    elif incident.resolved_at:
        why = f": {people.within(incident.resolved_reason)}" if incident.resolved_reason else ""
        yield Clock(
            "Resolved",
            f"by {people.who(incident.resolved_by or 'mx')}{why}",
            stamps.short(incident.resolved_at),
            "good",
        )


def _owner(incident: Incident, people: People, duty: Duty, stamps: Stamps) -> Iterator[Clock]:
    if incident.acknowledged_by and incident.acknowledged_at:
        since = stamps.short(incident.acknowledged_at)
        yield Clock(
            "Who has it", people.who(incident.acknowledged_by), since, "good" if incident.open else ""
        )
        until = holds_until(incident, duty.lapses) if incident.open else None
        if until is not None:
            asked = incident.oncall.lapses_at is not None
            label, says = (
                ("To confirm by", "else nobody has it") if asked else ("Holds until", "without a sign")
            )
            yield Clock(label, says, stamps.short(until), "due" if asked else "")
    elif incident.open:
        any_more = " any more" if incident.oncall.first_acknowledged_at else " yet"
        yield Clock("Who has it", f"nobody{any_more}", tone="bad")
        by = due(incident, duty.calendar)
        if by is not None and missed(incident, by):
            yield Clock("Response missed", "it was due at", stamps.short(by), "bad")
        elif by is not None:
            yield Clock("Respond by", "/mx ack", stamps.short(by), "due")
    else:
        yield Clock("Who had it", "nobody")


def _quiet(incident: Incident, people: People, stamps: Stamps) -> Iterator[Clock]:
    snooze = incident.oncall.snooze
    if snooze is not None and not worse_than_snoozed(incident):
        said = f"by {people.who(snooze.by)}: {people.within(snooze.reason)}"
        yield Clock("Quiet until", said, stamps.short(snooze.until), "due")
    elif incident.assessment is not None and announced(incident.assessment):
        yield Clock("Quiet", "MaintainX announced maintenance, so nobody is reminded or woken")
