"""Waiting for something to its end: what a cancelled waiter must not tear apart."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(work: Awaitable[T]) -> T:
    """The result of ``work``, which is finished even where the waiting task is cancelled meanwhile.

    A cancellation that came in between is raised afterwards, so the task still ends.
    """
    whole = asyncio.gather(work)  # a future of its own, so that it can be shielded and waited for
    try:
        return (await asyncio.shield(whole))[0]
    except asyncio.CancelledError as cancelled:
        while not whole.done():
            try:
                await asyncio.wait([whole])
            except asyncio.CancelledError:
                continue  # once is enough to be told; the work comes first
        if not whole.cancelled():
            whole.exception()  # it is the cancellation that the caller hears of
        raise cancelled from None
