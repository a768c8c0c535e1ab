"""A real Bolt app works against the stand-in: the proof that its payloads are Slack's."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.workspace import SlackWorkspace
from tests.demo.slack.raw import CONFIRM, actions, button, section

Json = Any


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


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
        blocks = [section(said), actions(button("Report", "open"))]
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=said, blocks=blocks
        )
        await respond(text="noted", replace_original=False)

    async def on_open(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        view = await client.views_open(trigger_id=body["trigger_id"], view=modal("Wait"))
        await client.views_update(view_id=view["view"]["id"], hash=view["view"]["hash"], view=modal("Why"))

    async def on_submit(ack: Any, body: Json, view: Json, client: AsyncWebClient) -> None:
        reason = view["state"]["values"]["why"]["reason"]["value"]
        if reason == "because":
            await ack(response_action="errors", errors={"why": "too vague"})
            return
        await ack()
        channel, ts = view["private_metadata"].split()
        report = f"# {reason}, says {body['user']['id']}\n"
        await client.files_upload_v2(channel=channel, thread_ts=ts, filename="report.md", content=report)

    def modal(title: str) -> Json:
        why = {"type": "plain_text_input", "action_id": "reason"}
        [channel] = slack.state.channels
        return {
            "type": "modal",
            "callback_id": "why",
            "private_metadata": f"{channel} {slack.messages(channel)[0].ts}",
            "title": plain(title),
            "submit": plain("Send"),
            "blocks": [{"type": "input", "block_id": "why", "label": plain("Why"), "element": why}],
        }

    app.command("/mx")(on_command)
    app.action("limit")(on_click)
    app.action("open")(on_open)
    app.view("why")(on_submit)
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
    await slack.click(ana, channel, card.ts, "Report")
    await slack.until(lambda: [view.body["title"]["text"] for view in slack.views(ana)] == ["Why"])
    [view] = slack.views(ana)
    vague = await slack.submit_view(ana, view.id, {"Why": "because"})
    assert vague.errors == {"why": "too vague"}
    sent = await slack.submit_view(ana, view.id, {"Why": "429s"})
    assert (sent.errors, sent.error, sent.view) == ({}, None, None)
    [report] = await slack.until(lambda: slack.files(channel, thread_ts=card.ts), what="the report")
    assert report.content == f"# 429s, says {ana}\n".encode()


async def test_a_bolt_app_over_signed_http() -> None:
    async with SlackWorkspace.start() as slack, over_http(bolt_app(slack), slack):
        await play(slack)


async def test_a_bolt_app_over_socket_mode_also_after_a_reconnect() -> None:
    async with SlackWorkspace.start() as slack:
        handler = AsyncSocketModeHandler(bolt_app(slack), slack.app_token)
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await slack.until(lambda: slack.sockets, what="a socket")
            await play(slack)
            await slack.disconnect_sockets()
            await slack.until(lambda: slack.sockets, what="the socket to come back")
            [channel], ana = slack.state.channels, slack.add_user("Ana again")
            slack.state.channels[channel].members.append(ana)
            assert (await slack.command(ana, channel, "/mx", "status")).text == "status is on its way"
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


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
