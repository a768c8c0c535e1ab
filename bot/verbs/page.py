"""``mx page --test``: a real page to every configured pager, and its end, so that the first one is no surprise."""

import asyncio
import secrets
import sys
from collections.abc import Iterator

import click

from bot import config
from bot.clock import SystemClock
from bot.config import Settings
from bot.engine import pagers_of
from bot.errors import OutsideError
from bot.pagers.webhook import WebhookPager
from bot.ports import Page, Pager
from bot.steps.page import SET
from bot.verbs.actor import actor

WAITS_S = (1.0,)
"""Before a second try: somebody sits there and reads."""


@click.command("page")
@click.option("--test", is_flag=True, help="Send a test page, of severity info, and end it again.")
@click.option(
    "--pager", type=click.IntRange(min=1), help="Only this one, counted from 1 in the order of escalation."
)
def command(*, test: bool, pager: int | None) -> None:
    """Send a test page to every configured pager, and end it. Needs neither Slack nor the running bot.

    Exits with 0 when all took it, 1 when one did not, 2 when there is none to page.
    """
    if not test:
        raise click.UsageError("mx page sends test pages alone: mx page --test")
    settings = config.load()
    pagers = pagers_of(settings.bot.pages, SystemClock(), waits_s=WAITS_S)
    if not pagers:
        click.echo(f"mx: no pager is configured: {SET}", err=True)
        sys.exit(2)
    if pager is not None and pager > len(pagers):
        raise click.UsageError(f"there is no pager {pager}; configured: {len(pagers)}")
    chosen = [(level, one) for level, one in enumerate(pagers, start=1) if pager in {None, level}]

    async def run() -> bool:
        good = True
        for level, one in chosen:
            ok, says = await tried(one)
            good = good and ok
            click.echo(f"{'ok ' if ok else 'fix'} {one.name} (pager {level} of {len(pagers)}): {says}")
        return good

    sys.exit(0 if asyncio.run(run()) else 1)


async def tried(pager: Pager) -> tuple[bool, str]:
    """Page and end it, under a key of its own; whether both were taken, and what was said."""
    page = Page(
        dedup=f"maintainx:test:{secrets.token_hex(6)}",
        summary="A test page from mx: nothing is wrong, and nothing is to be done",
        severity="info",
        source="mx page --test",
        details={"paged by": actor()},
    )
    try:
        paged = await pager.page(page)
    except OutsideError as error:
        return False, str(error)
    try:
        return True, f"{paged}; {await pager.end(page.dedup)}"
    except OutsideError as error:
        return False, f"{paged}, but its end was not taken, so close it by hand: {error}"


def configured_pagers(settings: Settings) -> Iterator[tuple[str, str, str | None]]:
    """For ``mx doctor``, a line for each pager: which, what was found, and the next move or None where all is well."""
    pagers = pagers_of(settings.bot.pages, SystemClock())
    if not pagers:
        yield "pagers", "none: nobody is woken, whatever happens", SET
    for level, one in enumerate(pagers, start=1):
        what = f"pager {level}"
        faults = one.faults if isinstance(one, WebhookPager) else ()
        for fault in faults:
            yield what, f"{one.name}: {fault}", "correct the template, then: mx page --test"
        if not faults:
            yield what, f"{one.name}; to try it: mx page --test --pager {level}", None
    if settings.bot.pages.routing_keys and not settings.bot.pages.webhook_secrets:
        found = "what somebody acknowledges in PagerDuty does not reach mx"
        move = "make a v3 webhook subscription to /pagerduty/webhook, and set PAGERDUTY_WEBHOOK_SECRET"
        yield "PagerDuty's webhooks", found, move
