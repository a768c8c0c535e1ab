"""The stand-in Slack by itself, for any Bolt app: started, described, and stopped in time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.demo.slack.limits import Limits
from bot.demo.slack.manifest import EVENT_SCOPES, Manifest
from bot.demo.slack.remote import routes
from bot.demo.slack.workspace import SlackWorkspace

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """How it shall run."""

    port: int
    request_url: str | None
    manifest: Manifest
    people: Sequence[str]
    channel: str
    hours: float


async def serve(
    wish: Wish,
    *,
    stop: asyncio.Event,
    tell: Callable[[str], object],
    pages: Sequence[web.AbstractRouteDef] = (),
) -> None:
    """Serve until ``stop`` is set or the hours are over; ``tell`` gets what a person needs to know."""
    asked = wish.manifest
    async with SlackWorkspace.start(
        request_url=wish.request_url,
        limits=Limits(),
        scopes=asked.scopes,
        commands=asked.commands,
        subscriptions=asked.subscriptions,
        shortcuts=asked.shortcuts,
        bot_name=asked.name,
        port=wish.port,
        extra_routes=(*routes(), *pages),
    ) as slack:
        slack.state.home_tab = asked.home_tab
        people = [slack.add_user(name) for name in wish.people]
        slack.create_channel(wish.channel, people)
        for line in description(slack, wish):
            tell(line)
        try:
            async with asyncio.timeout(wish.hours * HOUR_S):
                await stop.wait()
        except TimeoutError:
            tell(f"The stand-in Slack stops by itself after {wish.hours:g} hours.")
    tell("The stand-in Slack is stopped.")


def description(slack: SlackWorkspace, wish: Wish) -> list[str]:
    """What a Bolt app needs, in lines that a shell takes, and what the stand-in knows of the app."""
    asked = wish.manifest
    lines = [
        f"# A Slack workspace of its own, for this machine alone; open {slack.state.base}/ in a browser.",
        f"export SLACK_API_URL={slack.api_url}",
        f"export SLACK_BOT_TOKEN={slack.bot_token}",
        "# over HTTP, deliveries to " + (wish.request_url or "nowhere yet: --request-url says where"),
        f"export SLACK_SIGNING_SECRET={slack.signing_secret}",
        "# over Socket Mode, which wins while a socket is open",
        f"export SLACK_APP_TOKEN={slack.app_token}",
        f"# the app is @{asked.name}: {_listed(asked.commands, 'no command')}",
    ]
    shortcuts = [f"{each.name} ({each.kind}, {each.callback_id})" for each in asked.shortcuts]
    lines.append(f"# shortcuts: {_listed(shortcuts, 'none')}")
    lines.append(f"# events: {_listed(asked.subscriptions, 'none')}")
    lines += [f"# the stand-in knows no event {name}: it will not come" for name in asked.unknown]
    needed = {name: EVENT_SCOPES[name] for name in sorted(asked.subscriptions)}
    lines += [
        f"# {name} will not come: the manifest asks for no scope {scope}"
        for name, scope in needed.items()
        if scope is not None and scope not in asked.scopes
    ]
    lines.append(f"# people: {', '.join(wish.people)}, in #{wish.channel}")
    lines.append(f"# tests act for them with POST {slack.state.base}/drive/VERB, and look at GET /drive/seen")
    lines.append(f"# it stops by Ctrl-C, and by itself after {wish.hours:g} hours")
    return lines


def _listed(words: Sequence[str] | frozenset[str], nothing: str) -> str:
    return ", ".join(sorted(words)) or nothing
