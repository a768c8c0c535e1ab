"""What ``mx run`` does: show the plan, ask once, hand the new key over, see the run through."""

from collections.abc import Mapping
from dataclasses import dataclass

import click
from pydantic import JsonValue, SecretStr

from bot.config import Settings
from bot.domain.incident import Incident
from bot.domain.plan import plan_lines
from bot.domain.telling import some
from bot.engine import Engine
from bot.errors import Refused
from bot.planning import plan
from bot.playbook import Playbook
from bot.playbook_params import read, wrong
from bot.run_rules import Stale, refuse_twice
from bot.verbs.actor import actor
from bot.verbs.following import Following
from bot.verbs.offering import offer, see_through, stopped_at
from bot.verbs.person import Person
from bot.verbs.undoing import nobody_to_ask, tell_going


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed after ``mx run``."""

    playbook: str
    params: Mapping[str, str]
    key: SecretStr | None = None
    only_plan: bool = False
    yes: bool = False


def chosen(settings: Settings, integration: str | None) -> str:
    """The integration that is meant: the named one, else the only one or ``default``. Raises click's BadParameter."""
    names = tuple(settings.integrations)
    found = integration or (names[0] if len(names) == 1 else "default")
    if found not in names:
        problem = f"there is no {integration!r}" if integration else "there are several; name one"
        raise click.BadParameter(
            f"{problem}; configured: {some(names, like=found)}", param_hint="--integration"
        )
    return found


async def carry_out(engine: Engine, person: Person, wish: Wish, *, integration: str) -> int:
    """0 when every step was done, or the plan was all that was wanted, else 1.

    Raises Refused with what to do instead, and click's UsageError for what was typed wrong.
    """
    if wish.key is not None:
        engine.scrub.learn(wish.key.get_secret_value())
    playbook = engine.playbooks.get(wish.playbook)
    if playbook is None:
        left_out = len(engine.playbook_faults)
        raise Refused(
            f"There is no playbook {wish.playbook}. There is: {', '.join(engine.playbooks)}."
            + (" Own ones with faults are left out: mx playbooks check" if left_out else "")
        )
    incident = (await engine.timeline.book()).open_incident(integration)
    if incident is None:
        raise Refused(
            f"There is no open incident for {integration}. `mx triage --record` looks and opens one."
        )
    if wish.only_plan:
        await _show(engine, incident, playbook, await _params(person, playbook, wish.params), now=True)
        return 0
    async with Following.open(engine, person, incident.id) as following:
        going = next(
            (r for r in incident.live_runs if (r.playbook, r.mode) == (playbook.name, "apply")), None
        )
        if going is not None:  # confirmed before: its process may be gone, so this one sees it through
            tell_going(engine, going)
            return await see_through(following, going.id)
        if (code := await _taken_up(following, incident, playbook, yes=wish.yes)) is not None:
            return code
        return await _begun(following, playbook, wish)


async def _taken_up(following: Following, incident: Incident, playbook: Playbook, *, yes: bool) -> int | None:
    """A run that had stopped at a step goes on before another begins; None where another is to begin."""
    run = stopped_at(incident, playbook.name)
    if run is None or run.stuck is None:
        return None
    at = run.requested_at.astimezone(following.engine.settings.bot.zone)
    click.echo(
        f"The run of {playbook.name} that {run.requested_by} asked for at {at:%H:%M %Z} had stopped: {run.says}"
    )
    if yes or not following.person.there:
        click.echo("This starts it anew.")
        return None
    return await offer(following, run, anew=True)


