"""Between a write's arrival and its 202 stands a finished fsync: seen in the system calls of the gateway itself."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.wires import RunningGateway, upstream

# Not on every machine, such as a laptop without Linux; never passed over where changes are judged.
pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None and "CI" not in os.environ,  # noqa: TID251 - where the test runs
    reason="strace is not installed: durability is not shown here (apt-get install strace)",
)

WRITERS, EACH = 8, 6
KEY = "k-of-the-gateway"
CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"
_SYNC = re.compile(
    r"^(?P<pid>\d+)\s+(?:(?P<call>fsync|fdatasync)\((?P<rest>.*)|<\.\.\. (?:fsync|fdatasync) resumed>(?P<end>.*))$"
)


@dataclass(frozen=True)
class Seen:
    """Places in the trace: of each write's arrival and 202 by its number, and where each fsync began and ended."""

    arrived: Mapping[int, int]
    answered: Mapping[int, int]
    synced: tuple[tuple[int, int], ...]

    @property
    def too_early(self) -> set[int]:
        """Writes that were answered without a whole fsync since they arrived."""
        return {
            number
            for number, answer in self.answered.items()
            if not any(self.arrived[number] < begin and end < answer for begin, end in self.synced)
        }


def read(calls: list[str], names: Mapping[str, int]) -> Seen:
    """What the trace shows; ``names`` are the writes by their buffer ids."""
    arrived: dict[int, int] = {}
    answered: dict[int, int] = {}
    begun: dict[str, int] = {}
    synced: list[tuple[int, int]] = []
    for place, line in enumerate(calls):
        if sync := _SYNC.match(line):
            if sync["call"] is None:
                if sync["pid"] in begun and sync["end"].endswith("= 0"):
                    synced.append((begun.pop(sync["pid"]), place))
            elif "gateway.db-wal" in sync["rest"]:
                if sync["rest"].endswith("<unfinished ...>"):
                    begun[sync["pid"]] = place
                elif sync["rest"].endswith("= 0"):
                    synced.append((place, place))
        elif mark := re.search(r"POST /v1/workorders\?mark=(\d+) HTTP", line):
            arrived.setdefault(int(mark[1]), place)
        elif "HTTP/1.1 202" in line and (name := re.search(r"mxb_[0-9a-f]{16}", line)):
            answered.setdefault(names[name[0]], place)
    return Seen(arrived, answered, tuple(synced))


async def trace(tmp_path: Path, module: str) -> Seen:
    """Many writers at once at a traced gateway that buffers."""
    log = tmp_path / "calls.txt"
    names: dict[str, int] = {}
    (tmp_path / "mx.toml").write_text('[gateway]\nhost = "127.0.0.1"\n', "utf-8")
    async with upstream() as up:
        running = await asyncio.create_subprocess_exec(
            *("strace", "-f", "-y", "-qq", "-s", "300", "-e", f"trace={CALLS}", "-o", str(log)),
            *(sys.executable, "-m", *module.split()),
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},  # noqa: TID251
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "MAINTAINX_BASE_URL": up.url,
                "MAINTAINX_API_KEY": KEY,
                "MX_GATEWAY_DATABASE_URL": f"sqlite:///{tmp_path}/gateway.db",
                "MX_GATEWAY_PORT": "0",
            },
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert running.stdout is not None
            async with asyncio.timeout(60):
                line = (await running.stdout.readline()).decode()
                gw = RunningGateway(int(re.findall(r":(\d+)", line)[-1]), asyncio.Event())
                wish = {"buffer": "on", "owner": "cli:ann@host", "reason": "outage", "ttl_s": 600}
                assert (await gw.admin("PUT", "leases/b", wish)).status == 200

                async def write(first: int) -> None:
                    for number in range(first, first + EACH):
                        answer = await gw.post(
                            f"/v1/workorders?mark={number}", {"title": f"Leak {number}"}, key=KEY
                        )
                        assert answer.status == 202
                        names[answer.json()["buffer_id"]] = number

                async with asyncio.TaskGroup() as group:
                    for writer in range(WRITERS):
                        group.create_task(write(writer * EACH))
        finally:
            os.killpg(running.pid, signal.SIGTERM)  # strace itself takes no signal: the gateway does
            await running.communicate()
    return read(log.read_text("utf-8", "replace").splitlines(), names)


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
