"""Nobody types anything: the fault is found, the card comes, and what is no fault of anybody wakes nobody."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.demo.maintainx import Fault
from bot.demo.statuspage import FakeStatusPage
from bot.domain.events import Event
from bot.domain.watching import WatchMoved
from tests.stories.world import KEY, World, configure, started

QUICK = "interval_s = 6\ninterval_open_s = 2\ngood_rounds = 2\n"
"""In the seconds of mx, of which ten pass in one of ours."""


@dataclass(frozen=True)
class Plant:
    """The world, and the two who answer outside besides MaintainX."""

    world: World
    page: FakeStatusPage
    other: FakeStatusPage

    async def kinds(self, *, but: tuple[str, ...] = ("card_posted",)) -> list[str]:
        return [kind for event in await self.world.facts() if (kind := event.fact.kind) not in but]

    async def moved(self, count: int) -> list[WatchMoved]:
        """What the monitor told of its rounds, once it is so much."""
        facts: tuple[Event, ...] = ()
        for _ in range(200):
            facts = await self.world.facts()
            moves = [event.fact for event in facts if isinstance(event.fact, WatchMoved)]
            if len(moves) >= count:
                return moves
            await self.world.clock.sleep(1)
        raise AssertionError([event.fact.kind for event in facts])

    async def rounds(self, count: int) -> None:
        """Wait for about so many rounds while something is wrong."""
        await self.world.clock.sleep(count * 2 + 6)


@asynccontextmanager
async def plant(folder: Path) -> AsyncIterator[Plant]:
    """A world that is watched; the integration's own health is nobody's business here."""
    async with started(folder) as world, FakeStatusPage.start() as page, FakeStatusPage.start() as other:
        world.env["MX_STATUS_URL"] = page.url
        configure(folder, bot=f'online_urls = ["{other.url}"]', integration=QUICK)
        yield Plant(world, page, other)


async def test_a_fault_is_found_raised_overridden_and_over_without_a_command_and_a_restart_repeats_nothing(
    tmp_path: Path,
) -> None:
    async with plant(tmp_path) as it:
        world = it.world
        async with world.bot():
            (well,) = await it.moved(1)
            assert (well.was, well.now) == (None, "well")
            world.maintainx.break_(Fault("limited", path="/workorders", times=1))  # one lost packet
            await it.rounds(6)
            assert world.cards() == []
            assert await it.kinds() == ["watch_moved"]
            world.maintainx.break_(Fault("limited"))
            card = await world.card("SEV-2", "nobody yet", "watched every 2 s")
        async with world.bot():  # a restart in the middle
            await it.rounds(2)
            assert (await it.kinds()).count("incident_opened") == 1
            assert (await it.kinds()).count("assessed") == 1
            await world.mx("severity 3 only the test plant is affected")
            await world.card("SEV-3")
            world.maintainx.heal()
            world.maintainx.break_(Fault("revoked"))
            shown = world.text(await world.card("mx sees SEV-1 since"))
            assert "set SEV-3: only the test plant is affected" in shown
            assert shown.startswith("SEV-3")
            world.maintainx.heal()
            await world.card("Every probe answered well")
            await world.mx("resolve anyway nothing came in the meantime")
            await world.card("Resolved")
            await it.moved(2)
            assert [one.ts for one in world.cards()] == [card.ts]
        found = await world.incident()
        assert (found.found_by, found.requested_by) == ("monitor", None)
        assert found.failing_since is not None
        assert found.failing_since < found.opened_at
        assert (await it.kinds()).count("incident_opened") == 1


async def test_announced_maintenance_and_a_network_of_our_own_that_is_away_wake_nobody(
    tmp_path: Path,
) -> None:
    async with plant(tmp_path) as it:
        world = it.world
        world.maintainx.break_(Fault("error", status=503, html=True))
        it.page.states["REST API"] = "maintenance"
        async with world.bot():
            (planned,) = await it.moved(1)
            assert (planned.now, world.cards()) == ("maintenance", [])
            assert "announced maintenance" in await world.mx("status")
            world.maintainx.heal()
            it.page.states["REST API"] = "operational"
            _, well = await it.moved(2)
            assert well.now == "well"
            world.maintainx.refuse()
            it.page.refuse()
            it.other.refuse()
            *_, gone = await it.moved(3)
            assert gone.now == "offline"
            await it.rounds(4)
            assert await it.kinds() == ["watch_moved"] * 3
            it.other.refuse(refused=False)  # we are back, and MaintainX is not
            await world.card("SEV-1")
            *_, back = await it.moved(4)
            assert "it saw nothing" in back.says


async def test_two_integrations_are_watched_side_by_side_each_in_its_own_channel(tmp_path: Path) -> None:
    async with plant(tmp_path) as it:
        world = it.world
        west = world.slack.create_channel("west", [world.ann, world.ben])
        own = f'incident_channel = "{west}"\nbase_url = "{it.world.maintainx.base_url}"\napi_key = "wrong"\n'
        text = (tmp_path / "mx.toml").read_text("utf-8")
        (tmp_path / "mx.toml").write_text(f"{text}\n[integrations.west]\n{own}{QUICK}", "utf-8")
        async with world.bot():
            await world.card("SEV-1", channel=west)
            assert world.cards() == []
            assert "1 watched without an incident" in await world.mx("status")
            world.maintainx.break_(Fault("limited"))
            await world.card("SEV-2")
            assert len(world.cards(west)) == 1
            status = await world.mx("status")
            assert KEY not in status
            assert status.count("nobody yet") == 2
