"""What ``mx run`` and ``mx undo`` share: show the plan, ask once, follow the run to its end."""

import asyncio
import sys
from typing import Literal, NoReturn

import click

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.domain.book import Book
from bot.domain.incident import Incident
from bot.domain.plan import plan_lines
from bot.domain.run import Run
from bot.engine import Engine, open_engine
from bot.errors import Refused
from bot.planning import plan
from bot.ports import Clock
from bot.verbs.actor import actor
from bot.verbs.leading import settle
from bot.verbs.reading import there

PATIENCE_S = 900.0


def chosen(settings: Settings, integration: str | None) -> str:
    """The integration that is meant: the named one, else the only one or ``default``. Raises click's BadParameter."""
    names = tuple(settings.integrations)
    found = integration or (names[0] if len(names) == 1 else "default")
    if found not in names:
        problem = f"there is no {integration!r}" if integration else "there are several; name one"
        raise click.BadParameter(f"{problem}; configured: {', '.join(names)}", param_hint="--integration")
    return found


def to_the_end(
    integration: str | None, *, playbook: str, mode: Literal["apply", "undo"], yes: bool
) -> NoReturn:
    """What both verbs do; exits with 0 when every step was done, 1 otherwise."""
    settings = config.load()
    name = chosen(settings, integration)
    sys.exit(asyncio.run(carry_out(settings, SystemClock(), name, playbook=playbook, mode=mode, yes=yes)))


async def carry_out(
    settings: Settings,
    clock: Clock,
    integration: str,
    *,
    playbook: str,
    mode: Literal["apply", "undo"],
    yes: bool,
) -> int:
    """0 when every step was done, else 1. Raises Refused with what to do instead."""
    there(settings.bot.database)
    async with open_engine(settings, clock=clock) as engine:
        if playbook not in engine.playbooks:
            raise Refused(f"There is no playbook {playbook}. There is: {', '.join(engine.playbooks)}.")
        incident = (await engine.timeline.book()).open_incident(integration)
        if incident is None:
            raise Refused(
                f"There is no open incident for {integration}. `mx triage --record` looks and opens one."
            )
        going = next((r for r in incident.live_runs if (r.playbook, r.mode) == (playbook, mode)), None)
        if (
            going is not None
        ):  # asked for and confirmed before: its process may be gone, so this one sees it through
            at = going.requested_at.astimezone(settings.bot.zone)
            click.echo(f"{playbook} is going already: {going.requested_by} asked for it at {at:%H:%M %Z}.")
            return await _follow(engine, incident.id, going.id)
        fingerprint = await _confirmed(engine, incident, playbook, mode=mode, yes=yes)
        ask = engine.incidents.request_run if mode == "apply" else engine.incidents.request_undo
        done = await ask(integration, playbook, actor=actor(), fingerprint=fingerprint)
        click.echo(done.says)
        assert done.event is not None
        run_id = done.event.fact.run  # type: ignore[union-attr] # a request for a run was appended
        return await _follow(engine, incident.id, run_id)


async def _confirmed(
    engine: Engine, incident: Incident, playbook: str, *, mode: Literal["apply", "undo"], yes: bool
) -> str:
    found = engine.playbooks[playbook]
    undoes = _on(incident, playbook) if mode == "undo" else None
    shown = await plan(found, engine.steps, incident=incident, actor=actor(), mode=mode, undoes=undoes)
    for line in plan_lines(shown):
        click.echo(line)
    if not yes:
        if not sys.stdin.isatty():
            raise Refused(
                "Nothing was done: this is no terminal to confirm in. Add --yes to act without being asked."
            )
        click.confirm("Do this?", abort=True)
    return shown.fingerprint


def _on(incident: Incident, playbook: str) -> str:
    run = next((lease.run for lease in reversed(incident.leases) if lease.playbook == playbook), None)
    run = run or next(
        (r.id for r in reversed(incident.runs) if r.playbook == playbook and r.mode == "apply"), None
    )
    if run is None:
        raise Refused(f"{playbook} is not switched on in {incident.id}; there is nothing to undo.")
    return run


async def _follow(engine: Engine, incident: str, run_id: str) -> int:
    told: set[tuple[int, str]] = set()

    def run_in(book: Book) -> Run | None:
        found = book.incident(incident)
        return found.run(run_id) if found else None

    def done(book: Book) -> bool:
        run = run_in(book)
        if run is None:
            return False
        for step in run.steps:
            if (step.index, step.state) not in told and step.says:
                told.add((step.index, step.state))
                click.echo(f"  {step.index + 1}. {step.state}: {step.says}")
        return not run.live

    try:
        await settle(
            engine, done=done, advance=lambda: engine.runner.advance(incident), patience_s=PATIENCE_S
        )
    except asyncio.CancelledError:
        click.echo(
            "\nYou stopped watching; what is on stays on. A running bot carries on by itself; without one, the same "
            "command carries on, and `mx undo` takes it back.",
            err=True,
        )
        raise
    run = run_in(await engine.timeline.book())
    assert run is not None
    click.echo(run.says)
    return 0 if run.outcome == "done" else 1
