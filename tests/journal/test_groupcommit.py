"""Group commit: few commits for many waiters, and nobody's cancellation is another's loss."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import StoreError
from bot.journal.groupcommit import GroupCommit


class Store:
    """What a commit writes to; it can be held up and it can refuse."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Event()
        self.fault: Exception | None = None

    async def commit(self, items: list[int]) -> list[int | Exception]:
        self.begun.set()
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        self.batches.append(items)
        return [ValueError(f"{i} is odd") if i % 2 else i * 10 for i in items]

    @property
    def written(self) -> list[int]:
        return [item for batch in self.batches for item in batch]


async def test_each_submitter_gets_its_own_result_or_its_own_refusal() -> None:
    group = GroupCommit(Store().commit)

    answers = await asyncio.gather(*(group.submit(i) for i in range(6)), return_exceptions=True)

    assert [str(a) for a in answers] == ["0", "1 is odd", "20", "3 is odd", "40", "5 is odd"]


async def test_those_who_come_during_a_commit_share_the_next_one() -> None:
    store = Store()
    store.gate.clear()
    group = GroupCommit(store.commit)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(group.submit(0))
        await store.begun.wait()
        for i in range(2, 200, 2):
            tasks.create_task(group.submit(i))
        await asyncio.sleep(0)
        store.gate.set()

    assert store.batches == [[0], list(range(2, 200, 2))]


async def test_a_batch_is_bounded() -> None:
    store = Store()
    store.gate.clear()
    group = GroupCommit(store.commit, at_most=4)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(group.submit(0))
        await store.begun.wait()
        for i in range(2, 22, 2):
            tasks.create_task(group.submit(i))
        await asyncio.sleep(0)
        store.gate.set()

    assert [len(batch) for batch in store.batches] == [1, 4, 4, 2]


async def test_a_store_that_refuses_is_heard_by_all_and_the_next_batch_works() -> None:
    store = Store()
    store.fault = StoreError("writing it: no space")
    group = GroupCommit(store.commit)

    refused = await asyncio.gather(*(group.submit(i) for i in (0, 2, 4)), return_exceptions=True)
    store.fault = None

    assert [str(r) for r in refused] == ["writing it: no space"] * 3
    assert await group.submit(6) == 60
    assert store.written == [6]


async def test_cancelling_the_one_who_does_the_work_does_not_stop_the_batch() -> None:
    store = Store()
    store.gate.clear()
    group = GroupCommit(store.commit)
    async with asyncio.TaskGroup() as tasks:
        leader = tasks.create_task(group.submit(0))
        await store.begun.wait()
        follower = tasks.create_task(group.submit(2))
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.sleep(0)
        assert not leader.done(), "it waits for the commit that it began"
        store.gate.set()

    assert leader.cancelled()
    assert follower.result() == 20
    assert store.written == [0, 2]


async def test_cancelling_the_one_whose_turn_has_just_come_passes_the_turn_on() -> None:
    store = Store()
    store.gate.clear()
    group = GroupCommit(store.commit)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(group.submit(0))
        await store.begun.wait()
        next_one = tasks.create_task(group.submit(2))
        last = tasks.create_task(group.submit(4))
        await asyncio.sleep(0)
        first.add_done_callback(lambda _: next_one.cancel())  # runs when its turn was given and not yet taken
        store.gate.set()

    assert next_one.cancelled()
    assert last.result() == 40
    assert 4 in store.written


@settings(max_examples=60, deadline=None)
@given(
    plan=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6), st.booleans()), min_size=1, max_size=25),
)
async def test_whatever_is_cancelled_the_others_are_answered_and_written_once(
    plan: list[tuple[int, int, bool]],
) -> None:
    store = Store()
    group = GroupCommit(store.commit, at_most=3)

    async def commit_slowly(items: list[int]) -> list[int | Exception]:
        await asyncio.sleep(0)
        answer = await store.commit(items)
        await asyncio.sleep(0)
        return answer

    group = GroupCommit(commit_slowly, at_most=3)
    tasks: list[asyncio.Task[int]] = []

    async def submit(number: int, pause: int) -> int:
        for _ in range(pause):
            await asyncio.sleep(0)
        return await group.submit(number)

    async def cancel(task: asyncio.Task[int], pause: int) -> None:
        for _ in range(pause):
            await asyncio.sleep(0)
        task.cancel()

    async with asyncio.timeout(20), asyncio.TaskGroup() as all_of_them:
        for number, (pause, patience, impatient) in enumerate(plan):
            task = all_of_them.create_task(submit(number * 2, pause))
            tasks.append(task)
            if impatient:
                all_of_them.create_task(cancel(task, patience))

    assert len(store.written) == len(set(store.written)), "nothing is written twice"
    for number, task in enumerate(tasks):
        if not task.cancelled():
            assert task.result() == number * 20
            assert number * 2 in store.written
    with pytest.raises(ValueError, match="1 is odd"):
        await group.submit(1)  # and it still works
