"""The watch and the clocks: what is watched and how often, whether mx sees that it is online, the team's calendar."""

import asyncio
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from bot.config import Settings
from bot.domain.calendar import WEEK, Calendar
from bot.ports import Clock
from bot.verbs.doctoring.check import Check, note

_ONLINE_S = 5.0
_YEAR = 366


async def checks(settings: Settings, clock: Clock) -> list[Check]:
    """The monitor, the addresses by which it knows that it is online, the calendar."""
    return [_monitor(settings), *await _online(settings), _calendar(settings.bot.calendar, clock)]


def _monitor(settings: Settings) -> Check:
    integrations = settings.integrations.values()
    watched = [one for one in integrations if one.watch]
    if not watched:
        return note(
            "monitor",
            "watches nothing: an outage is found by a person, or not at all",
            "take watch = false out of mx.toml",
        )
    paces = Counter((one.interval_s, one.interval_open_s) for one in watched)
    (interval, interval_open), many = paces.most_common(1)[0]
    others = f"; {len(watched) - many} on other intervals" if many < len(watched) else ""
    off = len(settings.integrations) - len(watched)
    unwatched = f"; {off} not watched" if off else ""
    said = (
        f"watches {len(watched):,} of {len(settings.integrations):,}, every {interval:g} s, "
        f"and every {interval_open:g} s while an incident is open{others}{unwatched}"
    )
    return Check("monitor", said)


async def _online(settings: Settings) -> list[Check]:
    urls = settings.bot.watching.online_urls
    if not urls:
        return [
            note(
                "online",
                "not checked: with mx itself offline MaintainX is blamed, and somebody is woken",
                "take online_urls = [] out of mx.toml",
            )
        ]
    async with httpx.AsyncClient(timeout=_ONLINE_S) as http, asyncio.TaskGroup() as group:
        tasks = [group.create_task(_answers(http, url)) for url in urls]
    answers = [url for url, task in zip(urls, tasks, strict=True) if task.result()]
    hosts = [urlsplit(url).netloc for url in urls]
    if answers:
        silent = [urlsplit(url).netloc for url in urls if url not in answers]
        more = f"; {', '.join(silent)} did not" if silent else ""
        return [Check("online", f"{', '.join(urlsplit(url).netloc for url in answers)} answered{more}")]
    return [
        Check(
            "online",
            f"none of {', '.join(hosts)} answered: each bad round would be taken for mx itself being offline",
            "open the way there (HTTPS_PROXY, the firewall), or name in online_urls what can be reached from here",
        )
    ]


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        await http.get(url)
    except (httpx.HTTPError, OSError):
        return False
    return True


def _calendar(calendar: Calendar, clock: Clock) -> Check:
    now = clock.now()
    days = ", ".join(WEEK[day] for day in sorted(calendar.days))
    opens = calendar.next_business_day(now).astimezone(calendar.zone)
    today = now.astimezone(calendar.zone).date()
    closed = next((day for n in range(_YEAR) if (day := today + timedelta(days=n)) in calendar.closed), None)
    holidays = f"the next holiday is {closed:%a %d %b %Y}" if closed else "without holidays"
    said = (
        f"{calendar.zone.key}, {days} {calendar.opens:%H:%M} to {calendar.closes:%H:%M}, {holidays}; "
        f"the next business day opens {opens:%a %d %b %H:%M %Z}"
    )
    unset = [
        name
        for name, missing in (("MX_TIMEZONE", calendar.zone.key == "UTC"), ("holidays", closed is None))
        if missing
    ]
    if unset:
        return note("calendar", said, f"where the team is elsewhere than that: set {' and '.join(unset)}")
    return Check("calendar", said)
