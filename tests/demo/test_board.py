"""The fault board: every fault that a rule knows is on it, and really provokes what it says; the routes behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, get_args
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from bot.clock import SystemClock
from bot.demo.browser.board import FAULTS
from bot.demo.cockpit import page_of
from bot.demo.faultboard import Board, BoardFault
from bot.demo.maintainx import FakeMaintainX
from bot.demo.maintainx.faults import FaultKind
from bot.demo.vendor_faults import VENDOR
from bot.demo.world import LIMIT_WINDOW_S, World, start_world
from bot.domain.assessment import Assessment
from bot.domain.calendar import Calendar
from bot.domain.integration import Integration
from bot.domain.rules import RULE_NAMES
from bot.gateway_client import GatewayClient
from bot.logs import FileLog
from bot.probes.build import Outside, probes_for
from bot.scrub import Scrubber
from bot.triage import assess
from tests.keys import HeldKey

NOT_PROVOKED = {"unexplained"}
"""What no rule explains has no fault of its own: whatever the board breaks is explained."""

HOW: dict[str, tuple[tuple[str, dict[str, object]], ...]] = {
    "rate-limited": (("rate-limited", {}),),
    "platform-outage": (("errors", {}),),
    "endpoint-errors": (("errors", {"path": "/users"}),),
    "intermittent-errors": (("errors", {"share": 35.0}),),
    "slow": (("slow", {"seconds": 0.5}), ("dribble", {"seconds": 0.5})),
    "network": (("refuse", {}),),
    "path-changed": (("gone", {"path": "/assets"}),),
    "base-url-wrong": (("gone", {}),),
    "odd-answers": (("portal", {}), ("odd", {}), ("garbage", {})),
    "request-refused": (("redirect", {}),),
    "webhook-delivery": (("webhooks-stop", {}), ("receiver", {})),
    "service-down": (("health", {"shape": "refused"}), ("health", {"shape": "broken"})),
    "service-degraded": (("degraded", {}),),
    "service-slow": (("slow-health", {"seconds": 0.5}),),
    "sync-gap": (("sync-stuck", {}),),
    "key-rejected": (("key-revoked", {}), ("key-file", {"how": "quoted"})),
    "key-forbidden": (("key-forbidden", {}),),
    "key-odd": (("key-file", {"how": "newline"}),),
    "key-unsendable": (("key-file", {"how": "smart"}),),
    "key-missing": (("key-file", {"how": "empty"}),),
}
"""How each rule is provoked."""


def test_every_rule_is_provoked_by_a_fault_of_the_board() -> None:
    told = {rule for fault in FAULTS for rule in fault.rules}
    assert told == RULE_NAMES - NOT_PROVOKED
    assert HOW.keys() == told
    for rule, ways in HOW.items():
        for fault, values in ways:
            found = next(one for one in FAULTS if one.id == fault)
            assert rule in found.rules
            found.read(values)


def test_every_fault_has_a_name_of_its_own_and_words() -> None:
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)
    for fault in FAULTS:
        assert fault.title
        assert fault.says.endswith(".")


@pytest.mark.parametrize(
    ("fault", "sent", "says"),
    [
        ("storm", {"rate": 99}, "a number from 1 to 10"),
        ("storm", {"rate": True}, "a number from 1 to 10"),
        ("storm", {"speed": 1}, "has no speed; it takes rate"),
        ("errors", {"path": "/nowhere"}, "is one of"),
        ("health", {"shape": "round"}, "is one of"),
    ],
)
def test_a_value_that_is_none_is_refused_with_what_it_may_be(
    fault: str, sent: dict[str, object], says: str
) -> None:
    found = next(one for one in FAULTS if one.id == fault)
    with pytest.raises(ValueError, match=says):
        found.read(sent)


async def test_each_rule_finds_the_fault_that_is_meant_for_it_and_nothing_is_left_when_all_is_mended() -> (
    None
):
    async with start_world() as world:
        world.integration.set_pace(dict.fromkeys(("work-order-sync", "asset-sync", "report-generator"), 0.0))
        board = Board(world, FAULTS)
        for rule, ways in HOW.items():
            for fault, values in ways:
                await board.break_(fault, values)
                found = await triage_of(world)
                assert rule in {one.rule for one in found.findings}, (fault, values, found.findings)
                await board.heal()
                world.integration.results.clear()
        assert board.on == {}
        assert (await triage_of(world)).healthy


async def test_each_way_in_which_the_stand_in_maintainx_breaks_is_on_the_board() -> None:
    async with FakeMaintainX.start() as maintainx:
        world: Any = SimpleNamespace(maintainx=maintainx)  # all that these faults look at
        switched = set[str]()
        others = {"webhooks-stop", "status-page", "status-report", "status-page-broken"}
        faults = [one for one in FAULTS if one in VENDOR or one.id == "key-forbidden"]
        board = Board(world, [one for one in faults if one.id not in others])
        for fault in board.faults:
            await board.break_(fault.id, {})
            switched |= {one.kind for one in maintainx.faults}
        known = set(get_args(FaultKind))
        assert switched == known - {"revoked"}, "the board takes the key itself away"
        await board.heal()
        assert maintainx.faults == ()


async def test_a_fault_that_is_set_again_has_its_new_strength_alone() -> None:
    switched: list[tuple[str, object]] = []

    async def switch(_world: World, values: Any) -> Any:
        switched.append(("on", dict(values)))

        async def undo() -> None:
            switched.append(("off", dict(values)))

        return undo

    fault = BoardFault("storm", "Slack", "Storm", "It storms.", switch, (), FAULTS[0].params)
    board = Board(None, (fault,))  # type: ignore[arg-type] # the fault looks at no world
    await board.break_("storm", {"rate": 2})
    await board.break_("storm", {"rate": 3})
    assert board.on == {"storm": {"rate": 3.0}}
    await board.heal()
    await board.mend("storm")
    assert switched == [
        ("on", {"rate": 2.0}),
        ("off", {"rate": 2.0}),
        ("on", {"rate": 3.0}),
        ("off", {"rate": 3.0}),
    ]
    with pytest.raises(ValueError, match="'fire' is no fault of the board; there are storm"):
        await board.break_("fire", {})


async def test_the_page_steers_the_world_and_only_the_page_may() -> None:
    async with _asking() as (world, url, web):

        async def post(path: str, body: object, **headers: str) -> tuple[int, Any]:
            async with web.post(f"{url}{path}", json=body, headers=headers) as answer:
                return answer.status, await answer.json()

        status, told = await post("sim/board/on", {"id": "slow", "values": {"seconds": 2}})
        assert (status, told["on"]) == (200, {"slow": {"path": "*", "share": 100, "seconds": 2.0}})
        assert [fault.kind for fault in world.maintainx.faults] == ["slow"]
        assert (await post("sim/board/heal", {}))[1]["on"] == {}
        assert world.maintainx.faults == ()
        status, told = await post("sim/board/on", {"id": "slow", "values": {"seconds": "long"}})
        assert (status, told["error"]) == (400, "Delay is a number from 0.5 to 20, not 'long'")
        assert (await post("sim/clock", {"speed": 10}))[1]["clock"]["speed"] == 10
        assert (await post("sim/clock", {"speed": 7}))[0] == 400
        before = world.clock.monotonic()
        await post("sim/clock", {"jump_s": 3600})
        assert world.clock.monotonic() >= before + 3600
        spare = (await post("sim/key", {}))[1]["spare_key"]
        headers = {"Authorization": f"Bearer {spare}"}
        async with web.get(f"{world.maintainx.base_url}/users", headers=headers) as answer:
            assert answer.status == 200
        assert (await post("sim/process", {"name": "bot", "action": "stop"}))[1]["processes"][
            "bot"
        ] == "stopped"
        assert (await post("sim/process", {"name": "bot", "action": "fly"}))[0] == 400
        async with web.get(f"{url}sim/traffic") as stream:
            line = await anext(aiter(stream.content))
            assert line.startswith(b'data: {"traffic": {"answers"')
            assert b'"bot": "stopped"' in line

        # A page of somewhere else, a name that somebody gave to this address, a form without JSON.
        assert (await post("sim/board/heal", {}, Origin="https://evil.example"))[0] == 403
        assert (await post("sim/board/heal", {}, Host="evil.example"))[0] == 403
        async with web.post(f"{url}sim/board/heal", data={"id": "slow"}) as answer:
            assert answer.status == 403
        async with web.get(url, headers={"Host": "evil.example"}) as answer:
            assert answer.status == 403
        async with web.get(url) as answer:
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        async with web.get(f"{url}static/..%2fapp.py") as answer:
            assert answer.status == 404


async def triage_of(world: World, *, jump: bool = True) -> Assessment:
    """Ask both sides of a world now; ``jump``: with MaintainX's own window empty again."""
    integration = Integration(
        base_url=world.maintainx.base_url,
        health_url=world.integration.health_url,
        health_configured=True,
        status_url=world.statuspage.url,
        slow_ms=400.0,
        deadline_s=5.0,
    )
    key = world.key_file.read_text("utf-8")
    async with (
        GatewayClient.open(world.gateway_url, token=world.gateway_token) as gateway,
        Outside.open(clock=SystemClock(), scrub=Scrubber([world.key]), gateway=gateway) as outside,
    ):
        log = FileLog(world.folder / "maintainx-sync.log")
        probes = probes_for(integration, key=HeldKey(key or None), outside=outside, log=log)
        if jump:
            world.clock.jump(LIMIT_WINDOW_S + 1)
        return await assess(
            integration, probes, samples=3, clock=SystemClock(), calendar=Calendar(ZoneInfo("UTC"))
        )


@asynccontextmanager
async def _asking() -> AsyncIterator[tuple[World, str, aiohttp.ClientSession]]:
    async with start_world() as world, page_of(world) as url, aiohttp.ClientSession() as web:
        async with asyncio.timeout(60):
            yield world, url, web
