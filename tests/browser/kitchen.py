"""A Bolt app that uses every element of Block Kit that people can press or fill in, and notes what it hears."""

import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.browser.app import browser_app
from bot.demo.slack.manifest import Shortcut
from bot.demo.slack.workspace import SlackWorkspace

Json = Any

ANY = re.compile("")
SHORTCUTS = (Shortcut("note", "Put on the timeline"), Shortcut("new", "Start something new", "global"))


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str, *, says: str | None = None) -> Json:
    return {"text": plain(value.capitalize()), "value": value} | (
        {"description": plain(says)} if says else {}
    )


def menu(kind: str, **more: Json) -> Json:
    return {"type": kind, "action_id": kind, "placeholder": plain(f"A {kind}"), **more}


TWO = [option("assets"), option("orders", says="work orders")]
CONTROLS: tuple[Json, ...] = (
    menu("static_select", options=TWO),
    menu("multi_static_select", options=TWO),
    menu("external_select", min_query_length=0),
    menu("multi_external_select", min_query_length=0),
    menu("users_select"),
    menu("multi_users_select"),
    menu("channels_select"),
    menu("conversations_select"),
    menu("datepicker", initial_date="2026-11-26"),
    menu("timepicker"),
    {"type": "datetimepicker", "action_id": "datetimepicker"},
    {"type": "checkboxes", "action_id": "checkboxes", "options": TWO},
    {"type": "radio_buttons", "action_id": "radio_buttons", "options": TWO},
)
"""Everything that can be chosen in, each with its type as its action_id."""

TYPED: tuple[Json, ...] = (
    {"type": "plain_text_input", "action_id": "plain_text_input", "multiline": True},
    {"type": "number_input", "action_id": "number_input", "is_decimal_allowed": False},
    {"type": "email_text_input", "action_id": "email_text_input"},
    {"type": "url_text_input", "action_id": "url_text_input"},
)


def kitchen() -> list[Json]:
    """A message with everything in it."""
    confirm = {
        "title": plain("Sure?"),
        "text": plain("It stops the line."),
        "confirm": plain("Stop it"),
        "deny": plain("No"),
        "style": "danger",
    }
    return [
        {"type": "header", "text": plain("Everything")},
        {
            "type": "section",
            "text": {
                "type": "mrkdwn",
                "text": "*bold* _italic_ ~struck~ `code` <https://example.com|a link> <!here> :eyes:\n> quoted\n"
                "```fenced\ntwo```\n<!date^1790000000^{date_short} at {time}|then>",
            },
            "accessory": {"type": "button", "action_id": "beside", "text": plain("Beside")},
        },
        {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*Field {n}*\n{n}"} for n in range(3)]},
        {"type": "divider"},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "small _words_"}]},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "first", "style": {"bold": True}}],
                        },
                        {
                            "type": "rich_text_section",
                            "elements": [
                                {
                                    "type": "date",
                                    "timestamp": 1790000000,
                                    "format": "{date_num} {time}",
                                    "fallback": "a date",
                                }
                            ],
                        },
                    ],
                },
                {
                    "type": "rich_text_preformatted",
                    "elements": [{"type": "text", "text": "<b>not bold</b>"}],
                },
            ],
        },
        {"type": "markdown", "text": "# Heading\n\n- **strong** item\n\n| a | b |\n|---|---|\n| 1 | 2 |"},
        {
            "type": "table",
            "rows": [
                [{"type": "raw_text", "text": "Entity"}, {"type": "raw_text", "text": "Late"}],
                [{"type": "raw_text", "text": "assets"}, {"type": "raw_text", "text": "3"}],
            ],
        },
        {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a picture"},
        {
            "type": "actions",
            "block_id": "buttons",
            "elements": [
                {"type": "button", "action_id": "plain", "text": plain("Plain")},
                {"type": "button", "action_id": "primary", "text": plain("Primary"), "style": "primary"},
                {
                    "type": "button",
                    "action_id": "danger",
                    "text": plain("Danger"),
                    "style": "danger",
                    "confirm": confirm,
                },
                {
                    "type": "button",
                    "action_id": "linked",
                    "text": plain("Linked"),
                    "url": "https://example.com/",
                },
                {"type": "button", "action_id": "form", "text": plain("Open the form")},
                {"type": "overflow", "action_id": "overflow", "options": TWO},
            ],
        },
        {"type": "actions", "block_id": "controls", "elements": list(CONTROLS)},
    ]


