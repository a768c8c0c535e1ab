"""Any Bolt app can be pointed at the simulator's Slack, over HTTP or Socket Mode, by two variables."""

import asyncio
import json
import logging
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.stories.slack_process import Sim, slack_sim

Json = Any
DOCS = Path(__file__).parents[2] / "docs/simulator.md"
MANIFEST = {
    "display_information": {"name": "Orders"},
    "features": {
        "app_home": {"home_tab_enabled": True},
        "bot_user": {"display_name": "orders"},
        "slash_commands": [{"command": "/orders", "description": "Look at orders"}],
        "shortcuts": [{"name": "Keep", "type": "message", "callback_id": "keep", "description": "Keep it"}],
    },
    "oauth_config": {
        "scopes": {"bot": ["commands", "chat:write", "channels:history", "app_mentions:read", "users:read"]}
    },
    "settings": {
        "event_subscriptions": {
            "bot_events": ["app_home_opened", "app_mention", "message.channels", "reaction_added"]
        }
    },
}


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal() -> Json:
    name = {"type": "plain_text_input", "action_id": "name"}
    return {
        "type": "modal",
        "callback_id": "rename",
        "title": plain("Rename"),
        "submit": plain("Save"),
        "blocks": [{"type": "input", "block_id": "b", "label": plain("Name"), "element": name}],
    }


def orders_app(sim: Sim) -> AsyncApp:
    """A small app of somebody else: a command, a button, a modal, App Home, a shortcut, a mention."""
    app = AsyncApp(
        client=AsyncWebClient(
            token=sim.variables["SLACK_BOT_TOKEN"], base_url=sim.variables["SLACK_API_URL"]
        ),
        signing_secret=sim.variables["SLACK_SIGNING_SECRET"],
        logger=logging.getLogger("bolt-under-test"),
    )
    button = {"type": "button", "action_id": "rename", "text": plain("Rename")}

    async def on_command(ack: Any, command: Json, say: Any) -> None:
        await ack()
        await say(text=f"order {command['text']}", blocks=[{"type": "actions", "elements": [button]}])

    async def on_button(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal())

    async def on_submit(ack: Any, body: Json, view: Json, client: AsyncWebClient) -> None:
        name = view["state"]["values"]["b"]["name"]["value"]
        await ack()
        home = {"type": "home", "blocks": [{"type": "section", "text": plain(f"order {name}")}]}
        await client.views_publish(user_id=body["user"]["id"], view=home)

    async def on_home(event: Json, client: AsyncWebClient) -> None:
        block = {"type": "section", "text": plain("no orders")}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [block]})

    async def on_mention(event: Json, say: Any) -> None:
        await say(text=f"yes, <@{event['user']}>?", thread_ts=event.get("thread_ts") or event["ts"])

    async def on_shortcut(ack: Any, shortcut: Json, respond: Any) -> None:
        await ack()
        await respond(text=f"kept: {shortcut['message']['text']}")

    app.command("/orders")(on_command)
    app.action("rename")(on_button)
    app.view("rename")(on_submit)
    app.event("app_home_opened")(on_home)
    app.event("app_mention")(on_mention)
    app.shortcut("keep")(on_shortcut)
    return app


def texts(seen: Json) -> list[str]:
    return [each["text"] for channel in seen["channels"] for each in channel["messages"]]


def home_text(seen: Json) -> str:
    homes = list(seen["homes"].values())
    return str(homes[0]["blocks"][0]["text"]["text"]) if homes else ""


