"""Whether mx itself is online: asked only where nobody outside was heard, and of two others at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.demo.statuspage import FakeStatusPage
from bot.online import GOOD_FOR_S, Online
from bot.probes.exchange import Wire
from tests.domain import made
from tests.wound_clock import WoundClock

SILENCE = [*made.everywhere("connect"), made.versions("dns"), made.page(None)]
NOBODY = "http://127.0.0.1:1/"
"""Nothing listens there."""


@asynccontextmanager
async def other() -> AsyncIterator[FakeStatusPage]:
    """Somebody outside who answers."""
    async with FakeStatusPage.start() as page:
        yield page


async def test_whoever_was_heard_outside_is_proof_enough_and_nobody_is_asked() -> None:
    async with other() as page:
        online = Online((page.url,), Wire(), WoundClock())
        assert await online.saw([*SILENCE, made.api("/users", 503)])
        assert page.asked == []


async def test_any_answer_of_any_of_them_means_online() -> None:
    async with other() as page:
        page.mode = "error"
        assert await Online((NOBODY, page.url), Wire(), WoundClock()).saw(SILENCE)
        assert len(page.asked) == 1


async def test_no_answer_of_any_of_them_means_offline() -> None:
    assert not await Online((NOBODY, NOBODY), Wire(), WoundClock()).saw(SILENCE)


async def test_without_addresses_it_is_not_checked() -> None:
    assert await Online((), Wire(), WoundClock()).saw(SILENCE)


async def test_one_that_hangs_does_not_keep_the_answer_of_the_other_back() -> None:
    async with other() as slow, other() as page:
        slow.mode = "hang"
        async with asyncio.timeout(2):
            assert await Online((slow.url, page.url), Wire(), WoundClock(), deadline_s=30).saw(SILENCE)
        assert not await Online((slow.url,), Wire(), WoundClock(), deadline_s=0.2).saw(SILENCE)


async def test_a_thousand_in_trouble_ask_once_and_again_when_the_answer_is_old() -> None:
    clock = WoundClock()
    async with other() as page:
        online = Online((page.url,), Wire(), clock)
        assert all(await asyncio.gather(*(online.saw(SILENCE) for _ in range(1000))))
        assert len(page.asked) == 1
        clock.wind(GOOD_FOR_S + 1)
        page.refuse()
        assert not await online.saw(SILENCE)
        page.refuse(refused=False)
        clock.wind(GOOD_FOR_S + 1)
        assert await online.saw(SILENCE)
