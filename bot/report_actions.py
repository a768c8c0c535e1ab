"""The action items that a timeline proves, each with its evidence, and the blanks for those it cannot know."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from bot.domain.assessment import Assessment
from bot.domain.events import Assessed, Event
from bot.domain.incident import Incident
from bot.report_buffer import dropped
from bot.report_words import blank, clock_time


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do after the incident; ``evidence`` is what the timeline shows."""

    text: str
    evidence: str = ""


def actions(
    incident: Incident, history: Sequence[Event], *, zone: tzinfo, names: Callable[[str], str]
) -> tuple[Action, ...]:
    """What the timeline shows was missing, then the three blanks of every report."""
    assessed = [event.fact.assessment for event in history if isinstance(event.fact, Assessed)]
    return (
        *_unwatched(incident, zone=zone, names=names),
        *_blind(assessed),
        *_failed(incident),
        *(
            Action("Enter by hand what was dropped, where it is still wanted", says)
            for says in dropped(history)
        ),
        *(Action(f"Fill the gap of {gap.name}, or accept it", gap.says) for gap in incident.gaps),
        *(Action("Settle what was accepted when it was resolved", line) for line in incident.accepted),
        Action(blank("a specific improvement")),
        Action(blank("monitoring for a gap that was found")),
        Action(blank("the lesson learned, for the runbook")),
    )


def _unwatched(incident: Incident, *, zone: tzinfo, names: Callable[[str], str]) -> Iterator[Action]:
    who, at = incident.requested_by, incident.requested_at
    if who is not None and who != "mx" and at is not None:
        yield Action(
            "Add an alert for this failure: a person noticed it before any monitor did",
            f"{names(who)} asked for the triage at {clock_time(at, zone)}",
        )


def _blind(assessed: Sequence[Assessment]) -> Iterator[Action]:
    for spot in dict.fromkeys(spot for found in assessed for spot in found.blind_spots):
        yield Action("Make this visible to the triage", spot)


def _failed(incident: Incident) -> Iterator[Action]:
    for run in incident.runs:
        if run.outcome in ("failed", "interrupted"):
            yield Action(f"Look why the playbook {run.playbook} {run.outcome}", run.says)
