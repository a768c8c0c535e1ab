"""The team's own templates of the report: each is filled in with a made-up incident, so that a fault shows before it is needed."""

from datetime import timedelta

from bot.config import Settings
from bot.domain.assessment import Assessment, Finding, Severity
from bot.domain.chain import Head
from bot.domain.events import Acknowledged, AnyFact, Assessed, Event, IncidentOpened, Resolved
from bot.domain.fold import replay
from bot.picture import picture_of
from bot.ports import Clock
from bot.report import facts_for
from bot.report_forms import forms
from bot.templating import Templates
from bot.verbs.doctoring.check import Check

_KNOWN = ("incident_picture.svg.j2", "incident_report.html.j2", "incident_report.md.j2")


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Whether the folder is there, its names are known, and each template can be filled in."""
    folder = settings.bot.templates
    if folder is None:
        return [Check("templates", "the shipped ones")]
    if not folder.is_dir():
        return [
            Check(
                "templates",
                f"{folder} is no folder; the shipped ones are used",
                "correct templates in mx.toml",
            )
        ]
    templates = Templates(folder)
    own = templates.own()
    strange = [name for name in own if name not in _KNOWN]
    found = [
        Check(
            "template",
            f"{name} goes before no shipped one",
            f"name it as one of {', '.join(_KNOWN)}",
            optional=True,
        )
        for name in strange
    ]
    faults = _tried(templates, settings, clock)
    found += [Check("template", fault, "correct that line, and ask again") for fault in faults]
    if not faults:
        said = f"{', '.join(own)} can be filled in" if own else "none there; the shipped ones are used"
        found.append(Check("templates", f"{folder}: {said}"))
    return found


def _tried(templates: Templates, settings: Settings, clock: Clock) -> tuple[str, ...]:
    history = _made_up(clock)
    zone, now = settings.bot.zone, clock.now()
    incident = replay(history)
    report = facts_for(incident, history, head=Head(4, "0" * 64), zone=zone, now=now, names=str)
    return forms(report, picture_of(incident, history, zone=zone, now=now, names=str), templates).faults


def _made_up(clock: Clock) -> tuple[Event, ...]:
    """An incident from its opening to its end."""
    now = clock.now()
    finding = Finding(
        rule="rate-limited",
        severity=Severity.SEV2,
        verdict="us",
        symptom="429 on all endpoints",
        cause="a job asks too often",
        check="look at the last hour",
        evidence=("12 of 12 tries got 429",),
    )
    assessment = Assessment(
        integration="default",
        at=now,
        severity=Severity.SEV2,
        verdict="us",
        response_due=now + timedelta(hours=1),
        findings=(finding,),
        readings=(),
        blind_spots=("log: none is set up",),
        playbooks=(),
    )
    facts: tuple[AnyFact, ...] = (
        IncidentOpened(integration="default", requested_by="cli:doctor@here", requested_at=now),
        Assessed(assessment=assessment),
        Acknowledged(),
        Resolved(reason="made up", accepted=("nothing",)),
    )
    return tuple(
        Event(
            seq=number,
            stream="mx-doctor",
            version=number,
            actor="cli:doctor@here",
            at=now,
            recorded_at=now,
            key=None,
            fact=fact,
            hash="",
        )
        for number, fact in enumerate(facts, start=1)
    )
