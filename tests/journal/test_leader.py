"""The leader's lock: one holder, given back by the kernel, and lost when somebody takes the file away."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.journal.leader import LeaderLock

_HOLD = (
    "import sys\nfrom pathlib import Path\nfrom bot.journal.leader import LeaderLock\n"
    "print(LeaderLock(Path(sys.argv[1])).try_acquire(), flush=True)\nsys.stdin.read()\n"
)


def test_one_leads_and_the_next_one_follows_when_it_lets_go(tmp_path: Path) -> None:
    first, second = LeaderLock(tmp_path / "mx.db"), LeaderLock(tmp_path / "mx.db")

    assert first.try_acquire()
    assert first.try_acquire(), "asking again changes nothing"
    assert not second.try_acquire()
    assert (first.held(), second.held()) == (True, False)
    first.release()
    first.release()
    assert not first.held()
    assert second.try_acquire()
    second.release()


def test_a_process_that_is_killed_leads_no_more(tmp_path: Path) -> None:
    ours = LeaderLock(tmp_path / "mx.db")
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "mx.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        assert not ours.try_acquire()
        other.kill()
        other.wait(timeout=20)
    assert ours.try_acquire()
    ours.release()


def test_who_lost_the_file_leads_no_more(tmp_path: Path) -> None:
    first, second = LeaderLock(tmp_path / "mx.db"), LeaderLock(tmp_path / "mx.db")
    assert first.try_acquire()
    first.path.unlink()

    assert not first.held()
    assert second.try_acquire()
    assert not first.try_acquire()
    second.release()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Check that its folder exists"):
        LeaderLock(tmp_path / "nowhere" / "mx.db").try_acquire()
