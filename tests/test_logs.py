"""Reading logs: a real file, real processes."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.integration import LogSpec
from bot.errors import OutsideError
from bot.logs import CommandLog, FileLog, JournaldLog, source_for

SINCE = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def stamped(minutes: float, text: str) -> str:
    return f"{(SINCE + timedelta(minutes=minutes)).isoformat()} {text}"


async def test_a_file_is_read_since_the_time_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "sync.log"
    path.write_text("\n".join([stamped(-5, "ERROR old"), stamped(1, "ERROR new"), "  at x.js:1"]) + "\n")
    assert await FileLog(path).tail(since=SINCE) == (stamped(1, "ERROR new"), "  at x.js:1")


async def test_a_big_file_is_read_from_its_end_only(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    with path.open("wb") as file:
        file.seek(5_000_000_000)  # sparse: nobody reads five gigabytes here
        file.write(f"\n{stamped(-1, 'old')}\n{stamped(1, 'ERROR new')}\n".encode())
    began = time.perf_counter()
    assert await FileLog(path).tail(since=SINCE) == (stamped(1, "ERROR new"),)
    assert time.perf_counter() - began < 5


async def test_a_busy_file_is_read_as_far_back_as_needed(tmp_path: Path) -> None:
    path = tmp_path / "busy.log"
    old = [stamped(-10, "ERROR old")] * 10
    new = [
        stamped(n / 10_000, f"INFO {n} " + "x" * 100) for n in range(6000)
    ]  # 900 kB, more than the first bite
    path.write_text("\n".join(old + new) + "\n")
    assert len(await FileLog(path).tail(since=SINCE)) == 6000


async def test_without_times_the_last_200_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "plain.log"
    path.write_text("".join(f"ERROR {n}\n" for n in range(500)))
    lines = await FileLog(path).tail(since=SINCE)
    assert (len(lines), lines[-1]) == (200, "ERROR 499")


async def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    path.write_bytes(b"ERROR caf\xe9 \x00\n")
    assert len(await FileLog(path).tail(since=SINCE)) == 1


async def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="no such file or directory; let log_file"):
        await FileLog(tmp_path / "none.log").tail(since=SINCE)


async def test_a_directory_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="is a directory"):
        await FileLog(tmp_path).tail(since=SINCE)


def script(tmp_path: Path, body: str) -> str:
    path = tmp_path / "journalctl"
    path.write_text(f"#!{sys.executable}\nimport sys, time\n{body}\n")
    path.chmod(0o755)
    return str(path)


async def test_journald_is_asked_for_the_unit_since_the_time(tmp_path: Path) -> None:
    program = script(tmp_path, "print(*sys.argv[1:], sep='\\n')")
    lines = await JournaldLog("maintainx-sync", program).tail(since=SINCE)
    assert lines[:2] == ("--unit=maintainx-sync", f"--since=@{int(SINCE.timestamp())}")


async def test_journald_without_permission_says_which_group(tmp_path: Path) -> None:
    body = "sys.stderr.write('No journal files were opened due to insufficient permissions.'); sys.exit(1)"
    with pytest.raises(OutsideError) as caught:
        await JournaldLog("x", script(tmp_path, body)).tail(since=SINCE)
    assert str(caught.value) == (
        "reading the last errors from journald (unit x): permission denied; "
        "add mx's user to the group systemd-journal"
    )


async def test_a_machine_without_journald(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="is not on this machine"):
        await JournaldLog("x", str(tmp_path / "none")).tail(since=SINCE)


async def test_any_command_with_the_time_in_its_arguments() -> None:
    log = CommandLog((sys.executable, "-c", "import sys; print(sys.argv[1], 'ERROR x')", "{since}"))
    assert await log.tail(since=SINCE) == ("2026-11-23T12:00:00Z ERROR x",)


async def test_what_a_command_says_on_the_other_channel_counts_too() -> None:
    log = CommandLog((sys.executable, "-c", "import sys; sys.stderr.write('ERROR x')"))
    assert await log.tail(since=SINCE) == ("ERROR x",)


async def test_grep_that_finds_nothing_is_no_fault() -> None:
    assert await CommandLog((sys.executable, "-c", "raise SystemExit(1)")).tail(since=SINCE) == ()


async def test_a_command_that_ends_badly_is_quoted() -> None:
    log = CommandLog((sys.executable, "-c", "import sys; sys.exit('no such container: sync')"))
    with pytest.raises(OutsideError, match="no such container: sync; try the command by hand"):
        await log.tail(since=SINCE)


async def test_a_command_that_does_not_end_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    body = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    log = CommandLog((sys.executable, "-c", body), limit_s=1.5)
    with pytest.raises(OutsideError, match=r"not done after 1\.5 s and ended"):
        await log.tail(since=SINCE)
    async with asyncio.timeout(10):
        while pid.exists() and pid.read_text() and _runs(int(pid.read_text())):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_flood_keeps_its_end() -> None:
    flood = "import sys\nfor n in range(200000): sys.stdout.write(f'ERROR {n} ' + 'x' * 100 + chr(10))"
    lines = await CommandLog((sys.executable, "-c", flood), limit_s=30).tail(since=SINCE)
    assert (len(lines), lines[-1][:12]) == (200, "ERROR 199999")


def test_the_configuration_names_the_kind() -> None:
    assert source_for(None) is None
    assert source_for(LogSpec(kind="file", argument=("/x",))) == FileLog(Path("/x"))
    assert source_for(LogSpec(kind="journald", argument=("u",))) == JournaldLog("u")
    assert source_for(LogSpec(kind="command", argument=("a", "b"))) == CommandLog(("a", "b"))
