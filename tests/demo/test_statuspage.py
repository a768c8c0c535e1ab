"""The stand-in status page has Better Stack's shape and its manners."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import aiohttp
import pytest

from bot.demo.statuspage import FakeStatusPage, Mode, StatusReport


@pytest.fixture
async def page() -> AsyncIterator[FakeStatusPage]:
    async with FakeStatusPage.start(now=lambda: datetime(2026, 11, 23, 9, tzinfo=UTC)) as fake:
        yield fake


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def components(body: str) -> dict[str, tuple[str, str | None]]:
    found = {}
    for thing in json.loads(body)["included"]:
        if thing["type"] == "status_page_resource":
            told = thing["attributes"]
            found[told["public_name"]] = (told["status"], told["explicit_status"])
    return found


async def test_it_is_json_that_calls_itself_html(page: FakeStatusPage, web: aiohttp.ClientSession) -> None:
    async with web.get(page.url) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        body = await answer.text()
    assert components(body)["REST API"] == ("operational", None)
    assert json.loads(body)["data"]["attributes"]["aggregate_state"] == "operational"


async def test_states_overrides_and_reports_show(page: FakeStatusPage, web: aiohttp.ClientSession) -> None:
    page.states["REST API"] = "operational"
    page.explicit["REST API"] = "degraded"
    page.reports.append(StatusReport("Database upgrade", "maintenance", state="maintenance"))
    async with web.get(page.url) as answer:
        body = await answer.text()
    assert components(body)["REST API"] == ("operational", "degraded")
    report = next(t for t in json.loads(body)["included"] if t["type"] == "status_report")
    assert (report["attributes"]["title"], report["attributes"]["report_type"]) == (
        "Database upgrade",
        "maintenance",
    )
    assert json.loads(body)["data"]["attributes"]["aggregate_state"] == "degraded"


async def test_a_redirect_leads_to_the_same_json(page: FakeStatusPage, web: aiohttp.ClientSession) -> None:
    page.mode = "redirect"
    async with web.get(page.url, allow_redirects=False) as answer:
        assert answer.status == 302
    async with web.get(page.url) as answer:
        assert "REST API" in components(await answer.text())


@pytest.mark.parametrize(
    ("mode", "status", "words"), [("html", 200, "<html>"), ("error", 503, "<html>"), ("odd", 200, "page")]
)
async def test_other_answers(
    mode: Mode, status: int, words: str, page: FakeStatusPage, web: aiohttp.ClientSession
) -> None:
    page.mode = mode
    async with web.get(page.url) as answer:
        assert answer.status == status
        assert words in await answer.text()


async def test_it_can_be_unreachable(page: FakeStatusPage, web: aiohttp.ClientSession) -> None:
    page.refuse()
    with pytest.raises(aiohttp.ClientConnectorError):
        await web.get(page.url)
    page.refuse(refused=False)
    async with web.get(
        page.url.replace("/en/index.json", "/api/v2/summary.json"), allow_redirects=False
    ) as answer:
        assert answer.status == 302
    page.mode = "hang"
    with pytest.raises(TimeoutError):
        await web.get(page.url, timeout=aiohttp.ClientTimeout(total=0.2))
