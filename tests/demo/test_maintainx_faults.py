"""Each way to break the stand-in MaintainX, seen by a plain client."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import aiohttp
import pytest

from bot.demo.door import full_door, silent_door
from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault, fault_from_words
from bot.demo.statuspage import FakeStatusPage


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key="k-123456", user_limit=10_000, organisation_limit=10_000) as fake:
        yield fake


@pytest.fixture
async def api(maintainx: FakeMaintainX) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer k-123456"}
    async with aiohttp.ClientSession(base_url=maintainx.base_url + "/", headers=headers) as session:
        yield session


async def status_of(api: aiohttp.ClientSession, path: str, *, method: str = "GET") -> int:
    async with api.request(method, path, json={"title": "x"} if method == "POST" else None) as answer:
        await answer.read()
        return answer.status


async def test_a_revoked_key_is_401_and_versions_still_answers(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("revoked"))
    async with api.get("assets") as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "Invalid token"})
    async with api.get(f"{maintainx.origin}/versions") as answer:
        assert answer.status == 200
    maintainx.heal()
    assert await status_of(api, "assets") == 200


async def test_forbidden_has_the_write_envelope(maintainx: FakeMaintainX, api: aiohttp.ClientSession) -> None:
    maintainx.break_(Fault("forbidden", "/users"))
    async with api.get("users") as answer:
        assert (answer.status, list(await answer.json())) == (403, ["errors"])
    assert await status_of(api, "assets") == 200


async def test_a_path_that_is_gone_is_also_gone_from_the_document(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("gone", "/assets"))
    async with api.get("assets") as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Not Found."})
    async with api.get("openapi.json") as answer:
        paths = (await answer.json())["paths"]
    assert "/assets" not in paths
    assert "/users" in paths


async def test_an_outage_is_5xx_everywhere(maintainx: FakeMaintainX, api: aiohttp.ClientSession) -> None:
    maintainx.break_(Fault("error", status=503))
    assert {await status_of(api, path) for path in ("users", "assets", f"{maintainx.origin}/versions")} == {
        503
    }
    maintainx.heal()
    maintainx.break_(Fault("error", "/workorders", status=502, html=True))
    async with api.get("workorders") as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
    assert await status_of(api, "users") == 200


async def test_a_share_of_requests_or_each_nth_one(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("error", share=0.5))
    found = [await status_of(api, "users?limit=1") for _ in range(60)]
    assert 15 <= found.count(500) <= 45
    maintainx.heal()
    maintainx.break_(Fault("error", "/users", every=3))
    assert [await status_of(api, "users?limit=1") for _ in range(6)] == [200, 200, 500, 200, 200, 500]
    maintainx.heal()
    maintainx.break_(Fault("error", "/users", times=2))
    assert [await status_of(api, "users?limit=1") for _ in range(3)] == [500, 500, 200]


async def test_a_fault_may_be_for_some_methods_only(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("error", "/workorders", methods=("POST",)))
    assert await status_of(api, "workorders") == 200
    count = len(maintainx.workorders)
    assert await status_of(api, "workorders", method="POST") == 500
    assert len(maintainx.workorders) == count


async def test_faults_add_up_and_one_can_be_healed(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    slow, broken = Fault("slow", "/users", seconds=0.15), Fault("error", "/users", status=504)
    maintainx.break_(slow, broken)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert await status_of(api, "users") == 504
    assert loop.time() - begun >= 0.15
    maintainx.heal(broken)
    assert maintainx.faults == (slow,)
    assert await status_of(api, "users") == 200


@pytest.mark.parametrize("kind", ["reset", "drop"])
async def test_a_connection_dies_before_or_after_the_write(
    kind: Literal["reset", "drop"], maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault(kind))
    count = len(maintainx.workorders)
    with pytest.raises(aiohttp.ClientError):
        await status_of(api, "workorders", method="POST")
    assert len(maintainx.workorders) - count == (1 if kind == "drop" else 0)
    assert maintainx.requests[-1].status is None
    assert maintainx.requests[-1].done == (1 if kind == "drop" else None)
    maintainx.heal()
    assert await status_of(api, "workorders", method="POST") == 200


async def test_an_edge_may_time_out_after_the_write(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("error", status=504, html=True, commits=True))
    count = len(maintainx.workorders)
    assert await status_of(api, "workorders", method="POST") == 504
    assert len(maintainx.workorders) == count + 1
    assert maintainx.requests[-1].done == 1


async def test_the_record_says_which_writes_were_done_and_in_which_order(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    slow = Fault("slow", "/workorders", seconds=0.15, times=1)
    maintainx.break_(slow)
    async with asyncio.TaskGroup() as group:
        group.create_task(status_of(api, "workorders", method="POST"))
        await asyncio.sleep(0.05)
        assert await status_of(api, "workorders", method="POST") == 200
    assert await status_of(api, "assets", method="POST") == 400
    assert await status_of(api, "users") == 200
    assert [r.done for r in maintainx.requests] == [2, 1, None, None]


async def test_a_hanging_request_never_answers_and_the_stand_in_still_stops(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.break_(Fault("hang", "/assets"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await status_of(api, "assets")
    assert await status_of(api, "users") == 200


async def test_a_body_can_stall_or_be_cut(maintainx: FakeMaintainX, api: aiohttp.ClientSession) -> None:
    maintainx.break_(Fault("slow_body", "/users", seconds=0.15))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with api.get("users") as answer:
        assert len((await answer.json())["users"]) == 6
    assert loop.time() - begun >= 0.15
    maintainx.heal()
    maintainx.break_(Fault("cut_body", "/users"))
    async with api.get("users") as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()


async def test_connections_are_refused_and_come_back_on_the_same_port(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    base = maintainx.base_url
    assert await status_of(api, "users") == 200
    for _ in range(3):
        maintainx.break_(Fault("refuse"))
        with pytest.raises(aiohttp.ClientConnectorError):
            await status_of(api, "users")
        maintainx.heal()
        assert maintainx.base_url == base
        assert await status_of(api, "users") == 200


async def test_a_200_can_be_something_else(maintainx: FakeMaintainX, api: aiohttp.ClientSession) -> None:
    maintainx.break_(Fault("portal"))
    async with api.get("users") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
    maintainx.heal()
    maintainx.break_(Fault("wrong_json"))
    async with api.get("users") as answer:
        assert "users" not in await answer.json()
    maintainx.heal()
    maintainx.break_(Fault("wrong_content"))
    async with api.get("users") as answer:
        assert answer.content_type == "application/json"
        with pytest.raises(ValueError, match="Expecting value"):
            await answer.json()
    maintainx.heal()
    maintainx.break_(Fault("redirect"))
    async with api.get("users", allow_redirects=False) as answer:
        assert answer.status == 302


async def test_a_silent_port_accepts_and_a_full_one_does_not() -> None:
    async with silent_door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        writer.close()
    async with full_door() as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await asyncio.open_connection("127.0.0.1", port)


async def test_what_a_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with (
            FakeMaintainX.start(),
            FakeStatusPage.start(),
            FakeIntegration.start(base_url="http://127.0.0.1:9/v1"),
        ):
            raise LookupError("mine")


def test_faults_can_be_typed() -> None:
    assert fault_from_words(["401"]) == Fault("revoked")
    assert fault_from_words(["5xx", "/assets", "0.5"]) == Fault("error", "/assets", share=0.5, status=503)
    assert fault_from_words(["502"]) == Fault("error", status=502)
    assert fault_from_words(["slow", "3", "/users"]) == Fault("slow", "/users", seconds=3.0)
    assert fault_from_words(["hang", "/users"]) == Fault("hang", "/users")
    for words, hint in [([], "401"), (["melt"], "401"), (["5xx", "half"], "0.5"), (["5xx", "2"], "up to 1")]:
        with pytest.raises(ValueError, match=hint):
            fault_from_words(words)
