"""Everything under ``/incidents``, put together: the pages, their streams, their styles and scripts."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.domain.reminders import Duty
from bot.errors import StoreError
from bot.page_links import PageLinks
from bot.ports import Clock
from bot.timeline import Timeline
from bot.web import static_files
from bot.web.entry import HEADERS, Entry, Fill
from bot.web.incident_list import IncidentList
from bot.web.incident_page import Draw, IncidentPage
from bot.web.lines import Permalink
from bot.web.live import Live
from bot.web.people import People

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(
    timeline: Timeline,
    clock: Clock,
    *,
    links: PageLinks,
    public_url: str | None,
    live: Live,
    people: People,
    duty: Duty,
    permalink: Permalink,
    fill: Fill,
    draw: Draw,
) -> list[web.RouteDef]:
    """Every route of them. ``live`` is followed by the composition root, and closed when the process stops."""
    entry = Entry(links, public_url=public_url, fill=fill)
    of_one = IncidentPage(
        timeline,
        clock,
        entry=entry,
        live=live,
        people=people,
        duty=duty,
        permalink=permalink,
        fill=fill,
        draw=draw,
    )
    of_all = IncidentList(timeline, clock, entry=entry, people=people, duty=duty, fill=fill)
    found = [of_all.route(), *of_one.routes()]
    return [*(_patient(one) for one in found), static_files.route()]


def _patient(route: web.RouteDef) -> web.RouteDef:
    """The route, with a sentence where the timeline cannot be read."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            made: web.StreamResponse = await route.handler(request)
        except StoreError:
            said = "The timeline cannot be read at the moment; /readyz and mx doctor say why. Load this page again."
            return web.Response(status=503, text=said, headers={**HEADERS, "Retry-After": "5"})
        return made

    return web.RouteDef(route.method, route.path, handler, route.kwargs)