async def _begun(following: Following, playbook: Playbook, wish: Wish) -> int:
    """Show the plan until it is confirmed as it is, then begin and see it through."""
    engine, key = following.engine, wish.key
    _refuse_key(playbook, key)
    params = await _params(following.person, playbook, wish.params)
    while True:
        incident = (await engine.timeline.book()).incident(following.incident)
        assert incident is not None
        fingerprint = await _show(engine, incident, playbook, params)
        refuse_twice(incident, playbook.name, zone=engine.settings.bot.zone)
        if not wish.yes:
            if not following.person.there:
                raise nobody_to_ask("done")
            if not await following.person.agrees("Do this?"):
                raise click.Abort
        try:
            run = await _requested(
                engine, incident, playbook, params=params, fingerprint=fingerprint, key=key
            )
        except Stale as changed:
            if wish.yes or not following.person.there:
                raise
            click.echo(str(changed))
            continue
        return await see_through(following, run)


async def _requested(
    engine: Engine,
    incident: Incident,
    playbook: Playbook,
    *,
    params: Mapping[str, JsonValue],
    fingerprint: str,
    key: SecretStr | None,
) -> str:
    """The id of the run; a key that was handed over for one that is refused is forgotten."""
    ticket = engine.handover.give(key) if key is not None else None
    try:
        done = await engine.incidents.request_run(
            incident.integration,
            playbook.name,
            actor=actor(),
            fingerprint=fingerprint,
            params=params,
            ticket=ticket,
        )
    except BaseException:
        if ticket is not None:
            engine.handover.drop(ticket)
        raise
    click.echo(done.says)
    assert done.event is not None
    return str(done.event.fact.run)  # type: ignore[union-attr] # a request for a run was appended


async def _show(
    engine: Engine,
    incident: Incident,
    playbook: Playbook,
    params: Mapping[str, JsonValue],
    *,
    now: bool = False,
) -> str:
    """Print the plan; its fingerprint. ``now``: also what stands in its way now."""
    shown = await plan(playbook, engine.steps, incident=incident, actor=actor(), params=params)
    for line in plan_lines(shown):
        click.echo(line)
    click.echo(f"Who may: {who_may(engine.settings, playbook)}")
    if playbook.needs_key:
        click.echo("It takes a new API key: --key-file FILE, or --key-file - for standard input")
    if now:
        try:
            refuse_twice(incident, playbook.name, zone=engine.settings.bot.zone)
        except Refused as refusal:
            click.echo(f"Note: {refusal}")
        click.echo("Nothing was done: this is the plan alone.")
    return shown.fingerprint


def who_may(settings: Settings, playbook: Playbook) -> str:
    """Who may run it: from Slack as the settings say, from this terminal whoever may use it."""
    people = settings.bot.people
    named = people.approvers if playbook.who == "approvers" else (*people.responders, *people.approvers)
    if not (people.responders or people.approvers):
        return "members of the incident's channel; none are configured"
    return f"{playbook.who} ({', '.join(dict.fromkeys(named)) or 'nobody is configured'})"


def _refuse_key(playbook: Playbook, key: SecretStr | None) -> None:
    if key is None and playbook.needs_key:
        raise Refused(
            f"Nothing was done: {playbook.name} needs the new API key. Give it with "
            f"mx run {playbook.name} --key-file FILE, or --key-file - for standard input."
        )
    if key is not None and not playbook.needs_key:
        raise click.BadParameter(f"{playbook.name} takes no key; leave it out", param_hint="--key-file")


async def _params(person: Person, playbook: Playbook, typed: Mapping[str, str]) -> dict[str, JsonValue]:
    """Every parameter's value; what has no default and was not given is asked for, where somebody can be asked."""
    given: dict[str, JsonValue] = dict(typed)
    for one in playbook.params:
        while person.there and one.default is None and (one.name not in given or given[one.name] == ""):
            hint = f" ({', '.join(one.choices)})" if one.choices else f" ({one.type})"
            answer = await person.line(f"{one.title}{hint}: ")
            if fault := wrong((one,), {one.name: answer}).get(one.name):
                click.echo(fault)
            else:
                given[one.name] = answer
    try:
        return read(playbook.params, given)
    except Refused as fault:
        raise click.BadParameter(f"{fault}. Write --param NAME=VALUE", param_hint="--param") from None
