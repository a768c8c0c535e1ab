"""Takes a run back from a terminal: its plan, one question, and the undo to its end."""

import sys

import click

from bot.domain.incident import Incident
from bot.domain.plan import plan_lines
from bot.domain.run import Run
from bot.engine import Engine
from bot.errors import Refused
from bot.planning import plan, remembered
from bot.run_rules import Stale, refuse_undo, run_to_undo
from bot.verbs.actor import actor
from bot.verbs.following import Following
from bot.verbs.person import Person


async def undo(engine: Engine, person: Person, *, integration: str, wanted: str, yes: bool) -> int:
    """Take back the run that is meant (a playbook's name or a run's id); 0 when all of it was. Raises Refused."""
    incident, undone = run_to_undo(await engine.timeline.book(), integration, wanted)
    async with Following.open(engine, person, incident.id) as following:
        going = next(
            (run for run in incident.live_runs if (run.mode, run.undoes) == ("undo", undone.id)), None
        )
        if going is None:
            return await take_back(following, undone, yes=yes)
        tell_going(engine, going, "The undo of ")
        return await _end(following, going.id)


async def take_back(following: Following, undone: Run, *, yes: bool) -> int:
    """Show the plan of the undo, ask, and see it through; 0 when all of it was taken back. Raises Refused."""
    engine = following.engine
    while True:
        incident, undone = await following.now(undone.id)
        refuse_undo(incident, undone, zone=engine.settings.bot.zone)
        fingerprint = await _confirmed(following, incident, undone, yes=yes)
        if fingerprint is None:
            return 1
        try:
            done = await engine.incidents.request_undo(
                incident.integration, undone.id, actor=actor(), fingerprint=fingerprint
            )
        except Stale as changed:
            if yes or not following.person.there:
                raise
            click.echo(str(changed))
            continue
        click.echo(done.says)
        assert done.event is not None
        return await _end(following, done.event.fact.run)  # type: ignore[union-attr] # a request was appended


def tell_going(engine: Engine, run: Run, what: str = "") -> None:
    """Who asked for it, and when."""
    at = run.requested_at.astimezone(engine.settings.bot.zone)
    click.echo(f"{what}{run.playbook} is going already: {run.requested_by} asked for it at {at:%H:%M %Z}.")


def nobody_to_ask(doing: str) -> Refused:
    """Why nothing is done where nobody can be asked."""
    words = (
        "this is no terminal to confirm in"
        if not sys.stdin.isatty()
        else "there is no terminal beside the standard input that brought the key"
    )
    return Refused(f"Nothing was {doing}: {words}. Add --yes to act without being asked.")


async def _confirmed(following: Following, incident: Incident, undone: Run, *, yes: bool) -> str | None:
    engine = following.engine
    chosen = engine.playbooks.get(undone.playbook) or remembered(undone)
    shown = await plan(chosen, engine.steps, incident=incident, actor=actor(), mode="undo", undoes=undone.id)
    for line in plan_lines(shown):
        click.echo(line)
    if yes:
        return shown.fingerprint
    if not following.person.there:
        raise nobody_to_ask("done")
    if not await following.person.agrees("Do this?"):
        click.echo("Nothing was done.")
        return None
    return shown.fingerprint


async def _end(following: Following, run_id: str) -> int:
    run = await following.to_the_end(run_id)
    if run is None:
        return 1
    click.echo(run.says)
    return 0 if run.outcome == "done" else 1
