"""The vendor's status page: what it says, and when it says nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import cast

import pytest

from bot.demo.statuspage import FakeStatusPage, StatusReport
from bot.domain.readings import Reading, Status, StatusPageDetail
from bot.probes.exchange import Wire
from bot.probes.status_page import StatusPageProbe
from tests.wound_clock import START, WoundClock


@pytest.fixture
async def page() -> AsyncIterator[FakeStatusPage]:
    async with FakeStatusPage.start() as fake:
        yield fake


async def read(page: FakeStatusPage, *, deadline_s: float = 10.0) -> Reading:
    probe = StatusPageProbe(url=page.url, wire=Wire(), clock=WoundClock(), deadline_s=deadline_s)
    return await probe.read(samples=1)


def told(reading: Reading) -> StatusPageDetail:
    return cast(StatusPageDetail, reading.detail)


@pytest.mark.parametrize(
    ("state", "status"),
    [("operational", "ok"), ("degraded", "failing"), ("downtime", "failing"), ("maintenance", "ok")],
)
async def test_the_rest_api_s_own_state_is_the_verdict(page: FakeStatusPage, state: str, status: str) -> None:
    page.states.update({"REST API": state, "Website": "downtime"})  # type: ignore[dict-item]
    reading = await read(page)
    assert (reading.status, told(reading).state) == (status, state)
    assert told(reading).maintenance is (state == "maintenance")


async def test_an_operator_s_override_wins(page: FakeStatusPage) -> None:
    page.explicit["REST API"] = "downtime"
    assert told(await read(page)).state == "downtime"


async def test_without_a_rest_api_the_whole_page_speaks(page: FakeStatusPage) -> None:
    del page.states["REST API"]
    page.states["Website"] = "degraded"
    reading = await read(page)
    assert told(reading).state == "degraded"
    assert "all its services" in reading.says


async def test_open_reports_are_told_and_past_ones_are_not(page: FakeStatusPage) -> None:
    hour = timedelta(hours=1)
    page.reports = [
        StatusReport("API errors", starts_at=START - hour),
        StatusReport("Over", starts_at=START - 2 * hour, ends_at=START - hour),
        StatusReport("Planned", starts_at=START + hour, ends_at=START + 2 * hour),
    ]
    assert told(await read(page)).reports == ("API errors",)


async def test_redirects_are_followed(page: FakeStatusPage) -> None:
    page.mode = "redirect"
    assert (await read(page)).status is Status.OK
    assert page.asked[-1].startswith("/moved")


@pytest.mark.parametrize("mode", ["html", "error", "odd", "hang", "refused"])
async def test_what_cannot_be_read_is_unknown_never_down(page: FakeStatusPage, mode: str) -> None:
    if mode == "refused":
        page.refuse()
    else:
        page.mode = mode  # type: ignore[assignment]
    reading = await read(page, deadline_s=0.6 if mode == "hang" else 10.0)
    assert reading.status is Status.UNKNOWN
    assert (reading.detail is None) is (mode in {"hang", "refused"})
