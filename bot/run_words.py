"""Whether a run goes on, and how it ended, in words: what is on, what was not done, what to do next. Pure."""

from datetime import datetime, timedelta

from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.run import BAD, Outcome, Run


def is_due(incident: Incident, run: Run, *, now: datetime, approval: timedelta) -> bool:
    """Whether the runner has something to do for it, or it waits: for a person, or for the run that it takes back."""
    if refused(run, now=now, approval=approval) or run.stopped_by:
        return True
    if run.unapproved:
        return False
    if run.undoes and (about := incident.run(run.undoes)) and about.live:
        return False
    return run.held is None or is_over(incident, run)


def is_over(incident: Incident, run: Run) -> bool:
    """No further step of it is begun."""
    bad = any(step.state in BAD for step in run.steps)
    return bad or run.stopped_by is not None or called_off(incident, run) is not None


def refused(run: Run, *, now: datetime, approval: timedelta) -> str:
    """Why a run that needs a second person does not begin at all; empty where it may, or still waits.

    ``approval`` is how long it waits.
    """
    if run.declined:
        return f"Not begun: {run.declined}."
    if run.unapproved and now - run.requested_at > approval:
        minutes = approval // timedelta(minutes=1)
        return (
            f"Not begun: nobody else approved it within {minutes} minutes. "
            f"Ask again with /mx run {run.playbook}, and have somebody type /mx approve."
        )
    return ""


def finished(incident: Incident, run: Run) -> tuple[Outcome, str]:
    """The outcome of a run whose steps are over, and the sentences that go with it."""
    outcome = _outcome(run)
    on = tuple(lease for lease in incident.leases if lease.run == (run.undoes or run.id))
    if run.mode == "undo":
        words = _taken_back(run, outcome, on)
    elif run.mode == "extend":
        words = _told(run) or ["nothing was on any more"]
    elif run.stopped_by is not None and outcome not in BAD and not _left_out(run):
        words = _applied(run, outcome, on)
    elif run.stopped_by is not None:
        words = [f"stopped by {run.stopped_by}", *_half(run, on)]
    elif (who := called_off(incident, run)) is not None:
        words = [*_told(run), *_left_out(run), f"it is being taken back, asked for by {who}"]
    else:
        words = _applied(run, outcome, on)
    return outcome, " ".join(
        f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}." for sentence in words if sentence
    )


def called_off(incident: Incident, run: Run) -> str | None:
    """Who asked to take the run back while it goes on: then it begins no further step."""
    return next(
        (undo.requested_by for undo in incident.live_runs if undo.undoes == run.id and undo.mode == "undo"),
        None,
    )


def _half(run: Run, on: tuple[Lease, ...]) -> list[str]:
    """What is done and what is not, where a run was stopped in its middle."""
    if not any(step.state != "waiting" for step in run.steps):
        return [*_left_out(run), "nothing of it was begun"]
    again = f"/mx run {run.playbook} begins it anew" if run.mode == "apply" else ""
    back = f"take back what was done with /mx undo {run.playbook}"
    return [*_told(run), *_left_out(run), *_on(on), back, again]


def _outcome(run: Run) -> Outcome:
    states = {step.state for step in run.steps}
    if "failed" in states:
        return "failed"
    if states & {"interrupted", "waiting"} or (not states and run.stopped_by):
        return "interrupted"
    return "inconclusive" if states & {"inconclusive", "skipped"} else "done"


def _applied(run: Run, outcome: Outcome, on: tuple[Lease, ...]) -> list[str]:
    undo = f"Take it back with /mx undo {run.playbook}"
    match outcome:
        case "done":
            return [*_told(run), *_on(on), undo if on else ""]
        case "inconclusive":
            return [*_told(run), *_on(on), f"Judge for yourself whether it helps. {undo}" if on else ""]
        case _ if on:
            return [*_told(run), *_left_out(run), *_on(on), undo]
        case "interrupted":
            return [
                *_told(run),
                *_left_out(run),
                f"To be sure that nothing is left on: /mx undo {run.playbook}",
            ]
        case _:
            again = f"When the cause is settled, /mx run {run.playbook} tries again"
            return [*_told(run), *_left_out(run), "Nothing of it is on", again]


def _taken_back(run: Run, outcome: Outcome, on: tuple[Lease, ...]) -> list[str]:
    if not run.steps:
        return [f"nothing of {run.playbook} was begun, so there was nothing to take back"]
    if outcome == "done":
        return [f"{run.playbook} is taken back", *_told(run)]
    return [
        f"{run.playbook} is not taken back",
        *_told(run),
        *_left_out(run),
        *_on(on),
        f"/mx undo {run.playbook} tries again",
    ]


def _told(run: Run) -> list[str]:
    """What each step said, the ones that went wrong by their number."""
    return [
        step.says if step.state == "done" else f"step {step.index + 1} {step.state}: {step.says}"
        for step in run.steps
        if step.state != "waiting"
    ]


def _left_out(run: Run) -> list[str]:
    waiting = [str(step.index + 1) for step in run.steps if step.state == "waiting"]
    return [f"not done: step {' and '.join(waiting)}"] if waiting else []


def _on(on: tuple[Lease, ...]) -> list[str]:
    return [
        f"on now: {lease.says}" + (f" until {lease.expires_at:%H:%M} UTC" if lease.expires_at else "")
        for lease in on
    ]
