"""The pages of incidents, put together: what the engine knows, with the names that Slack knows."""

from dataclasses import dataclass

from aiohttp import web

from bot.engine import Engine
from bot.slack.names import Names
from bot.slackside import SlackSide
from bot.templating import Templates
from bot.web.drawing import Drawing
from bot.web.filling import Filling
from bot.web.incidents import routes
from bot.web.live import Live
from bot.web.people import People


@dataclass(frozen=True, slots=True)
class PagesSide:
    """The routes, and the news for the pages that are open."""

    routes: list[web.RouteDef]
    live: Live

    async def close(self, _app: web.Application) -> None:
        """End every open stream, so that the process need not wait for them."""
        self.live.close()


def pages_side(engine: Engine, slack: SlackSide) -> PagesSide:
    """Make them; nothing runs yet."""
    clock, duty = engine.clock, engine.settings.bot.duty
    templates = Templates(engine.settings.bot.templates)
    names = Names(slack.chat)
    people = People(names.learn, names, clock=clock)
    live = Live(engine.timeline, clock)
    made = routes(
        engine.timeline,
        clock,
        links=engine.links.pages,
        public_url=engine.settings.bot.public_url,
        live=live,
        people=people,
        duty=duty,
        permalink=engine.links.message,
        fill=Filling(templates),
        draw=Drawing(engine.lanes, templates, clock, duty=duty, people=people),
    )
    return PagesSide(made, live)
