"""Who is woken: each pager in the order of escalation, what comes back from PagerDuty, the dead-man's switch."""

from bot.config import Settings
from bot.engine import pagers_of
from bot.ports import Clock
from bot.verbs.doctoring.check import Check, note


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """Nothing is sent: a doctor that wakes people is not asked twice."""
    return [*_pagers(settings, clock), *_back(settings), _switch(settings)]


def _pagers(settings: Settings, clock: Clock) -> list[Check]:
    pagers = pagers_of(settings.bot.pages, clock)
    if not pagers:
        return [
            note(
                "pagers",
                "none is set: nobody is woken, whatever happens",
                "set PAGERDUTY_ROUTING_KEY, or page_url in mx.toml for any other pager",
            )
        ]
    since = settings.bot.pages.page_from
    return [
        Check(
            f"pager, level {level}",
            f"{pager.name} is set, from {since} on; it was sent nothing now. To try it: mx page --test",
        )
        for level, pager in enumerate(pagers, start=1)
    ]


def _back(settings: Settings) -> list[Check]:
    if not settings.bot.pages.routing_keys:
        return []
    if settings.bot.pages.webhook_secrets:
        where = f"{settings.bot.public_url or 'https://YOUR-HOST'}/pagerduty/webhook"
        return [Check("PagerDuty's webhook", f"its secret is set; subscribe {where}")]
    return [
        note(
            "PagerDuty's webhook",
            "no secret is set: an acknowledgement in PagerDuty does not show on the card",
            "add a webhook subscription (v3) for /pagerduty/webhook in PagerDuty, and set PAGERDUTY_WEBHOOK_SECRET",
        )
    ]


def _switch(settings: Settings) -> Check:
    if settings.bot.watching.dead_mans_switch_url:
        return Check("dead-man's switch", "set; pinged while every page that was due was sent")
    return note(
        "dead-man's switch",
        "none is set: nobody hears of it when mx itself dies",
        "set dead_mans_switch_url in mx.toml to an address that alarms when its pings stop",
    )
