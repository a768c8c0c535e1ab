"""The stand-in MaintainX keeps the documented rate limits, by a clock that the test winds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bot.demo.maintainx import FakeMaintainX, Fault


class Watch:
    """A monotonic clock that only moves when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def caller(fake: FakeMaintainX, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(base_url=fake.base_url + "/", headers=headers) as session:
        yield session


async def burst(session: aiohttp.ClientSession, count: int) -> list[int]:
    found = []
    for _ in range(count):
        async with session.get("users?limit=1") as answer:
            found.append(answer.status)
    return found


async def test_a_user_has_100_requests_in_any_60_seconds() -> None:
    watch = Watch()
    async with FakeMaintainX.start(key="k-one", monotonic=watch) as fake, caller(fake, "k-one") as one:
        assert await burst(one, 60) == [200] * 60
        watch.at += 30
        assert await burst(one, 41) == [200] * 40 + [429]
        async with one.get("users") as answer:
            assert await answer.json() == {"error": "Too many requests. Please retry in 30 seconds"}
            assert answer.headers["X-Rate-Limit-Limit"] == "100"
            assert answer.headers["X-Rate-Limit-Remaining"] == "0"
            assert answer.headers["X-Rate-Limit-Reset"] == "30"
            assert "Retry-After" not in answer.headers
        watch.at += 30
        assert await burst(one, 61) == [200] * 60 + [429]


async def test_refused_requests_are_not_counted_and_headers_count_down() -> None:
    watch = Watch()
    async with (
        FakeMaintainX.start(key="k-one", user_limit=2, monotonic=watch) as fake,
        caller(fake, "k-one") as one,
    ):
        left = []
        for _ in range(4):
            async with one.get("users") as answer:
                left.append((answer.status, answer.headers["X-Rate-Limit-Remaining"]))
        assert left == [(200, "1"), (200, "0"), (429, "0"), (429, "0")]
        watch.at += 60
        assert await burst(one, 1) == [200]


async def test_an_organisation_has_its_own_limit_over_all_users() -> None:
    watch = Watch()
    async with FakeMaintainX.start(key="k-one", organisation_limit=5, monotonic=watch) as fake:
        fake.add_key("k-two")
        fake.add_key("k-far", organisations=(99,))
        async with caller(fake, "k-one") as one, caller(fake, "k-two") as two, caller(fake, "k-far") as far:
            assert await burst(one, 3) == [200] * 3
            assert await burst(two, 3) == [200, 200, 429]
            assert await burst(far, 1) == [200]


async def test_two_keys_of_one_user_share_the_limit() -> None:
    async with FakeMaintainX.start(key="k-one", user_limit=3, monotonic=Watch()) as fake:
        fake.add_key("k-same", user=max(fake.users))
        async with caller(fake, "k-one") as one, caller(fake, "k-same") as same:
            assert await burst(one, 2) == [200] * 2
            assert await burst(same, 2) == [200, 429]


async def test_rate_headers_can_be_switched_off() -> None:
    async with (
        FakeMaintainX.start(key="k-one", rate_headers=False) as fake,
        caller(fake, "k-one") as one,
        one.get("users") as answer,
    ):
        assert not [name for name in answer.headers if name.lower().startswith("x-rate")]


async def test_the_limit_can_be_lowered_and_healed() -> None:
    watch = Watch()
    async with FakeMaintainX.start(key="k-one", monotonic=watch) as fake, caller(fake, "k-one") as one:
        fake.break_(Fault("limited", limit=2))
        assert await burst(one, 3) == [200, 200, 429]
        fake.heal()
        assert await burst(one, 1) == [200]
        fake.break_(Fault("limited", retry_after=7))
        async with one.get("users") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
