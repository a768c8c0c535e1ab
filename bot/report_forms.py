"""The report in each of its forms: Markdown, one self-contained page, JSON; with the picture beside it."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from markupsafe import Markup
from pydantic import JsonValue

from bot.picture import Picture, svg
from bot.report import Report
from bot.report_actions import Action
from bot.report_words import Blank
from bot.templating import Templates

SCHEMA = 1
"""Of the JSON: it grows by new keys alone; a key that changes its meaning makes it 2."""


@dataclass(frozen=True, slots=True)
class Forms:
    """The finished texts; ``faults`` say which of the team's own templates were passed over, and why."""

    markdown: str
    html: str
    svg: str
    faults: tuple[str, ...]


def forms(report: Report, picture: Picture, templates: Templates) -> Forms:
    """Every form that templates make."""
    drawn = svg(picture, templates)
    markdown = templates.render("incident_report.md.j2", report=report)
    html = templates.render("incident_report.html.j2", report=report, picture=Markup(drawn.text))  # noqa: S704 - our own SVG, escaped when it was made
    faults = dict.fromkeys(one.fault for one in (markdown, html, drawn) if one.fault)
    return Forms(markdown.text, html.text, drawn.text, tuple(faults))


def as_json(report: Report, zone: tzinfo) -> dict[str, JsonValue]:
    """The report for machines, as docs/report.schema.json has it: times in ISO 8601, blanks as null."""
    return {
        "schema": SCHEMA,
        "incident": report.incident,
        "integration": report.integration,
        "drill": bool(report.drill),
        "state": report.state,
        "severity": report.severity if report.severity.startswith("SEV") else None,
        "worst_severity": report.worst if report.worst.startswith("SEV") else None,
        "zone": str(zone),
        "made_at": _iso(report.made_at),
        "version": report.version,
        "figures": [
            {"name": one.name, "label": one.label, "amount": one.amount, "unit": one.unit, "how": one.how}
            for one in report.figures
        ],
        "milestones": [{"name": one.name, "at": _iso(one.at), "says": one.says} for one in report.milestones],
        "clocks": [
            {"due": _iso(one.due), "answered": _iso(one.answered), "met": one.met, "says": one.says}
            for one in report.clocks
        ],
        "on": [
            {
                "says": one.says,
                "who": one.who,
                "since": _iso(one.on.since),
                "until": _iso(one.on.until),
                "ended": one.ended,
            }
            for one in report.on
        ],
        "people": [{"name": one.name, "acts": len(one.acts) + one.more} for one in report.people],
        "pages": [*report.pages],
        "kept": [
            {"said_at": _iso(one.at), "author": one.who, "text": one.text, "link": one.link or None}
            for one in report.kept
        ],
        "impact": [*report.impact],
        "gaps": [*report.gaps],
        "timeline": [{"at": _iso(one.at), "text": one.text, "who": one.who} for one in report.timeline],
        "causes": [*report.causes],
        "resolution": [*report.resolution],
        "accepted": [*report.accepted],
        "actions": [_action(one) for one in report.actions if not one.is_blank],
        "blind_spots": [*report.blind_spots],
        "blanks": [text.strip("_").removeprefix("to be filled in: ") for text in _blanks(report)],
        "head": {"seq": report.head_seq, "hash": report.head_hash},
    }


def _action(one: Action) -> dict[str, JsonValue]:
    return {
        "id": one.id,
        "text": str(one.text),
        "evidence": one.evidence,
        "done": one.done,
        "assignee": one.assignee or None,
        "due": one.due.isoformat() if one.due else None,
        "added_by": one.added_by or None,
    }


def _blanks(report: Report) -> list[str]:
    found = [report.impact_blank, report.cause_blank, report.resolution_blank]
    return [str(text) for text in (*found, *(one.text for one in report.actions)) if isinstance(text, Blank)]


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
