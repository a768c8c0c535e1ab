"""``mx resolve``: call the incident over by the same proof as ``/mx resolve``."""

import asyncio
import sys

import click

from bot import config
from bot.clock import SystemClock
from bot.domain.watching import RecoveryChecked, VerifyRequested
from bot.ending import AFTERWARDS
from bot.engine import Engine, open_engine
from bot.errors import OutsideError, Refused
from bot.gateway_watch import Watch
from bot.proving import verifier_of
from bot.verbs.actor import actor
from bot.verbs.proof_view import CODES, as_lines
from bot.verbs.reading import there
from bot.verbs.saying import meant, typed
from bot.verifier import Verifier

PATIENCE_S = 60.0
"""How long the running bot is waited for."""
_LOOK_S = 1.0
_GATEWAY_S = 3.0


@click.command("resolve")
@click.argument("words", nargs=-1, metavar="[anyway REASON]")
@click.option("--integration", help="Whose incident, where several are open.")
def command(words: tuple[str, ...], integration: str | None) -> None:
    """Call the incident over, if recovery is proved; `anyway REASON` accepts what is open in your name.

    Exits with 0 when it is resolved, 1 when something stands in the way, 4 when there is no traffic to judge recovery by,
    2 for what was typed wrong.
    """
    if words and (words[0] != "anyway" or len(words) == 1):
        raise click.UsageError("resolve takes no words, or anyway and a reason")
    settings = config.load()
    there(settings.bot.database)
    reason = " ".join(words[1:]) or None

    async def run() -> int:
        async with open_engine(settings, clock=SystemClock()) as engine:
            name = meant(settings, await engine.timeline.book(), integration)
            try:
                return await _resolve(engine, name, reason)
            except Refused as refused:
                raise Refused(typed(str(refused))) from None

    sys.exit(asyncio.run(run()))


async def _resolve(engine: Engine, name: str, reason: str | None) -> int:
    zone = engine.settings.bot.zone
    watch = Watch(engine.timeline, engine.gateway, clock=engine.clock, integration=engine.settings.served)
    look = await watch.fresh(name, within_s=_GATEWAY_S)
    done = await engine.incidents.resolve(
        name,
        actor=actor(),
        anyway_reason=reason,
        at_gateway=look.held_back(zone) if look else (),
        remark=look.remark if look else "",
    )
    click.echo(typed(done.says))
    if done.event is None or not isinstance(done.event.fact, VerifyRequested):
        return 0
    checked = await _answered(
        engine, verifier_of(engine, watch), done.event.fact.request, stream=done.event.stream
    )
    click.echo(typed(f"{checked.says}."))
    for line in as_lines(checked.lines):
        click.echo(typed(line))
    incident = (await engine.timeline.book()).incident(done.event.stream)
    if incident is not None and not incident.open:
        click.echo(typed(AFTERWARDS))
        return 0
    return CODES[checked.verdict] or 1


async def _answered(engine: Engine, verifier: Verifier, request: str, *, stream: str) -> RecoveryChecked:
    """What the leader found; leads here where nobody does. Raises OutsideError where a bot that leads says nothing."""
    clock = engine.clock
    end = clock.monotonic() + PATIENCE_S
    try:
        while True:
            head = (await engine.timeline.book()).head.seq
            for event in reversed(await engine.timeline.history(stream)):
                if isinstance(event.fact, RecoveryChecked) and event.fact.request == request:
                    return event.fact
            if await engine.term.lead():
                await verifier.step()
            elif clock.monotonic() > end:
                raise OutsideError(
                    f"waiting for the running bot to look: nothing came in {PATIENCE_S:.0f} s; look at its log and at "
                    "/readyz, then ask again"
                )
            else:
                await engine.timeline.changed(head, timeout_s=_LOOK_S)
    finally:
        engine.term.release()
