"""The bot's door: where its pages and Slack's requests come in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.accepting import Site
from bot.errors import ConfigError
from bot.faults import wordless

ANYWHERE = "0.0.0.0"  # noqa: S104 - the platform's router reaches the bot from outside its container
_CLOSING_S = 3.0


@asynccontextmanager
async def listening(app: web.Application, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the block ends; the address. Raises ConfigError where the port cannot be had."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING_S, logger=wordless("mx.web"))
    await runner.setup()
    try:
        try:
            await Site(runner, host, port).start()
        except OSError as error:
            text = (
                f"listening on port {port}: {error.strerror or error}; stop what listens there, or set PORT to a "
                "free port"
            )
            raise ConfigError((text,)) from None
        yield f"http://{'127.0.0.1' if host == ANYWHERE else host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
