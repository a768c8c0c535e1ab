"""Socket Mode: deliveries over a WebSocket that the bot opens, where there is no public address."""

import asyncio
import logging

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bot.errors import OutsideError
from bot.ports import Clock

CONNECT_S = 20.0
_LOOK_S = 1.0
_AWAY_S = 60.0
_PING_S = 3.0
"""How often slack_sdk looks whether its connection is still there; a broken one is replaced at the next look."""


class Socket:
    """Keeps the connection; Slack's repeated envelopes carry the same trigger_id and so happen once."""

    def __init__(self, app: AsyncApp, *, app_token: str, clock: Clock) -> None:
        self._app = app
        self._app_token = app_token
        self._clock = clock
        self.connected = False

    async def follow(self) -> None:
        """Connect and stay connected, for ever; started by the composition root.

        slack_sdk connects anew by itself after a break; raises OutsideError where it cannot.
        """
        handler = AsyncSocketModeHandler(self._app, self._app_token, logger=_quiet(), ping_interval=_PING_S)
        client = handler.client
        # slack_sdk takes HTTP(S)_PROXY without NO_PROXY; a session of our own honours both.
        client.proxy = None
        await client.aiohttp_client_session.close()
        client.aiohttp_client_session = aiohttp.ClientSession(trust_env=True)
        try:
            await self._connect(handler)
            self.connected = True
            await self._watch(handler)
        finally:
            self.connected = False
            await handler.close_async()  # type: ignore[no-untyped-call] # slack_bolt leaves it without types

    async def _connect(self, handler: AsyncSocketModeHandler) -> None:
        try:
            async with asyncio.timeout(CONNECT_S):
                await handler.connect_async()  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise OutsideError(
                f"opening Slack's Socket Mode: no connection within {CONNECT_S:g} s; compare SLACK_APP_TOKEN, and "
                "switch Socket Mode on in the app's settings"
            ) from None

    async def _watch(self, handler: AsyncSocketModeHandler) -> None:
        away_s = 0.0
        while away_s < _AWAY_S:
            await self._clock.sleep(_LOOK_S)
            self.connected = await handler.client.is_connected()
            away_s = 0.0 if self.connected else away_s + _LOOK_S
        raise OutsideError(f"Slack's Socket Mode has been away for {_AWAY_S:g} s; connecting anew")


def _quiet() -> logging.Logger:
    """slack_sdk writes whole envelopes at DEBUG and refused ones at INFO; its warnings are enough."""
    logger = logging.getLogger("mx.slack.socket")
    logger.setLevel(logging.WARNING)
    return logger
