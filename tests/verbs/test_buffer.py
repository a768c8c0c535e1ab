"""``mx buffer``: what waits is listed and shown, and a person's word about one write reaches the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.verbs.terminal import Ended, mx


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayStandIn]:
    async with GatewayStandIn(SystemClock()).serve() as gateway:
        yield gateway


async def buffer(gateway: GatewayStandIn, *argv: str, folder: Path) -> Ended:
    env = {"MX_GATEWAY_URL": gateway.url, "MX_GATEWAY_TOKEN": TOKEN}
    return await mx("buffer", *argv, env=env, folder=folder)


async def test_the_list_tells_what_waits_what_is_known_and_what_to_do(
    gateway: GatewayStandIn, tmp_path: Path
) -> None:
    gateway.buffer.take(2)
    (parked,) = gateway.buffer.take(state="unknown")
    gateway.buffer.take(state="rejected")
    done = await buffer(gateway, "list", folder=tmp_path)
    assert done.code == 0
    assert "PATCH /v1/workorders/1" in done.out
    assert "MaintainX answered 422" in done.out
    assert "In all: 2 waiting, 0 sending, 0 delivered, 1 rejected, 1 unknown." in done.out
    assert "To deliver the 2 that wait: mx replay" in done.out
    assert f"look at one first: mx buffer show {parked}" in done.out
    assert not (tmp_path / "mx.db").exists()


async def test_a_long_list_is_read_page_by_page_to_its_limit(gateway: GatewayStandIn, tmp_path: Path) -> None:
    gateway.buffer.largest_page = 3
    gateway.buffer.take(10)
    gateway.buffer.take(4, state="rejected")
    done = await buffer(gateway, "list", "--state", "waiting", "--limit", "8", "--json", folder=tmp_path)
    found = json.loads(done.out)
    assert [item["buffer_id"] for item in found["items"]] == [f"mxb_{n:04}" for n in range(1, 9)]
    assert (found["counts"]["rejected"], found["next"]) == (4, "8")


async def test_a_write_is_shown_whole_with_what_can_be_decided(
    gateway: GatewayStandIn, tmp_path: Path
) -> None:
    (parked,) = gateway.buffer.take(state="unknown")
    done = await buffer(gateway, "show", parked, folder=tmp_path)
    assert done.code == 0
    assert "Content-Type: application/json" in done.out
    assert '{"title": "Pump 7"}' in done.out
    for action in ("arrived", "resend", "drop"):
        assert f"mx buffer {action} {parked}" in done.out


@pytest.mark.parametrize(("action", "what"), [("resend", "write_resent"), ("arrived", "write_arrived")])
async def test_a_parked_write_is_decided_once_and_the_second_is_told(
    gateway: GatewayStandIn, tmp_path: Path, action: str, what: str
) -> None:
    (parked,) = gateway.buffer.take(state="unknown")
    done = await buffer(gateway, action, parked, folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert [event["what"] for event in gateway.log] == [what]
    assert gateway.log[0]["actor"].startswith("cli:")
    again = await buffer(gateway, action, parked, folder=tmp_path)
    assert again.code == 1
    assert "nothing is to be decided of it" in again.err


async def test_dropping_needs_a_reason(gateway: GatewayStandIn, tmp_path: Path) -> None:
    (write,) = gateway.buffer.take()
    refused = await asyncio.gather(
        buffer(gateway, "drop", write, folder=tmp_path),
        buffer(gateway, "drop", write, "--reason", "  ", folder=tmp_path),
        buffer(gateway, "drop", write, "--reason", "x" * 501, folder=tmp_path),
    )
    assert [ended.code for ended in refused] == [2, 2, 2]
    assert gateway.buffer.writes[write]["state"] == "waiting"
    done = await buffer(gateway, "drop", write, "--reason", "ordered twice", folder=tmp_path)
    assert done.code == 0
    assert gateway.buffer.writes[write]["state"] == "dropped"
    assert gateway.log[0]["says"] == "ordered twice"
    listed = await buffer(gateway, "list", folder=tmp_path)
    assert (listed.code, "dropped by cli:" in listed.out) == (0, True)


async def test_a_gateway_that_is_away_or_a_write_that_is_not_there_is_one_sentence(
    gateway: GatewayStandIn, tmp_path: Path
) -> None:
    missing = await buffer(gateway, "show", "mxb_none", folder=tmp_path)
    assert (missing.code, "there is no such write" in missing.err) == (1, True)
    away = await mx("buffer", "list", env={"MX_GATEWAY_URL": "http://127.0.0.1:9"}, folder=tmp_path)
    assert (away.code, "start it with `mx gateway`" in away.err) == (1, True)