def form(*, title: str = "A form", only: tuple[Json, ...] = (*TYPED, *CONTROLS)) -> Json:
    """A modal with each of these as an input."""
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain(title),
        "submit": plain("Send"),
        "blocks": [
            {"type": "section", "block_id": "top", "text": plain("Fill it in.")},
            {
                "type": "actions",
                "block_id": "more",
                "elements": [{"type": "button", "action_id": "deeper", "text": plain("Deeper")}],
            },
            *(
                {
                    "type": "input",
                    "block_id": f"in-{element['action_id']}",
                    "label": plain(f"The {element['action_id'].replace('_', ' ')}"),
                    "element": element,
                    "optional": element["type"] not in {"plain_text_input", "external_select"},
                }
                for element in only
            ),
        ],
    }


@dataclass
class Kitchen:
    """The app, its workspace and page, and what it heard."""

    slack: SlackWorkspace
    channel: str
    url: str
    heard: list[tuple[str, Json]] = field(default_factory=list)
    """Each action with its value, each submission with its values."""
    answer: Json = None
    """What a submission is answered with; nothing closes the form."""

    def values(self, action: str) -> list[Json]:
        """What was heard of this action."""
        return [value for name, value in self.heard if name == action]


def bolt_app(kitchen_: Kitchen) -> AsyncApp:
    """The app around what it notes."""
    slack = kitchen_.slack
    app = AsyncApp(
        client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url),
        signing_secret=slack.signing_secret,
        logger=logging.getLogger("bolt-in-the-kitchen"),
        process_before_response=True,
    )

    async def on_command(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack(f"you said {command['text']}")
        await client.chat_postMessage(channel=command["channel_id"], text="everything", blocks=kitchen())

    async def on_action(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        action = body["actions"][0]
        kept = {key: value for key, value in action.items() if key.startswith("selected") or key == "value"}
        kitchen_.heard.append((action["action_id"], next(iter(kept.values()), None)))
        if action["action_id"] == "form":
            await client.views_open(trigger_id=body["trigger_id"], view=form())
        if action["action_id"] == "deeper":
            await client.views_push(
                trigger_id=body["trigger_id"], view=form(title="Deeper", only=(TYPED[0],))
            )

    async def on_submit(ack: Any, view: Json) -> None:
        kitchen_.heard.append(("submitted", view["state"]["values"]))
        await (ack(**kitchen_.answer) if kitchen_.answer else ack())

    async def on_shortcut(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        kitchen_.heard.append((body["callback_id"], body.get("message", {}).get("text")))
        if "message" not in body:
            await client.views_open(trigger_id=body["trigger_id"], view=form(title="New", only=(TYPED[0],)))

    async def on_options(ack: Any, payload: Json) -> None:
        await ack(options=[option("hidden"), option(f"{payload['value'] or 'any'}-found")])

    app.command("/mx")(on_command)
    app.action({"type": "block_actions", "action_id": ANY})(on_action)
    app.options(ANY)(on_options)
    app.view("form")(on_submit)
    app.shortcut(ANY)(on_shortcut)
    return app


@asynccontextmanager
async def cooking() -> AsyncIterator[Kitchen]:
    """The app behind a signed request URL, and the page of its workspace."""
    async with SlackWorkspace.start(shortcuts=SHORTCUTS, subscriptions=frozenset()) as slack:
        channel = slack.create_channel("incidents", [slack.add_user("Ada"), slack.add_user("Ben")])
        kitchen_ = Kitchen(slack, channel, "")
        async with serving(bolt_app(kitchen_).web_app("/slack/events")) as app_url:
            slack.request_url = f"{app_url}slack/events"
            async with serving(browser_app(slack, hints={"/mx": (("all", "", "everything"),)})) as url:
                kitchen_.url = url
                yield kitchen_


@asynccontextmanager
async def serving(app: web.Application, *, port: int = 0) -> AsyncIterator[str]:
    """Serve an application on loopback; its address."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()
