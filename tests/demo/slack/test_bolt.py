"""A real Bolt app works against the stand-in: the proof that its payloads are Slack's."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.workspace import SlackWorkspace
from tests.demo.slack.raw import CONFIRM, actions, button, section

Json = Any


def bolt_app(slack: SlackWorkspace) -> AsyncApp:
    """A small incident bot."""
    app = AsyncApp(
        client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url),
        signing_secret=slack.signing_secret,
        logger=logging.getLogger("bolt-under-test"),
    )

    async def on_command(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack(f"{command['text']} is on its way")
        blocks = [section("card"), actions(button("Limit", "limit", confirm=CONFIRM, value="plan-1"))]
        await client.chat_postMessage(channel=command["channel_id"], text="card", blocks=blocks)

    async def on_click(ack: Any, body: Json, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        said = f"{body['actions'][0]['value']} by {body['user']['id']}"
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=said, blocks=[section(said)]
        )
        await respond(text="noted", replace_original=False)

    app.command("/mx")(on_command)
    app.action("limit")(on_click)
    return app


@asynccontextmanager
async def over_http(app: AsyncApp, slack: SlackWorkspace) -> AsyncIterator[None]:
    """The app behind a request URL."""
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        yield
    finally:
        await runner.cleanup()


async def play(slack: SlackWorkspace) -> None:
    """The round trip: a command, its card, a confirmed click, the edited card."""
    ana = slack.add_user("Ana")
    channel = slack.create_channel("incidents", [ana])
    outcome = await slack.command(ana, channel, "/mx", "triage")
    assert (outcome.error, outcome.text) == (None, "triage is on its way")
    [card] = await slack.until(lambda: slack.messages(channel), what="the card")
    clicked = await slack.click(ana, channel, card.ts, "Limit")
    assert (clicked.error, clicked.confirm is not None) == (None, True)
    await slack.until(lambda: card.edited, what="the edited card")
    assert card.text == f"plan-1 by {ana}"
    await slack.until(lambda: len(slack.ephemerals(ana, channel)) == 2, what="the private note")
    assert [each.text for each in slack.ephemerals(ana, channel)] == ["triage is on its way", "noted"]


async def test_a_bolt_app_over_signed_http() -> None:
    async with SlackWorkspace.start() as slack, over_http(bolt_app(slack), slack):
        await play(slack)


async def test_a_bolt_app_with_another_secret_never_hears_of_it() -> None:
    async with SlackWorkspace.start() as slack, SlackWorkspace.start() as other:
        app = AsyncApp(
            client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url),
            signing_secret=other.signing_secret,
            logger=logging.getLogger("bolt-under-test"),
        )
        async with over_http(app, slack):
            ana = slack.add_user("Ana")
            channel = slack.create_channel("incidents", [ana])
            outcome = await slack.command(ana, channel, "/mx", "triage")
            assert (outcome.status, outcome.error) == (401, '/mx failed with the error "dispatch_failed"')
