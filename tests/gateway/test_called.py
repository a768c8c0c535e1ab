"""Which paths are called: numbers become {id}, an hour is kept, and neither memory nor the answer grows without end."""

from pathlib import Path
from typing import Any

import pytest

from bot.gateway.called import MOST_SHOWN, OTHER, Called, template
from bot.gateway_client import GatewayClient
from tests.gateway.wires import gateway, upstream

TOKEN = "opens-the-gateway"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/v1/workorders/4711?limit=1", "/v1/workorders/{id}"),
        ("/v1/workorders/4711/comments/12", "/v1/workorders/{id}/comments/{id}"),
        ("/v1/assets/0f8fad5b-d9cb-469f-a165-70867728950e", "/v1/assets/{id}"),
        ("/v1/assets/" + "x" * 50, "/v1/assets/{id}"),
        ("/v1/users", "/v1/users"),
        ("/v1/v2x", "/v1/v2x"),
    ],
)
def test_a_path_is_counted_without_what_varies(target: str, path: str) -> None:
    assert template(target) == path


def rows(called: Called, now: float) -> list[dict[str, Any]]:
    found: Any = called.json(now=now)["paths"]
    return list(found)


def test_an_hour_is_kept_and_no_longer() -> None:
    called = Called()
    called.note("GET", "/v1/assets/1", "asset-sync", 404, now=0)
    called.note("GET", "/v1/assets/2", "asset-sync", 404, now=30)
    called.note("GET", "/v1/assets/3", "asset-sync", 200, now=1800)
    (row,) = rows(called, 1800)
    assert row == {
        "method": "GET",
        "path": "/v1/assets/{id}",
        "lane": "asset-sync",
        "by_status": {"200": 1, "404": 2},
    }
    assert [row["by_status"] for row in rows(called, 3660)] == [{"200": 1}]
    assert rows(called, 5460) == []


def test_neither_memory_nor_the_answer_grows_without_end() -> None:
    called = Called()
    for number in range(5000):
        called.note("GET", f"/v1/p{number}x", "default", 404, now=0)
    shown = rows(called, 0)
    assert len(shown) <= MOST_SHOWN + 2
    assert sum(count for row in shown for count in row["by_status"].values()) == 5000
    assert any(row["path"] == OTHER for row in shown)


def test_whoever_asks_for_anything_at_all_crowds_nothing_out() -> None:
    called = Called()
    for number in range(50_000):
        called.note("GET", f"/scan/p{number}x", f"job-{number % 7}", 404, now=number / 10)
    for _ in range(50):
        called.note("GET", "/v1/workorders", "critical", 200, now=5000)
    found = rows(called, 5000)
    assert found[0]["path"] == "/v1/workorders"
    assert len(found) <= MOST_SHOWN + 10
    whole_minutes = 50_000 - 24 * 600
    assert sum(count for row in found for count in row["by_status"].values()) == whole_minutes + 50
    assert sum(len(minute) for minute in called._minutes.values()) <= 60 * 410


async def test_the_gateway_tells_which_paths_were_called(tmp_path: Path) -> None:
    async with (
        upstream() as maintainx,
        gateway(maintainx.url, tmp_path, token=TOKEN) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=TOKEN) as client,
    ):
        for number in range(3):
            await running.get(f"/v1/assets/{number}?expand=1")
        found: Any = await client.paths()
    assert found["window_s"] == 3600
    assert found["paths"] == [
        {"method": "GET", "path": "/v1/assets/{id}", "lane": "asset-sync", "by_status": {"200": 3}}
    ]
