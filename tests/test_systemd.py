"""systemd through a real process that prints what ``systemctl`` prints: states, refusals, hangs, odd names."""

import os
import shlex
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.service_words import cause, seen
from bot.errors import OutsideError
from bot.systemd import SystemdHost
from tests.systemctl import RUNS, Systemctl

NOW = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)
UNIT = "maintainx-sync.service"


@pytest.fixture
def systemctl(tmp_path: Path) -> Systemctl:
    return Systemctl(tmp_path)


async def test_a_unit_that_runs(systemctl: Systemctl) -> None:
    systemctl.shows(RUNS)

    state = await SystemdHost(UNIT, systemctl=systemctl.path).look()

    assert (state.running, state.state, state.life, state.restarts) == (True, "active", "a1", 0)
    assert (state.exit_code, state.signal, state.memory_used, state.memory_limit) == (
        None,
        None,
        52428800,
        None,
    )
    assert (
        seen(state, now=NOW) == "the unit maintainx-sync.service runs since 03:00 UTC, with 50 MB of memory"
    )
    assert cause(state) is None
    asked = systemctl.calls()[0]
    assert asked.startswith("show --property=LoadState,")
    assert asked.endswith(f"--timestamp=utc --no-pager --no-ask-password -- {UNIT}")


async def test_a_unit_that_was_killed_for_memory(systemctl: Systemctl) -> None:
    systemctl.shows(
        RUNS,
        ActiveState="activating",
        SubState="auto-restart",
        Result="oom-kill",
        NRestarts="4",
        ExecMainCode="2",
        ExecMainStatus="9",
        ExecMainExitTimestamp="Thu 2026-11-26 03:02:11 UTC",
        MemoryCurrent="[not set]",
        MemoryMax="268435456",
    )

    state = await SystemdHost(UNIT, systemctl=systemctl.path).look()

    assert (state.running, state.state, state.oom_killed, state.signal) == (False, "restarting", True, 9)
    assert (state.memory_used, state.memory_limit) == (None, 268435456)
    assert seen(state, now=NOW) == (
        "the unit maintainx-sync.service was ended by signal 9 at 03:02 UTC: killed for memory (OOM) at a limit of "
        "256 MB, after 4 restarts; its host is about to start it again"
    )
    assert cause(state) == (
        "it ran out of memory: the unit maintainx-sync.service was killed at a limit of 256 MB"
    )


async def test_a_unit_that_failed_too_often_is_freed_before_it_is_restarted(systemctl: Systemctl) -> None:
    systemctl.shows(
        RUNS,
        ActiveState="failed",
        SubState="failed",
        Result="start-limit-hit",
        NRestarts="5",
        ExecMainCode="1",
        ExecMainStatus="127",
        ExecMainExitTimestamp="Thu 2026-11-26 03:02:11 UTC",
    )
    host = SystemdHost(UNIT, systemctl=systemctl.path)

    assert seen(await host.look(), now=NOW).endswith(
        "exited with code 127 at 03:02 UTC: its command was not found, after 5 restarts; its host has given up on "
        "starting it again; it says: start-limit-hit"
    )
    assert await host.restart() == f"systemd has restarted the unit {UNIT}"

    assert [call.split()[0] for call in systemctl.calls()] == ["show", "show", "reset-failed", "restart"]


async def test_an_older_systemctl_without_the_option(systemctl: Systemctl) -> None:
    systemctl.shows(RUNS, ActiveEnterTimestamp="Thu 2026-11-26 04:00:00 CET")
    systemctl.refuses("--timestamp=utc", "systemctl: unrecognized option '--timestamp=utc'")

    state = await SystemdHost(UNIT, systemctl=systemctl.path).look()

    assert (state.running, state.since) == (True, None), "letters of a zone are no offset"


async def test_a_unit_that_is_not_there(systemctl: Systemctl) -> None:
    systemctl.shows({"LoadState": "not-found", "ActiveState": "inactive"})
    with pytest.raises(
        OutsideError, match=r"systemd says that it is not-found; set service_unit in mx\.toml"
    ):
        await SystemdHost(UNIT, systemctl=systemctl.path).look()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "Failed to restart x.service: Interactive authentication required.",
            "a polkit rule for org.freedesktop.systemd1.manage-units",
        ),
        (
            "Job for x.service failed because the control process exited with error code.",
            f"Its last lines: `journalctl --unit {UNIT} -n 50`",
        ),
        (
            "System has not been booted with systemd as init system (PID 1).",
            "has not been booted with systemd",
        ),
    ],
)
async def test_what_it_refuses_is_told_with_what_to_do(
    systemctl: Systemctl, said: str, sentence: str
) -> None:
    systemctl.shows(RUNS)
    systemctl.refuses("restart", said)
    with pytest.raises(OutsideError) as caught:
        await SystemdHost(UNIT, systemctl=systemctl.path).restart()
    assert str(caught.value).startswith(f"restarting the unit {UNIT}: ")
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["--host=evil", "-M", "", "a b", "x;reboot", "a/../b", "ok\n--now"])
async def test_a_name_is_never_an_option(systemctl: Systemctl, name: str) -> None:
    host = SystemdHost(name, systemctl=systemctl.path)
    for act in (host.look, host.restart):
        with pytest.raises(OutsideError, match=r"is no unit's name; set service_unit in mx\.toml"):
            await act()
    assert systemctl.calls() == []


async def test_a_machine_without_systemd() -> None:
    with pytest.raises(OutsideError, match=r"no such file or directory; a machine without systemd needs"):
        await SystemdHost(UNIT, systemctl="/nowhere/systemctl").look()


async def test_one_that_hangs_is_ended_with_all_that_it_started(systemctl: Systemctl, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    systemctl.runs(f"sleep 300 & echo $! > {shlex.quote(str(pid))}; wait")
    began = time.monotonic()
    with pytest.raises(OutsideError, match=r"systemctl was not done after 1 s and was ended"):
        await SystemdHost(UNIT, systemctl=systemctl.path, look_s=1).look()
    assert time.monotonic() - began < 10
    child = int(pid.read_text())
    for _ in range(100):
        if _gone(child):
            break
        time.sleep(0.05)  # noqa: TID251, ASYNC251 - another process's end is waited for in its own time
    assert _gone(child)


def _gone(pid: int) -> bool:
    """Whether the process has ended, collected by its parent or not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True
