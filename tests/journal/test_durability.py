"""Between a write's arrival and its acknowledgement stands a finished fsync: seen in the system calls themselves."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal.appender import EACH

# Not on every machine, such as a laptop without Linux; never passed over where changes are judged.
pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None and "CI" not in os.environ,  # noqa: TID251 - where the test runs
    reason="strace is not installed: durability is not shown here (apt-get install strace)",
)

_CALL = re.compile(
    r"^(?P<pid>\d+)\s+(?P<what>fsync|fdatasync|write)\((?P<rest>.*)$|"
    r"^(?P<resumed>\d+)\s+<\.\.\. (?:fsync|fdatasync) resumed>.*=\s+(?P<result>-?\d+)"
)
_MARK = re.compile(r"(arrived|acknowledged) (\d+)\\n")


def trace(tmp_path: Path, *, synchronous: str, writers: int) -> list[str]:
    """The system calls of a process that appends, in order."""
    log = tmp_path / "calls.txt"
    subprocess.run(
        [
            *("strace", "-f", "-y", "-qq", "-s", "64", "-e", "trace=fsync,fdatasync,write", "-o", str(log)),
            *(
                sys.executable,
                "-m",
                "tests.journal.appender",
                str(tmp_path / "mx.db"),
                synchronous,
                str(writers),
            ),
        ],
        check=True,
        timeout=60,
        stdout=subprocess.DEVNULL,
    )
    return log.read_text().splitlines()


def not_durable(calls: list[str]) -> tuple[set[int], set[int]]:
    """All items that were acknowledged, and those of them without a whole fsync since their arrival."""
    arrived: dict[int, int] = {}
    begun: dict[str, int] = {}  # by thread: where its unfinished fsync began
    synced: list[tuple[int, int]] = []
    seen: set[int] = set()
    lost: set[int] = set()
    for place, line in enumerate(calls):
        call = _CALL.match(line)
        if call is None:
            continue
        if call["resumed"]:
            if call["resumed"] in begun and call["result"] == "0":
                synced.append((begun.pop(call["resumed"]), place))
        elif call["what"] == "write":
            for mark, number in _MARK.findall(call["rest"]):
                if mark == "arrived":
                    arrived[int(number)] = place
                else:
                    seen.add(int(number))
                    if not any(start > arrived[int(number)] for start, _ in synced):
                        lost.add(int(number))
        elif "mx.db-wal" in call["rest"]:
            if call["rest"].endswith("<unfinished ...>"):
                begun[call["pid"]] = place
            elif call["rest"].endswith("= 0"):
                synced.append((place, place))
    return seen, lost


def test_every_acknowledged_item_was_synced_to_the_disk_first(tmp_path: Path) -> None:
    calls = trace(tmp_path, synchronous="FULL", writers=6)

    seen, lost = not_durable(calls)

    assert seen == set(range(6 * EACH))
    assert lost == set()
    syncs = sum("mx.db-wal" in line and "sync(" in line for line in calls)
    assert syncs < 6 * EACH, "and those who waited together shared one"


def test_the_check_can_fail(tmp_path: Path) -> None:
    seen, lost = not_durable(trace(tmp_path, synchronous="OFF", writers=2))

    assert seen == set(range(2 * EACH))
    assert lost == seen
