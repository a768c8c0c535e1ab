"""Who has an incident and until when, by when somebody must, and whether it is quiet: lines of the card. Pure."""

from collections.abc import Iterator
from datetime import datetime

from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.domain.response import announced, due, holds_until, missed, worse_than_snoozed
from bot.domain.telling import hour, moment
from bot.slack.limits import Mrkdwn, escape, person, say


def lines(incident: Incident, duty: Duty) -> Iterator[Mrkdwn]:
    """Who has it; while nobody has, by when somebody must; and whether anybody is disturbed."""
    if incident.acknowledged_by and incident.acknowledged_at:
        since = hour(incident.acknowledged_at, duty.zone)
        holds = _holds(incident, duty) if incident.open else escape("")
        yield say("*Who has it:* {}, since {}{}", person(incident.acknowledged_by), since, holds)
    elif incident.open:
        nobody = "nobody any more" if incident.oncall.first_acknowledged_at else "nobody yet"
        yield say("*Who has it:* {}{}", nobody, _respond(incident, duty))
    if incident.open:
        yield from _quiet(incident, duty)


def ack_label(incident: Incident) -> str | None:
    """What the button is called by which somebody takes it, or confirms that they have it; None: it is not shown."""
    if incident.acknowledged_by is None:
        return "Acknowledge"
    return "Still on it" if incident.oncall.lapses_at is not None else None


def _holds(incident: Incident, duty: Duty) -> Mrkdwn:
    until = holds_until(incident, duty.lapses)
    if until is None:
        return escape("")
    if incident.oncall.lapses_at is not None:
        return say(" · *to confirm by {}*, else nobody has it", _at(until, incident, duty))
    return say(" · until {} without a sign", _at(until, incident, duty))


def _respond(incident: Incident, duty: Duty) -> Mrkdwn:
    by = due(incident, duty.calendar)
    if by is None:
        return escape("")
    words = " · response *missed at {}*" if missed(incident, by) else " · respond by *{}*"
    return say(words, _at(by, incident, duty))


def _quiet(incident: Incident, duty: Duty) -> Iterator[Mrkdwn]:
    snooze = incident.oncall.snooze
    if snooze is not None and not worse_than_snoozed(incident):
        until = _at(snooze.until, incident, duty)
        yield say("*Quiet* until {}, by {}: {}", until, person(snooze.by), snooze.reason)
    elif incident.assessment is not None and announced(incident.assessment):
        yield say("*Quiet:* MaintainX announced maintenance, so nobody is reminded or woken")


def _at(when: datetime, incident: Incident, duty: Duty) -> str:
    """With its date where that is another day than the incident's first."""
    return moment(when, duty.zone, beside=incident.opened_at)
