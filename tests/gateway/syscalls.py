"""The system calls of a gateway: whether a finished fsync stands between an arrival and its answer."""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway.wires import RunningGateway

# Not on every machine, such as a laptop without Linux; never passed over where changes are judged.
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None and "CI" not in os.environ,  # noqa: TID251 - where the test runs
    reason="strace is not installed: durability is not shown here (apt-get install strace)",
)

CALLS = "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,fsync,fdatasync"
_SYNC = re.compile(
    r"^(?P<pid>\d+)\s+(?:(?P<call>fsync|fdatasync)\((?P<rest>.*)|<\.\.\. (?:fsync|fdatasync) resumed>(?P<end>.*))$"
)


@dataclass(frozen=True)
class Seen:
    """Places in the trace: of each arrival and its answer by its number, and where each fsync began and ended."""

    arrived: Mapping[int, int]
    answered: Mapping[int, int]
    synced: tuple[tuple[int, int], ...]

    @property
    def too_early(self) -> set[int]:
        """What was answered without a whole fsync since it arrived."""
        return {
            number
            for number, answer in self.answered.items()
            if not any(self.arrived[number] < begin and end < answer for begin, end in self.synced)
        }


def read(log: Path, names: Mapping[str, int], *, arrival: str, answer: str, name: str) -> Seen:
    """What the trace shows. ``arrival`` finds a request's number, ``answer`` its status line, ``name`` its name there.

    ``names`` are the numbers by the names that the answers gave.
    """
    arrived: dict[int, int] = {}
    answered: dict[int, int] = {}
    begun: dict[str, int] = {}
    synced: list[tuple[int, int]] = []
    for place, line in enumerate(log.read_text("utf-8", "replace").splitlines()):
        if sync := _SYNC.match(line):
            if sync["call"] is None:
                if sync["pid"] in begun and sync["end"].endswith("= 0"):
                    synced.append((begun.pop(sync["pid"]), place))
            elif "gateway.db-wal" in sync["rest"]:
                if sync["rest"].endswith("<unfinished ...>"):
                    begun[sync["pid"]] = place
                elif sync["rest"].endswith("= 0"):
                    synced.append((place, place))
        elif mark := re.search(arrival, line):
            arrived.setdefault(int(mark[1]), place)
        elif answer in line and (found := re.search(name, line)):
            answered.setdefault(names[found[0]], place)
    return Seen(arrived, answered, tuple(synced))


@asynccontextmanager
async def traced(log: Path, module: str, environment: Mapping[str, str]) -> AsyncIterator[RunningGateway]:
    """A gateway whose system calls are written down, until the block ends; its folder is the log's."""
    (log.parent / "mx.toml").write_text('[gateway]\nhost = "127.0.0.1"\n', "utf-8")
    running = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-y", "-qq", "-s", "300", "-e", f"trace={CALLS}", "-o", str(log)),
        *(sys.executable, "-m", *module.split()),
        cwd=log.parent,
        env={
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},  # noqa: TID251
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "MX_GATEWAY_DATABASE_URL": f"sqlite:///{log.parent}/gateway.db",
            "MX_GATEWAY_PORT": "0",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(60):
            line = (await running.stdout.readline()).decode()
        yield RunningGateway(int(re.findall(r":(\d+)", line)[-1]), asyncio.Event())
    finally:
        os.killpg(running.pid, signal.SIGTERM)  # strace itself takes no signal: the gateway does
        await running.communicate()
