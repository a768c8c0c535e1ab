"""The Bolt app: every delivery of Slack becomes one ask, is acknowledged within 3 seconds, and never raises."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import MxError
from bot.faults import where
from bot.slack import blocks, buttons, commands, dialogs, events, items, modals
from bot.slack.edge import Asked, Edge
from bot.slack.limits import Mrkdwn, escape, with_people
from bot.slack.press import Press

ANSWER_WITHIN_S = 2.5
"""Slack waits 3 seconds, the way there and back included."""

_ANY = re.compile(r".*", re.DOTALL)


def bolt_app(client: AsyncWebClient, edge: Edge, *, bot_token: str) -> AsyncApp:
    """The app with its listeners.

    ``process_before_response``: Bolt answers when the listener has returned, at once, where its own polling takes
    10 ms and an exception after the acknowledgement takes the acknowledgement back.
    """

    async def authorize(**_: Any) -> AuthorizeResult:
        # Prebuilt: Bolt would ask auth.test, once for each of the first requests that come together.
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=bot_token)

    app = AsyncApp(
        client=client,
        authorize=authorize,
        process_before_response=True,
        request_verification_enabled=False,  # done at the door, bot/slack/server.py; Socket Mode has no signatures
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
        logger=_quiet(),
    )
    log = structlog.get_logger("mx.slack.bolt")

    async def on_command(ack: AsyncAck, body: dict[str, Any]) -> None:
        asked = asked_by_command(body)
        message = await _within(lambda: commands.answer(edge, asked, str(body.get("text", ""))), log)
        await ack(message or "")

    async def on_click(ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        asked = asked_by_click(body, action)

        async def act() -> None:
            await buttons.click(edge, asked, Press.read(pressed(action)))

        fault = await _within(act, log)
        if fault is not None:
            edge.answer_later(asked, fault)
        await ack()

    async def on_view(ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        answer: dict[str, Any] = {}

        async def act() -> None:
            send = items.sent if items.meant(view) else dialogs.sent
            answer.update(await send(edge, asked_by_view(body, view), view) or {})

        fault = await _within(act, log)
        if fault is not None:
            # The title promises nothing: after a time-out it is not known whether it was taken.
            told = modals.told("Look at the card", Mrkdwn(str(fault["text"])))
            answer = {"response_action": "update", "view": told}
        await ack(**answer)

    async def on_fault(error: Exception) -> BoltResponse:
        # Bolt would answer 500, and log the error's words, which may quote the delivery.
        log.warning("delivery not understood", fault=where(error))
        return BoltResponse(
            status=400, body='{"error": "the delivery is not of a shape that mx knows; nothing was done"}'
        )

    app.error(on_fault)
    app.command(_ANY)(on_command)
    app.action(_ANY)(on_click)
    app.view(_ANY)(on_view)
    app.event(_ANY)(_event_listener(edge, log))
    app.shortcut(_ANY)(_shortcut_listener(edge, log))
    return app


def _event_listener(edge: Edge, log: Any) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    async def on_event(ack: AsyncAck, body: dict[str, Any]) -> None:
        heard = events.heard_of(body)
        listener = events.EVENTS.get(str(heard.event.get("type")))
        if listener is not None:
            fault = await _within(lambda: listener.act(edge, heard), log)
            place = events.told_where(heard)
            if fault is not None and place is not None:
                edge.later.put(lambda: edge.chat.whisper(*place, fault))
        await ack()

    return on_event


def _shortcut_listener(edge: Edge, log: Any) -> Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]:
    async def on_shortcut(ack: AsyncAck, body: dict[str, Any]) -> None:
        shortcut = events.SHORTCUTS.get(str(body.get("callback_id")))
        if shortcut is not None:
            asked = asked_by_click(body, {})
            told = await _within(lambda: shortcut.act(edge, asked, body), log)
            if told is not None:
                edge.answer_later(asked, told)
        await ack()

    return on_shortcut


def pressed(action: dict[str, Any]) -> str:
    """The value of a button, or of the line that was chosen in a menu."""
    chosen = action.get("selected_option") or {}
    return str(action.get("value") or chosen.get("value") or "")


def asked_by_command(body: dict[str, Any]) -> Asked:
    """Who typed a slash command, and where."""
    trigger = body.get("trigger_id")
    return Asked(
        user=str(body.get("user_id", "")),
        channel=str(body.get("channel_id", "")),
        key=f"slack:{trigger}" if trigger else None,
        response_url=body.get("response_url") or None,
        trigger=trigger or None,
    )


def asked_by_click(body: dict[str, Any], action: dict[str, Any]) -> Asked:
    """Who clicked a button, and where."""
    container = body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id") or ""
    trigger = body.get("trigger_id") or ":".join(
        str(part) for part in (container.get("message_ts"), action.get("action_id"), action.get("action_ts"))
    )
    return Asked(
        user=str((body.get("user") or {}).get("id", "")),
        channel=str(channel),
        key=f"slack:{trigger}",
        response_url=body.get("response_url") or None,
        trigger=body.get("trigger_id") or None,
    )


def asked_by_view(body: dict[str, Any], view: dict[str, Any]) -> Asked:
    """Who sent a dialog in; the channel is the one in which it was opened, which its metadata names. Raises Refused."""
    # One dialog is carried out once, however often its delivery comes: its id and what it showed name it.
    return Asked(
        user=str((body.get("user") or {}).get("id", "")),
        channel=Press.read(str(view.get("private_metadata", ""))).channel or "",
        key=f"slack:{view.get('id')}:{view.get('hash')}",
        response_url=None,
    )


async def _within(act: Callable[[], Awaitable[blocks.Message | None]], log: Any) -> blocks.Message | None:
    """The answer, or the sentence that says why there is none; always in time."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await act()
    except MxError as error:
        return blocks.private(with_people(str(error)))
    except TimeoutError:
        return blocks.private(
            escape(
                "Writing it down took longer than Slack waits, so it is not known whether it was taken. "
                "Look at the card or at /mx timeline, then ask again."
            )
        )
    except Exception as error:  # noqa: BLE001 - the Slack edge: else Slack would show "operation_timeout" and no more
        log.warning("listener fell", fault=where(error))
        return blocks.private(
            escape(f"mx met a fault of its own ({type(error).__name__}); its log has the details. Ask again.")
        )


def _quiet() -> logging.Logger:
    """Bolt writes whole bodies, response URLs included, at INFO and WARNING: only its errors are kept."""
    logger = logging.getLogger("mx.slack.bolt.framework")
    logger.setLevel(logging.ERROR)
    return logger
