"""A run that a step has stopped: the person at the terminal tries again, passes over, takes back, or leaves it."""

import click

from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.verbs.actor import actor
from bot.verbs.following import Following
from bot.verbs.undoing import take_back

_CHOICES = {
    "retry": "try that step again, then the rest",
    "skip": "pass it over, with a reason that stands in the report, then the rest",
    "undo": "take back what was done",
    "leave": "leave all as it is",
}
_ANEW = "start it anew, from its first step"


def stopped_at(incident: Incident, playbook: str) -> Run | None:
    """The latest run of this playbook, where a step has stopped it and nobody has taken it back."""
    runs = [run for run in incident.runs if run.playbook == playbook and run.mode == "apply"]
    if not runs or runs[-1].stuck is None:
        return None
    undone = any(run.undoes == runs[-1].id and run.mode == "undo" for run in incident.runs)
    return None if undone else runs[-1]


async def see_through(following: Following, run_id: str) -> int:
    """Follow a run to its end, and ask what becomes of it where a step stops it; 0 when all of it was done."""
    while True:
        run = await following.to_the_end(run_id)
        if run is None:
            return 1
        click.echo(run.says)
        if run.outcome == "done":
            return 0
        if run.stuck is None:
            return 1
        code = await offer(following, run)
        if code is not None:
            return code


async def offer(following: Following, run: Run, *, anew: bool = False) -> int | None:
    """What becomes of a run that a step has stopped: the exit code, or None where it (or, with ``anew``, another) begins.

    Raises Refused, by what somebody else did meanwhile.
    """
    index = run.stuck
    assert index is not None
    if not following.person.there:
        click.echo(
            f"Step {index + 1} stopped it. To try it again or pass it over: `mx run {run.playbook}` in a terminal, or "
            f"the buttons on the card. To take back what was done: `mx undo {run.playbook}`.",
            err=True,
        )
        return 1
    choices = _CHOICES | ({"anew": _ANEW} if anew else {})
    question = following.person.chooses(f"Step {index + 1} stopped it. What now?", choices)
    match await following.answered(question, run.id, moot=lambda run: run.live):
        case "retry" | "skip" as action:
            reason = await _why(following) if action == "skip" else ""
            incident, _ = await following.now(run.id)
            done = await following.engine.steering.resume(
                incident.integration, run.id, action, actor=actor(), reason=reason
            )
            click.echo(done.says)
            return await see_through(following, run.id) if anew else None
        case "undo":
            await take_back(following, run, yes=False)
            return 1  # what was asked for is not done
        case "leave":
            click.echo(
                f"Left as it is. Later: `mx run {run.playbook}` asks again, `mx undo {run.playbook}` takes it back."
            )
            return 1
        case "anew":
            return None
        case _:  # somebody else has taken it up again
            return await see_through(following, run.id) if anew else None


async def _why(following: Following) -> str:
    while not (reason := await following.person.line("Why is it passed over? ")):
        click.echo("It needs a reason: it stands in the report.")
    return reason
