"""The replay as a person drives it: every word in each state, kept over restarts, told with its actor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from bot.errors import Conflict, StoreError
from bot.gateway.buffer.control import Action, Control, ReplayState
from bot.gateway.buffer.progress import duration
from tests.clock import FakeClock
from tests.gateway.buffer.rig import ANN, NOON, Kept, kept, new

GOES: dict[tuple[Action, ReplayState], ReplayState] = {
    ("start", "idle"): "running",
    ("start", "done"): "running",
    ("pause", "running"): "paused",
    ("resume", "paused"): "running",
    ("cancel", "running"): "idle",
    ("cancel", "paused"): "idle",
}
BEFORE: dict[ReplayState, tuple[Action, ...]] = {
    "idle": (),
    "running": ("start",),
    "paused": ("start", "pause"),
    "done": ("start",),
}
TOLD: dict[Action, str] = {
    "start": "replay_started",
    "pause": "replay_paused",
    "resume": "replay_resumed",
    "cancel": "replay_cancelled",
}


async def say(control: Control, *actions: Action, reason: str = "") -> None:
    for action in actions:
        await control.act(action, actor=ANN, reason=reason, has_key=True)


async def stand(mx: Kept, state: ReplayState) -> None:
    """Bring the replay there, with one write waiting."""
    await mx.accept(new("DELETE", "/v1/workorders/1"))
    await say(mx.control, *BEFORE[state])
    if state == "done":
        await mx.control.finish()
    assert mx.control.state == state


@pytest.mark.parametrize("state", ["idle", "running", "paused", "done"])
@pytest.mark.parametrize("action", ["start", "pause", "resume", "cancel"])
async def test_each_word_in_each_state_and_after_a_restart(
    tmp_path: Path, action: Action, state: ReplayState
) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, state)
        told = await mx.told()
        to = GOES.get((action, state))
        if to is None:
            with pytest.raises(Conflict):
                await say(mx.control, action)
            assert await mx.told() == told
        else:
            await say(mx.control, action, reason="mx-1")
            assert await mx.told() == [*told, (ANN, TOLD[action], "")]
        assert mx.control.state == (to or state)
    async with kept(tmp_path) as mx:
        assert mx.control.state == (to or state)
        assert mx.control.working == (mx.control.state == "running")


async def test_a_conflict_says_what_is_in_the_way_and_who_did_it(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        with pytest.raises(Conflict, match="nothing waits to be replayed"):
            await say(mx.control, "start")
        with pytest.raises(Conflict, match="no replay is running, so there is nothing to pause"):
            await say(mx.control, "pause")
        await stand(mx, "running")
        with pytest.raises(Conflict, match=f"running already, started by {ANN}"):
            await say(mx.control, "start")
        await say(mx.control, "pause")
        with pytest.raises(Conflict, match=r"is paused .*resume or cancel"):
            await say(mx.control, "start")


async def test_nothing_is_sent_while_writes_are_buffered_or_without_a_key(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("DELETE", "/v1/workorders/1"))
        mx.control.hold(buffering=True)
        with pytest.raises(Conflict, match="being buffered"):
            await say(mx.control, "start")
        mx.control.hold(buffering=False)
        with pytest.raises(Conflict, match="MAINTAINX_API_KEY"):
            await mx.control.act("start", actor=ANN, reason="", has_key=False)
        assert mx.control.state == "idle"


async def test_parked_ones_alone_are_nothing_to_start_for(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("POST", "/v1/assets", {"name": "A"}))
        await mx.buffer.unknown(await mx.claimed(), "it broke off")
        with pytest.raises(Conflict, match="1 parked"):
            await say(mx.control, "start")


async def test_what_a_dry_run_would_do_in_a_sentence(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        for _ in range(3):
            await mx.accept(new("POST", "/v1/assets", {"name": "A"}))
        await mx.accept(
            *(
                new("DELETE", f"/v1/workorders/{n}", at=datetime(2026, 11, 23, 2, 14, tzinfo=NOON.tzinfo))
                for n in range(135)
            )
        )
        for _ in range(2):
            await mx.buffer.park(await mx.claimed(), "nobody knows")
        await mx.buffer.settled(await mx.claimed(), "delivered", status=201, answer=b"", says="")
        await mx.buffer.unknown(await mx.claimed(), "it broke off")
        found = mx.control.dry_run(rate_per_s=40 / 60)
        assert (
            found["says"] == "135 writes, oldest 02:14 UTC, about 3 minutes at 40 a minute; 2 would be parked"
        )
        assert (found["dry_run"], found["total"], found["parked"], found["to_look_for"]) == (True, 135, 2, 1)
        assert found["eta_s"] == 202.5
        assert mx.control.state == "idle"
        assert mx.buffer.tally.of("waiting") == 134


async def test_a_dry_run_of_nothing(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        assert mx.control.dry_run(rate_per_s=1.0)["says"] == "0 writes, about 0 s at 60 a minute"


async def test_progress_goes_on_counting_after_a_restart(tmp_path: Path) -> None:
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock) as mx:
        await mx.accept(*(new("DELETE", f"/v1/workorders/{n}") for n in range(5)))
        old = await mx.claimed()
        await mx.buffer.settled(old, "delivered", status=204, answer=b"", says="before this replay")
        clock.jump(5)
        await say(mx.control, "start")
        clock.jump(5)
        for place, rejected in (("delivered", False), ("rejected", True)):
            await mx.buffer.settled(await mx.claimed(), place, status=200, answer=b"", says="")  # type: ignore[arg-type] # one of them
            mx.control.one_done(rejected=rejected)
        before = mx.control.json(rate_per_s=1.0)
        assert (before["total"], before["done"], before["left"]) == (4, 2, 2)
    async with kept(tmp_path, clock=clock) as mx:
        after = mx.control.json(rate_per_s=1.0)
        for name in ("state", "total", "done", "left", "parked", "by", "says", "oldest"):
            assert after[name] == before[name], name
        for _ in range(2):
            await mx.buffer.settled(await mx.claimed(), "delivered", status=200, answer=b"", says="")
            mx.control.one_done(rejected=False)
        await mx.control.finish()
        assert mx.control.json(rate_per_s=1.0)["says"] == "3 delivered, 1 rejected by MaintainX, in 5 s"


async def test_the_end_says_what_is_left_for_a_person(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(*(new("PATCH", "/v1/workorders/1", {"title": t}) for t in "ab"))
        await say(mx.control, "start")
        await mx.buffer.park(await mx.claimed(), "nobody knows")
        await mx.control.finish()
        found = mx.control.json(rate_per_s=1.0)
        assert found["says"] == "0 delivered, 1 parked for a person, 1 waiting behind those, in 0 s"
        assert (found["state"], found["by"]) == ("done", ANN)
        assert (await mx.told())[-1] == ("gateway", "replay_finished", "")


async def test_a_replay_that_cannot_be_written_down_has_not_begun(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await mx.accept(new("DELETE", "/v1/workorders/1"))
        async with mx.database.write() as tx:
            await tx.execute(
                "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        with pytest.raises(StoreError):
            await say(mx.control, "start")
        assert mx.control.state == "idle"
        assert not mx.control.working


async def test_after_the_stop_has_begun_nothing_more_is_sent(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, "running")
        mx.control.close()
        assert not mx.control.working
    async with kept(tmp_path) as mx:
        assert mx.control.working, "the process that follows goes on"


@asynccontextmanager
async def driven(mx: Kept, trouble: list[Exception] | None = None) -> AsyncIterator[Control]:
    """With the loop that carries out what the gateway itself wants."""
    async with asyncio.TaskGroup() as group:
        loop = group.create_task(
            mx.control.run(has_key=lambda: True, on_trouble=(trouble if trouble is not None else []).append)
        )
        yield mx.control
        loop.cancel()


async def became(mx: Kept, state: ReplayState) -> None:
    async with asyncio.timeout(10):
        while (await mx.database.read("SELECT state FROM replay"))[0][0] != state:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.005)


async def test_buffering_that_begins_pauses_a_replay_at_once_and_its_end_does_not_resume_it(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, "running")
        async with driven(mx) as control:
            control.hold(buffering=True)
            assert not control.working, "at once, before the disk knows"
            await became(mx, "paused")
            control.hold(buffering=False)
            assert (control.state, control.working) == ("paused", False)
        assert (await mx.told())[-1] == ("gateway", "replay_paused", "")
        assert mx.control.json(rate_per_s=1.0)["by"] == ANN


async def test_buffering_that_begins_and_ends_at_once_pauses_it_all_the_same(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, "running")
        async with driven(mx) as control:
            control.hold(buffering=True)
            control.hold(buffering=False)
            assert not control.working
            await became(mx, "paused")


@pytest.mark.parametrize("before", ["idle", "paused", "done"])
async def test_it_starts_by_itself_where_that_is_wanted(tmp_path: Path, before: ReplayState) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, "running" if before == "paused" else before)
        if before == "paused":
            await mx.control.pause_by_itself("MaintainX is down")
        async with driven(mx) as control:
            control.want_start()
            await became(mx, "running")
            assert control.working
        actor, what, _ = (await mx.told())[-1]
        assert (actor, what) == ("gateway", "replay_resumed" if before == "paused" else "replay_started")


async def test_what_a_person_has_paused_or_cancelled_is_not_begun_by_itself(tmp_path: Path) -> None:
    ends: dict[Action, ReplayState] = {"pause": "paused", "cancel": "idle"}
    for act, state in ends.items():
        folder = tmp_path / act
        folder.mkdir()
        clock = FakeClock(NOON)
        async with kept(folder, clock=clock) as mx:
            await stand(mx, "running")
            clock.jump(1)
            await say(mx.control, act)
            async with driven(mx) as control:
                control.want_start()
                await asyncio.sleep(0.05)
                assert control.state == state


async def test_with_nothing_waiting_it_does_not_start_by_itself(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx, driven(mx) as control:
        control.want_start()
        await asyncio.sleep(0.05)
        assert control.state == "idle"


async def test_a_pause_that_comes_while_a_start_is_written_down_is_kept(tmp_path: Path) -> None:
    async with kept(tmp_path) as mx:
        await stand(mx, "idle")
        async with driven(mx) as control:
            control.want_start()
            while control.state != "running":  # noqa: ASYNC110 - in force before it is on the disk
                await asyncio.sleep(0)
            control.hold(buffering=True)
            await became(mx, "paused")
            control.hold(buffering=False)
            assert not control.working, "nobody has asked for it"


async def test_a_wish_that_the_disk_cannot_take_is_kept_until_it_can(tmp_path: Path) -> None:
    trouble: list[Exception] = []
    clock = FakeClock(NOON)
    async with kept(tmp_path, clock=clock) as mx:
        await stand(mx, "running")
        async with mx.database.write() as tx:
            await tx.execute(
                "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
        async with driven(mx, trouble) as control:
            control.hold(buffering=True)
            await clock.until_parked()
            assert isinstance(trouble[0], StoreError)
            assert not control.working
            async with mx.database.write() as tx:
                await tx.execute("DROP TRIGGER full")
            await clock.advance(1.0)
            await became(mx, "paused")


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0, "0 s"), (40.4, "40 s"), (89, "89 s"), (90, "2 minutes"), (202, "3 minutes"), (7800, "2 h 10 min")],
)
def test_a_length_of_time_as_people_say_it(seconds: float, says: str) -> None:
    assert duration(seconds) == says
