"""``mx status``: what is open, who has it, what is switched on, and what waits at the gateway."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime

import click
from pydantic import JsonValue

from bot import config
from bot.clock import SystemClock
from bot.domain.calendar import Calendar
from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.domain.response import due, holds_until, missed
from bot.domain.telling import hour, moment
from bot.engine import Engine, open_engine
from bot.gateway_watch import Watch
from bot.verbs.reading import there

_GATEWAY_S = 1.2


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--integration", help="Of this one alone; without it, of all.")
def command(integration: str | None, *, as_json: bool) -> None:
    """Print what is open, and what waits at the gateway. Exits with 0, open or not; works with and without a bot."""
    settings = config.load()
    there(settings.bot.database)

    async def run() -> None:
        async with open_engine(settings, clock=SystemClock()) as engine:
            found = [
                one
                for one in (await engine.timeline.book()).open_incidents()
                if integration in (None, one.integration)
            ]
            waits = await _waits(engine)
        if as_json:
            rows = [_row(one, settings.bot.calendar) for one in found]
            click.echo(json.dumps({"incidents": rows, "gateway": list(waits)}, indent=2))
            return
        lines = [line for one in found for line in (*_lines(one, settings.bot.duty), "")]
        if not found:
            lines = ["No incident is open. To look at both sides now: mx triage", ""]
        click.echo("\n".join([*lines, *waits]).rstrip())

    asyncio.run(run())


async def _waits(engine: Engine) -> tuple[str, ...]:
    """What waits at the gateway; that it does not answer is told only where something is known to wait there."""
    served = engine.settings.served
    watch = Watch(engine.timeline, engine.gateway, clock=engine.clock, integration=served)
    look = await watch.fresh(served, within_s=_GATEWAY_S)
    return look.unmet(engine.settings.bot.zone) if look else ()


def _lines(incident: Incident, duty: Duty) -> Iterator[str]:
    zone = duty.zone
    severity = str(incident.severity or "no severity")
    drill = " · DRILL" if incident.drill else ""
    yield f"{incident.id} · {incident.integration} · {severity}{drill} · {_symptom(incident)}"
    if incident.acknowledged_by and incident.acknowledged_at:
        had = f"{incident.acknowledged_by}, since {hour(incident.acknowledged_at, zone)}"
        yield f"  Who has it: {had}{_holds(incident, duty)}"
    else:
        by = due(incident, duty.calendar)
        words = "response missed at" if by and missed(incident, by) else "respond by"
        until = f"; {words} {moment(by, zone, beside=incident.opened_at)}" if by else ""
        yield f"  Who has it: nobody yet{until}. To take it: mx ack"
    if incident.override:
        yield f"  {severity} by {incident.override.actor}: {incident.override.reason}"
    if snooze := incident.oncall.snooze:
        yield f"  Quiet until {hour(snooze.until, zone)} by {snooze.by}: {snooze.reason}"
    for lease in incident.leases:
        end = f", until {hour(lease.expires_at, zone)}" if lease.expires_at else ""
        yield f"  On: {lease.says} ({lease.playbook}), by {lease.owner}{end}"
    for run in incident.live_runs:
        yield f"  Under way: {run.playbook}, asked for by {run.requested_by}"
    if incident.gaps:
        since = min(gap.since for gap in incident.gaps)
        yield f"  Data may be missing since {hour(since, zone)}: {', '.join(gap.name for gap in incident.gaps)}"
    yield f"  Opened {moment(incident.opened_at, zone, beside=incident.opened_at)}. All of it: mx timeline {incident.id}"


def _holds(incident: Incident, duty: Duty) -> str:
    """Until when, without a further sign."""
    until = holds_until(incident, duty.lapses)
    if until is None:
        return ""
    at = moment(until, duty.zone, beside=incident.opened_at)
    return f"; to confirm by {at}: mx ack" if incident.oncall.lapses_at else f", until {at} without a sign"


def _symptom(incident: Incident) -> str:
    found = incident.assessment
    if found is None:
        return "not looked at yet"
    return found.findings[0].symptom if found.findings else "every probe answers well again"


def _row(incident: Incident, calendar: Calendar) -> JsonValue:
    return {
        "incident": incident.id,
        "integration": incident.integration,
        "severity": str(incident.severity) if incident.severity else None,
        "drill": incident.drill,
        "says": _symptom(incident),
        "opened_at": incident.opened_at.isoformat(),
        "acknowledged_by": incident.acknowledged_by,
        "respond_by": _iso(due(incident, calendar)),
        "snoozed_until": _iso(incident.oncall.snooze.until if incident.oncall.snooze else None),
        "on": [lease.playbook for lease in incident.leases],
        "running": [run.playbook for run in incident.live_runs],
        "gaps": [gap.name for gap in incident.gaps],
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