async def play(sim: Sim) -> None:
    """Everything that the small app does, by hand."""
    ada = {"user": "Ada", "channel": "incidents"}
    await sim.drive("open_home", user="Ada")
    await sim.until(lambda seen: home_text(seen) == "no orders")
    await sim.drive("command", **ada, name="/orders", text="4711")
    await sim.until(lambda seen: "order 4711" in texts(seen))
    [card] = [each for each in (await sim.seen())["channels"][0]["messages"] if each["text"] == "order 4711"]
    await sim.drive("click", **ada, message_ts=card["ts"], button="Rename")
    [[view]] = await sim.until(lambda seen: list(seen["views"].values()))
    sent = await sim.drive("submit_view", user="Ada", view_id=view["id"], values={"Name": "pump"})
    assert (sent["error"], sent["view"]) == (None, None)
    await sim.until(lambda seen: home_text(seen) == "order pump")
    asked = await sim.drive("say", **ada, text="@orders are you there?")
    await sim.until(lambda seen: any(text.startswith("yes, <@U") for text in texts(seen)))
    ack = await sim.drive("shortcut", **ada, ts=asked["ts"], callback_id="keep")
    assert ack["error"] is None
    await sim.until(lambda seen: any(text.startswith("kept: ") for text in texts(seen)))


@asynccontextmanager
async def over_http(app: AsyncApp, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(MANIFEST))
    return str(path)


async def test_an_app_over_http_also_restarted_under_it(manifest: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slack/events"
    async with slack_sim("--request-url", url, "--manifest", manifest) as sim:
        assert "# the app is @orders: /orders" in sim.text
        assert "# reaction_added will not come: the manifest asks for no scope reactions:read" in sim.text
        async with over_http(orders_app(sim), port):
            await play(sim)
        dead = await sim.drive("command", user="Ada", channel="incidents", name="/orders", text="1")
        assert dead["error"] == '/orders failed with the error "dispatch_failed"'
        async with over_http(orders_app(sim), port):
            alive = await sim.drive("command", user="Ada", channel="incidents", name="/orders", text="2")
            assert alive["error"] is None
            await sim.until(lambda seen: "order 2" in texts(seen))


async def test_an_app_over_socket_mode_also_disconnected(manifest: str) -> None:
    async with slack_sim("--manifest", manifest, "--people", "Ada,Ben", "--channel", "#incidents") as sim:
        handler = AsyncSocketModeHandler(orders_app(sim), sim.variables["SLACK_APP_TOKEN"])
        await handler.connect_async()  # type: ignore[no-untyped-call]
        try:
            await sim.until(lambda seen: seen["sockets"])
            await play(sim)
            await sim.drive("disconnect_sockets")
            await sim.until(lambda seen: seen["sockets"])
            alive = await sim.drive("command", user="Ben", channel="incidents", name="/orders", text="2")
            assert alive["error"] is None
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call]


async def test_the_app_of_the_documentation_runs_as_it_stands_there(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(example.splitlines()) <= 8
    file = tmp_path / "app.py"
    file.write_text(example)
    async with slack_sim() as sim:
        needed = {
            name: sim.variables[name] for name in ("SLACK_API_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")
        }
        app = await asyncio.create_subprocess_exec(
            sys.executable, str(file), env={"PATH": os.defpath, **needed}, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await sim.until(lambda seen: seen["sockets"])
            answer = await sim.drive("command", user="Ada", channel="incidents", name="/mx", text="hello")
            assert answer["text"] == "you said hello"
        finally:
            app.terminate()
            await app.wait()


async def test_people_act_on_its_page_too() -> None:
    async with slack_sim() as sim:
        assert f"open {sim.base}/ in a browser" in sim.text
        async with sim.session.get(f"{sim.base}/") as page:
            assert (page.status, page.content_type) == (200, "text/html")
        people = (await sim.seen())["people"]
        ada = next(user for user, name in people.items() if name == "Ada")
        [channel] = (await sim.seen())["channels"]
        act = {"as": ada, "do": "say", "channel": channel["id"], "text": "hello"}
        async with sim.session.post(f"{sim.base}/sim/act", json=act) as answer:
            assert answer.status == 200
        async with sim.session.get(f"{sim.base}/sim/stream", params={"as": ada}) as stream:
            first = json.loads((await stream.content.readline()).removeprefix(b"data: "))
            assert [each["text"] for each in first["channels"][0]["messages"]] == ["hello"]
            sim.process.terminate()  # somebody still looks at the page
            async with asyncio.timeout(5):
                assert await sim.process.wait() == 0


async def test_it_stops_by_itself() -> None:
    async with slack_sim("--for", "0.0003") as sim:
        async with asyncio.timeout(20):
            assert await sim.process.wait() == 0
