"""What stands in the way of a run, of its undo, and of a resolve; the words say who was first. Pure."""

from collections.abc import Mapping
from datetime import tzinfo

from pydantic import JsonValue

from bot.domain.book import Book
from bot.domain.gap import window
from bot.domain.incident import Incident
from bot.domain.mitigation import Mode
from bot.domain.run import Run
from bot.domain.telling import hour
from bot.errors import Refused
from bot.planning import fingerprint
from bot.playbook import Playbook

_NO_PARAMS: Mapping[str, JsonValue] = {}


class Stale(Refused):
    """The plan that was confirmed is no longer what would be done; show the plan again."""


def unmet_lines(incident: Incident, *, zone: tzinfo) -> tuple[str, ...]:
    """What stands in the way of resolving: each lease that is on, each run that goes on, each gap."""
    return (
        *lease_lines(incident, zone=zone),
        *going_lines(incident, zone=zone),
        *gap_lines(incident, zone=zone),
    )


def lease_lines(incident: Incident, *, zone: tzinfo) -> tuple[str, ...]:
    """Each mitigation that is on."""
    return tuple(
        f"{lease.playbook} is on ({lease.says}), by {lease.owner}"
        + (f" until {hour(lease.expires_at, zone)}" if lease.expires_at else "")
        + f"; take it back: /mx undo {lease.playbook}"
        for lease in incident.leases
    )


def going_lines(incident: Incident, *, zone: tzinfo) -> tuple[str, ...]:
    """Each run that goes on."""
    return tuple(
        f"{run.playbook} is still {_DOING[run.mode]}, asked for by "
        f"{run.requested_by} at {hour(run.requested_at, zone)}; {_next(run)}"
        for run in incident.live_runs
    )


def gap_lines(incident: Incident, *, zone: tzinfo) -> tuple[str, ...]:
    """Each gap that nothing has closed."""
    return tuple(
        f"the gap of {gap.name}, {window(gap, zone)}, is open: /mx gap says whether /mx run sync-gap can fill it"
        for gap in incident.gaps
    )


_DOING: Mapping[Mode, str] = {
    "apply": "running",
    "undo": "being taken back",
    "extend": "being kept on for longer",
}


def _next(run: Run) -> str:
    """What ends a run that goes on."""
    if run.unapproved:
        return "it waits for a second person: /mx approve, or /mx stop"
    if run.held is not None and run.plan is not None:
        return f"it waits for your go ({run.plan.steps[run.held].ask}), or /mx stop"
    return "wait for its end on the card, or /mx stop"


def refuse_twice(incident: Incident, playbook: str, *, zone: tzinfo) -> None:
    """Raises Refused where the playbook runs or is on already."""
    for run in incident.runs:
        if run.live and run.playbook == playbook:
            doing = {"apply": "started it", "undo": "asked to take it back", "extend": "lengthened it"}[
                run.mode
            ]
            raise Refused(
                f"{playbook} is going already: {run.requested_by} {doing} at {hour(run.requested_at, zone)}. "
                "The card shows each step."
            )
    for lease in incident.leases:
        if lease.playbook == playbook:
            raise Refused(
                f"{playbook} is on already: {lease.owner} started it at {hour(lease.since, zone)}. "
                f"To start it anew, take it back first: /mx undo {playbook}"
            )


def refuse_undo(incident: Incident, undone: Run, *, zone: tzinfo) -> None:
    """Raises Refused where the run is being taken back, or was."""
    on = any(lease.run == undone.id for lease in incident.leases)
    for run in incident.runs:
        if (
            run.undoes == undone.id
            and run.mode == "undo"
            and (run.live or (run.outcome == "done" and not on))
        ):
            doing = "asked to take it back" if run.live else "took it back"
            raise Refused(f"{undone.playbook}: {run.requested_by} {doing} at {hour(run.requested_at, zone)}.")


def refuse_stale(
    seen: str | None,
    playbook: Playbook,
    incident: Incident,
    *,
    mode: Mode = "apply",
    undoes: str | None = None,
    params: Mapping[str, JsonValue] = _NO_PARAMS,
) -> None:
    """Raises Stale where the plan that was seen is not the one that would be carried out now."""
    now = fingerprint(playbook, mode=mode, undoes=undoes, incident=incident, params=params)
    if seen not in (None, now):
        raise Stale(
            f"The plan of {playbook.name} has changed since it was shown; look at it again and confirm it."
        )


def run_to_undo(book: Book, integration: str, wanted: str) -> tuple[Incident, Run]:
    """The run that is meant: one whose lease is on before any other, the latest first."""
    named = [
        (found, run)
        for found in reversed(book.of(integration))
        for run in reversed(found.runs)
        if run.mode == "apply" and wanted in (run.id, run.playbook)
    ]
    if not named:
        raise Refused(f"{wanted} was not run for {integration}, so there is nothing to take back.")
    on = [(found, run) for found, run in named if any(lease.run == run.id for lease in found.leases)]
    return (on or named)[0]
