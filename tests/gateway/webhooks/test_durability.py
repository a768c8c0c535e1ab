"""Between a webhook's arrival and its 200 stands a finished fsync: seen in the system calls of the gateway itself."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bot.gateway.webhooks.signature import BODY, signed
from tests.gateway.syscalls import Seen, needs_strace, read, traced
from tests.gateway.webhooks.rig import SECRET, body

pytestmark = needs_strace

SENDERS, EACH = 8, 4


async def trace(tmp_path: Path, module: str) -> Seen:
    """Many deliveries at once at a traced gateway that forwards to nobody."""
    log = tmp_path / "calls.txt"
    names: dict[str, int] = {}
    async with traced(log, module, {"MAINTAINX_WEBHOOK_SECRET": SECRET}) as gw:

        async def send(first: int) -> None:
            for number in range(first, first + EACH):
                content = body(number)
                at = datetime.now(UTC)  # noqa: TID251 - the sender's own clock
                lines = (f"{BODY}: {signed(SECRET, content, at=at)}",)
                answer = await gw.post(f"/-/webhooks/NEW_WORK_ORDER?mark={number}", content, *lines)
                assert answer.status == 200
                names[answer.json()["delivery"]] = number

        async with asyncio.TaskGroup() as group:
            for sender in range(SENDERS):
                group.create_task(send(sender * EACH))
    arrival = r"POST /-/webhooks/NEW_WORK_ORDER\?mark=(\d+) HTTP"
    return read(log, names, arrival=arrival, answer="HTTP/1.1 200", name="mxd_[0-9a-f]{16}")


async def test_every_200_stands_behind_an_fsync_and_those_who_come_together_share_one(tmp_path: Path) -> None:
    seen = await trace(tmp_path, "bot gateway")

    assert set(seen.arrived) == set(seen.answered) == set(range(SENDERS * EACH))
    assert seen.too_early == set()
    first, last = min(seen.arrived.values()), max(seen.answered.values())
    assert 0 < len([begin for begin, _ in seen.synced if first < begin < last]) < SENDERS * EACH


async def test_the_check_can_fail(tmp_path: Path) -> None:
    seen = await trace(tmp_path, "tests.gateway.careless gateway")

    assert set(seen.arrived) == set(seen.answered) == set(range(SENDERS * EACH))
    assert seen.too_early == set(range(SENDERS * EACH))
