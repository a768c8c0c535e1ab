"""A workspace with a channel, two members, and the raw client and app around it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from bot.demo.slack.limits import DEFAULT_SCOPES, Limits
from bot.demo.slack.manifest import Shortcut
from bot.demo.slack.workspace import SlackWorkspace
from tests.demo.slack.raw import Api, App, raw_app

SHORTCUTS = (Shortcut("note", "Put on the timeline"), Shortcut("new", "New incident", "global"))
SCOPES = DEFAULT_SCOPES | {"channels:join", "files:read", "pins:write", "reactions:write"}


@dataclass(frozen=True)
class Room:
    """A workspace with people in it."""

    slack: SlackWorkspace
    api: Api
    app: App
    channel: str
    ana: str
    ben: str


@pytest.fixture
def limits() -> Limits:
    """Slack's own limits; a test module may shorten them."""
    return Limits()


@pytest.fixture
def subscriptions() -> frozenset[str]:
    """The app hears of no event; a test module may subscribe."""
    return frozenset()


@pytest.fixture
async def room(limits: Limits, subscriptions: frozenset[str]) -> AsyncIterator[Room]:
    """#incidents with Ana, Ben and the bot in it; deliveries go to a raw app."""
    async with (
        raw_app() as app,
        SlackWorkspace.start(
            request_url=app.url,
            limits=limits,
            scopes=SCOPES,
            subscriptions=subscriptions,
            shortcuts=SHORTCUTS,
        ) as slack,
        aiohttp.ClientSession() as session,
    ):
        ana, ben = slack.add_user("Ana"), slack.add_user("Ben")
        channel = slack.create_channel("incidents", [ana, ben])
        yield Room(slack, Api(slack, session), app, channel, ana, ben)
