"""Between a write's arrival and its 202 stands a finished fsync: seen in the system calls of the gateway itself."""

import asyncio
from pathlib import Path

from tests.gateway.syscalls import Seen, needs_strace, read, traced
from tests.gateway.wires import upstream

pytestmark = needs_strace

WRITERS, EACH = 8, 6
KEY = "k-of-the-gateway"


async def trace(tmp_path: Path, module: str) -> Seen:
    """Many writers at once at a traced gateway that buffers."""
    log = tmp_path / "calls.txt"
    names: dict[str, int] = {}
    async with (
        upstream() as up,
        traced(log, module, {"MAINTAINX_BASE_URL": up.url, "MAINTAINX_API_KEY": KEY}) as gw,
    ):
        wish = {"buffer": "on", "owner": "cli:ann@host", "reason": "outage", "ttl_s": 600}
        assert (await gw.admin("PUT", "leases/b", wish)).status == 200

        async def write(first: int) -> None:
            for number in range(first, first + EACH):
                answer = await gw.post(f"/v1/workorders?mark={number}", {"title": f"Leak {number}"}, key=KEY)
                assert answer.status == 202
                names[answer.json()["buffer_id"]] = number

        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(write(writer * EACH))
    arrival = r"POST /v1/workorders\?mark=(\d+) HTTP"
    return read(log, names, arrival=arrival, answer="HTTP/1.1 202", name="mxb_[0-9a-f]{16}")


async def test_every_202_stands_behind_an_fsync_and_writers_share_them(tmp_path: Path) -> None:
    seen = await trace(tmp_path, "bot gateway")

    assert set(seen.arrived) == set(seen.answered) == set(range(WRITERS * EACH))
    assert seen.too_early == set()
    inside = [
        begin for begin, _ in seen.synced if min(seen.arrived.values()) < begin < max(seen.answered.values())
    ]
    assert 0 < len(inside) < WRITERS * EACH, "those who came together shared one"


async def test_the_check_can_fail(tmp_path: Path) -> None:
    seen = await trace(tmp_path, "tests.gateway.careless gateway")

    assert set(seen.arrived) == set(seen.answered) == set(range(WRITERS * EACH))
    assert seen.too_early == set(range(WRITERS * EACH))
