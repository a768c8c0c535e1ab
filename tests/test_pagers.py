"""Pagers over real HTTP: what is sent, what is tried again, and that no secret is ever told."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.demo.door import Door
from bot.demo.pagerduty import ROUTING_KEY, FakePagerDuty
from bot.errors import OutsideError
from bot.pagers import MOST_BYTES, PagerDuty, WebhookPager
from bot.ports import Page
from tests.wound_clock import WoundClock

PAGE = Page(
    dedup="maintainx:default:mx-1:1",
    summary="SEV-1 MaintainX integration default: nothing answers (mx-1)",
    severity="critical",
    source="mx",
    details={"verdict": "maintainx"},
    link="https://mx.example/incidents/mx-1",
)


@pytest.fixture
async def fake() -> AsyncIterator[FakePagerDuty]:
    async with FakePagerDuty.start() as fake:
        yield fake


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
def pager(fake: FakePagerDuty, clock: WoundClock) -> PagerDuty:
    return PagerDuty(SecretStr(ROUTING_KEY), url=fake.url, clock=clock)


async def test_a_page_opens_an_alert_and_its_end_resolves_it(fake: FakePagerDuty, pager: PagerDuty) -> None:
    assert await pager.page(PAGE) == "PagerDuty took the page"
    await pager.page(PAGE)
    (alert,) = fake.alerts
    assert (alert.dedup_key, alert.state, len(alert.events)) == (PAGE.dedup, "triggered", 2)
    assert alert.events[0] == {
        "summary": PAGE.summary,
        "source": "mx",
        "severity": "critical",
        "custom_details": {"verdict": "maintainx"},
    }
    assert fake.seen[0]["links"] == [{"href": PAGE.link, "text": "The incident"}]
    assert "took the end" in await pager.end(PAGE.dedup)
    assert fake.open_alerts() == []


async def test_what_is_too_long_is_shortened_to_pagerdutys_limits(
    fake: FakePagerDuty, pager: PagerDuty
) -> None:
    details = {f"detail {n}": "ü" * 9000 for n in range(200)}
    page = Page(dedup="d" * 300, summary="s" * 3000, severity="error", source="mx", details=details)
    await pager.page(page)
    (alert,) = fake.alerts
    assert len(alert.events[0]["summary"]) == 1024
    assert 1 < len(alert.events[0]["custom_details"]) < 200
    assert len(json.dumps(fake.seen[0])) <= MOST_BYTES
    await pager.end("d" * 299)
    assert len(fake.open_alerts()) == 1  # another key that begins the same is another alert
    await pager.end("d" * 300)
    assert fake.open_alerts() == []


@pytest.mark.parametrize("how", [429, 500, 503, "hang up"])
async def test_429_5xx_and_the_network_are_tried_again(
    fake: FakePagerDuty, pager: PagerDuty, clock: WoundClock, how: int
) -> None:
    fake.failing = [how] * 3
    assert await pager.page(PAGE) == "PagerDuty took the page"
    assert (fake.asked, len(fake.alerts)) == (4, 1)
    assert clock.monotonic() == 1030.0


@pytest.mark.parametrize("how", [429, 503, "hang up"])
async def test_after_four_tries_a_person_must_call(fake: FakePagerDuty, pager: PagerDuty, how: int) -> None:
    fake.failing = [how] * 9
    with pytest.raises(OutsideError) as told:
        await pager.page(PAGE)
    assert str(told.value).endswith("4 tries came to nothing: call the person yourself")
    assert fake.asked == 4


async def test_nobody_listens(fake: FakePagerDuty, pager: PagerDuty) -> None:
    fake.refuse()
    with pytest.raises(OutsideError, match="nothing can be reached there"):
        await pager.page(PAGE)


async def test_a_400_is_told_at_once_and_without_the_key(fake: FakePagerDuty, clock: WoundClock) -> None:
    for key in ("f" * 32, "a-key-that-was-cut-off"):
        pager = PagerDuty(SecretStr(key), url=fake.url, clock=clock)
        with pytest.raises(OutsideError) as told:
            await pager.page(PAGE)
        assert "it answered 400" in str(told.value)
        assert "is PAGERDUTY_ROUTING_KEY the integration key" in str(told.value)
        assert told.value.permanent
        assert key not in f"{told.value!r} {pager!r} {vars(pager)}"
    assert fake.asked == 2
    assert clock.monotonic() == 1000.0


class Hook:
    """Another pager: it keeps what it is sent, and repeats the token in a refusal."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.seen: list[dict[str, object]] = []
        self.tokens: list[str | None] = []

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(json.loads(await request.text()))
        self.tokens.append(request.headers.get("Authorization"))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text=f"for {self.tokens[-1]} at {request.path}")


async def test_any_other_pager_takes_json(clock: WoundClock) -> None:
    hook = Hook()
    async with Door.open(hook.serve) as door:
        url = SecretStr(f"{door.url}/hooks/opens-it")
        pager = WebhookPager(url, clock=clock, bearer=SecretStr("tok-of-the-pager"))
        hook.statuses = [503, 201]
        assert await pager.page(PAGE) == "the pager at 127.0.0.1 took the page"
        await pager.end(PAGE.dedup)
        assert hook.seen[1:] == [
            {
                "action": "page",
                "dedup": PAGE.dedup,
                "summary": PAGE.summary,
                "severity": "critical",
                "source": "mx",
                "details": {"verdict": "maintainx"},
                "link": PAGE.link,
            },
            {"action": "end", "dedup": PAGE.dedup},
        ]
        assert set(hook.tokens) == {"Bearer tok-of-the-pager"}
        hook.statuses = [403]
        with pytest.raises(OutsideError) as told:
            await pager.page(PAGE)
        assert "it answered 403" in str(told.value)
        assert "look at page_url in mx.toml" in str(told.value)
        assert "tok-of-the-pager" not in str(told.value)
        assert len(hook.seen) == 4
    with pytest.raises(OutsideError) as told:
        await pager.page(PAGE)
    assert "opens-it" not in str(told.value)
