"""Group commit: items that arrive while a commit is under way share the next one, and its single fsync."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from bot.journal.ending import to_the_end

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Many concurrent ``submit`` calls become few calls of ``commit``, in the order in which they came.

    ``commit`` gets a list of items and returns, in the same order, each one's result or the exception that its
    submitter shall see; an exception that it raises goes to every submitter of the batch. There is no background
    task: a submitter who finds nobody at work commits what is pending, then hands over to the next one. A batch
    that has begun is finished even where that submitter is cancelled.
    """

    def __init__(
        self,
        commit: Callable[[list[Item]], Awaitable[list[Result | Exception]]],
        *,
        at_most: int = 1000,
    ) -> None:
        self._commit = commit
        self._at_most = at_most
        self._pending: deque[_Waiter[Item, Result]] = deque()
        self._at_work = False

    async def submit(self, item: Item) -> Result:
        """The item's own result, when its batch has been committed.

        A submitter that is cancelled cannot know whether the item was written: it is written whole or not at all.
        """
        waiter: _Waiter[Item, Result] = _Waiter(item)  # subscripting the class here costs 2 µs
        self._pending.append(waiter)
        if self._at_work:
            try:
                await waiter.turn
            except asyncio.CancelledError:
                if waiter.called():
                    self._hand_over()
                raise
        else:
            self._at_work = True
        if waiter.outcome is None:
            try:
                await to_the_end(self._batch())
            finally:
                self._hand_over()
        if (
            waiter.outcome is None
        ):  # this batch was full before it came to this item; cannot happen to its leader
            raise AssertionError
        if isinstance(waiter.outcome[0], Exception):
            raise waiter.outcome[0]
        return waiter.outcome[0]

    async def _batch(self) -> None:
        taken = [self._pending.popleft() for _ in range(min(len(self._pending), self._at_most))]
        batch = [waiter for waiter in taken if not waiter.turn.cancelled()]
        try:
            results = await self._commit([waiter.item for waiter in batch])
            settled = list(zip(batch, results, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it is, each submitter of the batch must hear of it
            settled = [(waiter, error) for waiter in batch]
        except BaseException:
            for waiter in batch:
                waiter.turn.cancel()
            raise
        for waiter, result in settled:
            waiter.settle(result)

    def _hand_over(self) -> None:
        while self._pending:
            if self._pending[0].call():
                return
            self._pending.popleft()  # its submitter was cancelled before any work was done for it
        self._at_work = False


class _Waiter(Generic[Item, Result]):
    """One item, and its submitter's place in the queue."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.outcome: tuple[Result | Exception] | None = None
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def call(self) -> bool:
        """It is this submitter's turn to do the work; False where it has gone."""
        if self.turn.done():
            return False
        self.turn.set_result(None)
        return True

    def called(self) -> bool:
        """It was given the work and has not begun it."""
        return self.turn.done() and not self.turn.cancelled() and self.outcome is None

    def settle(self, outcome: Result | Exception) -> None:
        self.outcome = (outcome,)
        if not self.turn.done():
            self.turn.set_result(None)
