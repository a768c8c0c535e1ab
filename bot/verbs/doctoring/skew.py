"""Whether this machine's clock is right, by the Date header of whoever answers: Slack refuses signatures of minutes ago."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from bot.config import Settings
from bot.ports import Clock
from bot.verbs.doctoring.check import Check, note

MOST_S = 30.0
"""Slack's signatures and PagerDuty's die after five minutes, and every deadline is a time of day."""

_DEADLINE_S = 5.0
_ASKED = 3


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """One line: how far this machine is from whoever told the time."""
    urls = _urls(settings)
    async with httpx.AsyncClient(timeout=_DEADLINE_S) as http, asyncio.TaskGroup() as group:
        tasks = {host: group.create_task(_ahead_s(http, url, clock)) for host, url in urls.items()}
    told = {host: ahead for host, task in tasks.items() if (ahead := task.result()) is not None}
    if not told:
        move = "open the way out, or compare this machine's clock yourself (timedatectl)"
        return [note("clock", f"none of {', '.join(urls)} told the time", move)]
    # Slack's time counts, since its signatures are checked by it; of others the nearest, for one may itself be wrong.
    slack = urlsplit(settings.slack.api_url).netloc if settings.slack else ""
    host, ahead = min(told.items(), key=lambda one: (one[0] != slack, abs(one[1])))
    said = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {host}"
    if abs(ahead) > MOST_S:
        move = "set this machine's clock and keep it by NTP (timedatectl set-ntp true): signatures of five minutes ago are refused"
        return [Check("clock", said, move)]
    return [Check("clock", f"right to the second, by {host}" if abs(ahead) < 2 else said)]  # noqa: PLR2004 - the header has whole seconds


def _urls(settings: Settings) -> Mapping[str, str]:
    """By host: Slack, MaintainX, its status page; asked without any key."""
    found = [settings.slack.api_url + "api.test"] if settings.slack else []
    integrations = list(settings.integrations.values())[:_ASKED]
    found += [one.base_url for one in integrations] + [one.status_url for one in integrations]
    return {urlsplit(url).netloc: url for url in reversed(found)}


async def _ahead_s(http: httpx.AsyncClient, url: str, clock: Clock) -> float | None:
    """Seconds that this machine's clock is ahead of the answer's Date, which has whole seconds; None: not told."""
    try:
        before = clock.now()
        answer = await http.get(url)
        after = clock.now()
    except (httpx.HTTPError, OSError):
        return None
    date = _date(answer.headers.get("Date", ""))
    if date is None or answer.headers.get("Age", "0") != "0":
        return None  # not told, or the time at which some cache kept it
    middle = before + (after - before) / 2
    return (middle - date).total_seconds() - 0.5


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
