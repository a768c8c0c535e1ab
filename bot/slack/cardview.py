"""The incident's card: an incident and its plans in, one Slack message out. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from bot.domain.assessment import Finding
from bot.domain.change import told as told_change
from bot.domain.gap import told
from bot.domain.gap_begin import began
from bot.domain.heading import VERDICTS, findings, seen_since, title
from bot.domain.heading import told as told_of
from bot.domain.incident import Incident
from bot.domain.look import Look
from bot.domain.mitigation import Plan, PlannedStep
from bot.domain.reminders import Duty
from bot.domain.run import Run
from bot.domain.telling import each
from bot.slack import blocks, bufferview, dutyview, proofview, runview, tables
from bot.slack.clocktime import clock
from bot.slack.limits import Block, Mrkdwn, cut, escape, joined, link, person, say
from bot.slack.press import Act, Press

METADATA = "mx_incident"
"""The kind of the card's metadata; its payload names the incident."""

PAGE = "Timeline page, live"
"""What the link to the incident's page is called."""

MORE = "more"
WRITTEN: tuple[tuple[str, Act], ...] = (
    ("Note…", "note"),
    ("Severity…", "severity"),
    ("Hand over…", "handover"),
)
"""The dialogs in which people write, as the card and App Home call them."""

_FINDINGS = 3
_EVIDENCE = 160
_RUNS = 3
_CHANGES = 3
_GAPS = 600
"""Characters; `/mx gap` tells each one."""
_NOTHING_HELD: Mapping[str, PlannedStep] = {}


@dataclass(frozen=True, slots=True)
class Offer:
    """A button for a plan: what it is called, and what a click carries out."""

    label: str
    plan: Plan


def card(
    incident: Incident,
    offers: Sequence[Offer],
    *,
    duty: Duty,
    head: str,
    look: Look | None = None,
    held: Mapping[str, PlannedStep] = _NOTHING_HELD,
    remark: str = "",
    watched_s: float | None = None,
    page: str | None = None,
) -> blocks.Message:
    """The whole card. ``head`` is the short form of the timeline's head, printed so that a cut tail shows.

    ``remark`` stands under the buttons of playbooks. ``watched_s``: how often it is looked at while it is open.
    ``page``: the address of its page.
    """
    zone = duty.zone
    parts: list[Block] = [
        blocks.header(f"{'DRILL · ' if incident.drill else ''}{title(incident)}"),
        *_top(incident, duty),
    ]
    if incident.open:
        parts += bufferview.sections(look, incident, zone=zone) if look else []
        parts += _details(incident)
        replay = bufferview.buttons(look, incident) if look else []
        parts += blocks.actions([*replay, *runview.buttons(incident, held), *_buttons(incident, offers)])
        parts += [blocks.context(line) for line in _warnings(offers)]
        parts += (
            [blocks.context(escape(remark))]
            if remark and any(offer.plan.mode == "apply" for offer in offers)
            else []
        )
    parts.append(blocks.context(_foot(incident, zone, head, watched_s)))
    if page:
        parts.append(blocks.context(link(page, PAGE)))
    text = say("{} · {}", title(incident), incident.id)
    return blocks.message(text, parts, event=METADATA, payload={"incident": incident.id})


def summary(incident: Incident, *, duty: Duty) -> Mrkdwn:
    """The incident in a few lines, for a private answer."""
    lines = [
        say("*{}* {}", incident.id, title(incident)),
        *dutyview.lines(incident, duty),
        *switched_on(incident, duty.zone),
    ]
    return joined("\n", lines)


def _top(incident: Incident, duty: Duty) -> Iterator[Block]:
    zone = duty.zone
    told = told_of(incident)
    if told and told.findings:
        evidence = _evidence(told.findings[0].evidence)
        yield blocks.section(say("*{}.* {}", VERDICTS[told.verdict], evidence))
    if incident.changes:
        yield blocks.section(joined("\n", list(_changes(incident, zone))))
    state = [*_resolved(incident, zone), *dutyview.lines(incident, duty), *_proposal(incident, zone)]
    yield blocks.section(joined("\n", state))
    if on := [*switched_on(incident, zone), *missing(incident, zone)]:
        yield blocks.section(joined("\n", on))
    if runs := [line for run in _shown(incident) for line in runview.lines(incident, run, zone)]:
        yield blocks.section(joined("\n", runs))
    yield from proofview.section(incident, zone)


def _details(incident: Incident) -> Iterator[Block]:
    """Why, and what every probe said; once it is over, the report has that."""
    for index, finding in enumerate(findings(incident)[:_FINDINGS]):
        yield _finding(finding, first=index == 0)
    if incident.assessment and incident.assessment.readings:
        yield blocks.preformatted(tables.readings(incident.assessment.readings))
    if blind := _blind_spots(incident):
        yield blocks.context(blind)


def _changes(incident: Incident, zone: tzinfo) -> Iterator[Mrkdwn]:
    """Who changed what at MaintainX, the latest first."""
    failed_at, _ = began(incident, incident.opened_at)
    rejected = any(one.rule == "key-rejected" for _, found in incident.assessments for one in found.findings)
    what = "the first 401" if rejected else "it first failed"
    changes = sorted(incident.changes, key=lambda one: one.at, reverse=True)
    for one in changes[:_CHANGES]:
        yield say("*Changed at MaintainX:* {}", told_change(one, failed_at=failed_at, what=what, zone=zone))
    if len(changes) > _CHANGES:
        yield say("and {} more changes there: `/mx timeline`", len(changes) - _CHANGES)


