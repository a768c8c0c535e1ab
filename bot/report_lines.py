"""The report's timeline: what a reader wants of each fact, in the order of time, with the new days named. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.domain import events as e
from bot.domain.assessment import Assessment
from bot.domain.notebook import KeepAnswered, KeepRequested
from bot.domain.showing import CardPosted, ReportPosted, ReportRequested
from bot.domain.words import sentence
from bot.report_words import with_names

Names = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report's timeline; ``day`` is set where a new day begins."""

    day: str | None
    time: str
    text: str
    who: str
    at: datetime


def lines(history: Sequence[e.Event], *, zone: tzinfo, names: Names, after: int = 0) -> Iterator[Line]:
    """The lines of the facts; with ``after`` only of those behind that version."""
    day = None
    rows = sorted(_rows(history, after), key=lambda row: row[0])
    for at, text, actor in rows:
        local = at.astimezone(zone)
        date = f"{local:%Y-%m-%d}"
        yield Line(
            day=date if date != day else None,
            time=f"{local:%H:%M}",
            text=with_names(text, names),
            who=names(actor),
            at=at,
        )
        day = date


def _rows(history: Sequence[e.Event], after: int) -> Iterator[tuple[datetime, str, str]]:
    """What only mx needs (a card was posted, a step began) is left out."""
    last: tuple[str, ...] | None = None
    for event in history:
        at, actor, fact = event.at, event.actor, event.fact
        told = event.version > after
        if isinstance(fact, e.Assessed):
            rules = tuple(finding.rule for finding in fact.assessment.findings)
            if rules != last and told:
                yield at, _assessed(fact.assessment, first=last is None), actor
            last = rules
        elif told:
            yield from _row(at, actor, fact)


def _row(at: datetime, actor: str, fact: e.AnyFact) -> Iterator[tuple[datetime, str, str]]:
    match fact:
        case e.IncidentOpened():
            yield fact.requested_at or at, "Triage started", fact.requested_by or actor
            yield at, "Incident opened", actor
        case e.StepFinished(started=lease, says=says) if lease is not None:
            yield at, f"Mitigation applied: {says}", actor
        case e.StepFinished(ended=lease, says=says) if lease is not None:
            yield at, f"Mitigation taken back: {says}", actor
        case e.StepFinished(outcome=outcome, says=says):
            yield at, f"Step {outcome}: {says}", actor
        case (
            e.TriageRequested()
            | e.TriageFinished()
            | e.RunPlanned()
            | e.StepStarted()
            | e.RunFinished()
            | CardPosted()
            | KeepRequested()
            | KeepAnswered()
            | ReportRequested()
            | ReportPosted()
        ):
            pass
        case _:
            yield at, sentence(fact), actor


def _assessed(found: Assessment, *, first: bool) -> str:
    if not found.findings:
        return "Recovery seen: every probe answered well"
    causes = "; ".join(finding.symptom for finding in found.findings)
    return f"{'Likely cause identified' if first else 'Assessed anew'} ({found.severity}): {causes}"
