"""The dialogs in which people write: a note, a severity with its reason, a hand-over. Pure; Slack's JSON of views."""

from collections.abc import Mapping
from datetime import datetime, tzinfo

from bot.deciding import LONGEST_TEXT
from bot.domain.assessment import Severity
from bot.domain.heading import seen_since, title
from bot.domain.incident import Incident
from bot.domain.open_points import held, standing
from bot.domain.telling import moment
from bot.slack import blocks, modals
from bot.slack.limits import Block, Mrkdwn, cut, escape, joined, person, say
from bot.slack.modals import LONGEST_REASON, REASON, VALUE, View
from bot.slack.press import Press

TEXT = "text"
LEVEL = "level"
TO = "to"
SUMMARY = "summary"

LONGEST_SUMMARY = 2000
"""Leaves the post room for what is on."""

MEANINGS: Mapping[Severity, str] = {
    Severity.SEV1: "nothing critical works; answer in 15 minutes",
    Severity.SEV2: "critical work fails in part; answer in 1 hour",
    Severity.SEV3: "it works, but slowly or late; answer in 4 hours",
    Severity.SEV4: "one minor thing fails; answer the next business day",
}
"""What each severity means, beside its name in a menu."""


def note(incident: Incident, *, press: Press) -> View:
    """Asks for words for the timeline."""
    element = _lines(LONGEST_TEXT)
    asked = modals.question(
        TEXT, "What has to be remembered?", element, hint="It stands in the report, in your name."
    )
    return modals.view("Note", [_about(incident), asked], press=press, submit="Note it")


def severity(incident: Incident, *, press: Press, zone: tzinfo, now: datetime) -> View:
    """Asks for a severity and why; what mx proposes is chosen beforehand, else what it is now."""
    offered = {one: modals.option(one, f"{one}: {words}") for one, words in MEANINGS.items()}
    menu: Block = {"type": "static_select", "action_id": VALUE, "options": [*offered.values()]}
    chosen = incident.proposed or incident.severity
    if chosen is not None:
        menu["initial_option"] = offered[chosen]
    parts = [
        _about(incident),
        *_opinion(incident, zone, now),
        modals.question(LEVEL, "How bad is it?", menu),
        modals.question(REASON, "Why? It stands in the report.", _lines(LONGEST_REASON)),
    ]
    return modals.view("Severity", parts, press=press, submit="Set it")


def hand_over(
    incident: Incident,
    *,
    press: Press,
    zone: tzinfo,
    now: datetime,
    to: str | None = None,
    words: str = "",
) -> View:
    """Asks who has it from here and what they have to know; how it stands is written there beforehand."""
    who: Block = {"type": "users_select", "action_id": VALUE}
    if to:
        who["initial_user"] = to
    lines = _lines(LONGEST_SUMMARY)
    text = "\n".join([*([words, ""] if words else ()), *standing(incident, zone, now=now)])
    lines["initial_value"] = cut(text, LONGEST_SUMMARY)
    has = person(incident.acknowledged_by) if incident.acknowledged_by else escape("nobody")
    on = held(incident, zone, now=now) or ("Nothing is switched on, and nothing waits.",)
    parts = [
        blocks.section(say("*{}* {}\nWho has it now: {}", incident.id, title(incident), has)),
        modals.question(TO, "Who has it from here?", who, hint="A person who may act in this incident."),
        modals.question(SUMMARY, "What do they have to know?", lines, hint="It is posted in the channel."),
        *modals.paragraphs([Mrkdwn("*They take over:*"), *map(escape, on)]),
    ]
    return modals.view("Hand over", parts, press=press, submit="Hand it over")


def _about(incident: Incident) -> Block:
    return blocks.section(say("*{}* {}", incident.id, title(incident)))


def _opinion(incident: Incident, zone: tzinfo, now: datetime) -> list[Block]:
    """What mx sees, where that is something else, and who set what it is now."""
    lines: list[Mrkdwn] = []
    if incident.override is not None:
        one = incident.override
        lines.append(say("{} set *{}*: {}", person(one.actor), one.severity, one.reason))
    if incident.proposed is not None:
        since = moment(seen_since(incident), zone, beside=now)
        lines.append(say("mx sees *{}* since {}.", incident.proposed, since))
    elif incident.healthy_now:
        lines.append(escape("Every probe answers well now. If it is over: /mx verify"))
    return [blocks.section(joined("\n", lines))] if lines else []


def _lines(longest: int) -> Block:
    return {"type": "plain_text_input", "action_id": VALUE, "multiline": True, "max_length": longest}
