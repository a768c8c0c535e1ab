"""How a run ended, in words: what is on, what was not done, and what to do next. Pure."""

from bot.domain.incident import Incident
from bot.domain.mitigation import Lease
from bot.domain.run import Outcome, Run


def finished(incident: Incident, run: Run) -> tuple[Outcome, str]:
    """The outcome of a run whose steps are over, and the sentences that go with it."""
    outcome = _outcome(run)
    on = tuple(lease for lease in incident.leases if lease.run == (run.undoes or run.id))
    if run.mode == "undo":
        words = _taken_back(run, outcome, on)
    elif (who := called_off(incident, run)) is not None:
        words = [*_told(run), *_left_out(run), f"it is being taken back, asked for by {who}"]
    else:
        words = _applied(run, outcome, on)
    return outcome, " ".join(
        f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}." for sentence in words if sentence
    )


def called_off(incident: Incident, run: Run) -> str | None:
    """Who asked to take the run back while it goes on: then it begins no further step."""
    return next((undo.requested_by for undo in incident.live_runs if undo.undoes == run.id), None)


def _outcome(run: Run) -> Outcome:
    states = {step.state for step in run.steps}
    if "failed" in states:
        return "failed"
    if states & {"interrupted", "waiting"}:
        return "interrupted"
    return "inconclusive" if "inconclusive" in states else "done"


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
