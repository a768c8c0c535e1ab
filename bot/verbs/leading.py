"""Waits until what was asked of the timeline is done: by the leader where one is up, else by leading for it."""

from collections.abc import Awaitable, Callable

from bot.domain.book import Book
from bot.engine import Engine
from bot.errors import OutsideError


async def settle(
    engine: Engine, *, done: Callable[[Book], bool], advance: Callable[[], Awaitable[bool]], patience_s: float
) -> None:
    """Return once ``done``; raises OutsideError when nothing comes of it in ``patience_s`` seconds."""
    until = engine.clock.monotonic() + patience_s
    while not done(book := await engine.timeline.book()):
        if engine.clock.monotonic() > until:
            raise OutsideError(
                f"waiting for the running bot to act: nothing came in {patience_s:.0f} s; "
                "look at its log and at /readyz, or stop it and ask again"
            )
        leads = await engine.term.lead()
        if not (leads and await advance()):
            await engine.timeline.changed(book.head.seq, timeout_s=1.0)