def _evidence(lines: Sequence[str]) -> str:
    """As many whole lines as are read at a glance; the table below has the rest."""
    kept: list[str] = []
    for line in lines:
        if kept and len("; ".join([*kept, line])) > _EVIDENCE:
            break
        kept.append(cut(line, _EVIDENCE))
    left = len(lines) - len(kept)
    return "; ".join(kept) + (f" (and {left} more)" if left else "")


def _resolved(incident: Incident, zone: tzinfo) -> Iterator[Mrkdwn]:
    if incident.state == "resolved" and incident.resolved_at and incident.resolved_by:
        yield say("*Resolved* by {} at {}", person(incident.resolved_by), clock(incident.resolved_at, zone))
        yield from (say("Accepted: {}", line) for line in incident.accepted)


def _proposal(incident: Incident, zone: tzinfo) -> Iterator[Mrkdwn]:
    at = clock(incident.assessment.at, zone) if incident.assessment else ""
    if incident.state != "open":
        return
    set_by_person = incident.override
    if set_by_person is not None:
        who, why = person(set_by_person.actor), set_by_person.reason
        yield say("{} set *{}*: {}", who, set_by_person.severity, why)
    if incident.healthy_now:
        if incident.recovery is None:
            yield say("Every probe answered well at {}. To see whether it is over: `/mx verify`", at)
    elif incident.proposed:
        number = incident.proposed.number
        since = clock(seen_since(incident), zone)
        yield say(
            "mx sees *{}* since {}. To set that: `/mx severity {} REASON`", incident.proposed, since, number
        )


def switched_on(incident: Incident, zone: tzinfo) -> Iterator[Mrkdwn]:
    """Each mitigation that is on, whose it is and until when."""
    for lease in incident.leases:
        until = f", until {clock(lease.expires_at, zone)}" if lease.expires_at else ""
        since = clock(lease.since, zone)
        yield say(
            "*On:* {} ({}), by {} since {}{}", lease.says, lease.playbook, person(lease.owner), since, until
        )


def missing(incident: Incident, zone: tzinfo) -> Iterator[Mrkdwn]:
    """The data that may be missing, and what to do about it."""
    if not incident.gaps:
        return
    yield say("*Data may be missing:* {}", cut(told(incident.gaps, zone), _GAPS))
    if incident.open:
        yield say("`/mx gap` says for each whether `/mx run sync-gap` can fill it, or how to accept it")


def _shown(incident: Incident) -> tuple[Run, ...]:
    """Every run that goes on, and the latest few."""
    return tuple(run for run in incident.runs if run.live or run in incident.runs[-_RUNS:])


def _finding(finding: Finding, *, first: bool) -> Block:
    # The first one's symptom and severity are the card's title.
    head = [] if first else [say("*{}* ({})", finding.symptom, finding.severity)]
    lines = [*head, say("*Likely cause:* {}", finding.cause), say("*Check:* {}", finding.check)]
    return blocks.section(joined("\n", lines))


def _blind_spots(incident: Incident) -> Mrkdwn | None:
    spots = incident.assessment.blind_spots if incident.assessment else ()
    return say("Not known: {}", "; ".join(spots)) if spots else None


def _warnings(offers: Sequence[Offer]) -> Iterator[Mrkdwn]:
    seen: set[str] = set()
    for offer in offers:
        for warning in offer.plan.warnings:
            if warning not in seen:
                seen.add(warning)
                yield say("{}: {}", offer.label, warning)


def _buttons(incident: Incident, offers: Sequence[Offer]) -> list[Block]:
    made: list[Block] = []
    for offer in offers:
        press = Press.of_plan(offer.plan, incident)
        style: blocks.Style | None = "danger" if offer.plan.mode == "apply" else None
        made.append(blocks.button(offer.label, action=press.action, value=press.value, style=style))
    simple: list[tuple[Act, str]] = [("again", "Triage again"), ("report", "Report")]
    if taking := dutyview.ack_label(incident):
        simple.insert(0, ("ack", taking))
    for act, label in simple:
        press = Press(act=act, incident=incident.id, integration=incident.integration)
        colour: blocks.Style | None = "primary" if act == "ack" else None
        made.append(blocks.button(label, action=press.action, value=press.value, style=colour))
    return [*made, more(incident)]


def more(incident: Incident) -> Block:
    """What is needed less often, behind three dots: at night the card is to show what helps now."""
    name, integration = incident.id, incident.integration
    lines = [(words, Press(act=act, incident=name, integration=integration).value) for words, act in WRITTEN]
    return blocks.overflow(lines, action=MORE)


def _foot(incident: Incident, zone: tzinfo, head: str, watched_s: float | None) -> Mrkdwn:
    looked = f" · assessed {clock(incident.assessment.at, zone)}" if incident.assessment else ""
    opened = clock(incident.opened_at, zone)
    watched = (
        f" · watched every {each(watched_s)}; this card changes when something does"
        if watched_s and incident.open
        else ""
    )
    return say("{} · opened {}{}{} · timeline {}", incident.id, opened, looked, watched, head)
