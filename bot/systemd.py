"""One systemd unit through ``systemctl``: look at it, start it anew. Arguments as a list, every run bounded."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from bot.domain.readings import Made, ServiceState
from bot.errors import OutsideError

LOOK_S = 8.0
RESTART_S = 100.0
"""systemd gives a unit 90 s to end by default."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9:_.@\\-]{0,254}")
_PROPERTIES = (
    *("LoadState", "ActiveState", "SubState", "Result", "NRestarts", "Restart", "InvocationID"),
    *("ExecMainStatus", "ExecMainCode", "ExecMainStartTimestampMonotonic"),
    *("ActiveEnterTimestamp", "ExecMainExitTimestamp", "MemoryCurrent", "MemoryMax"),
)
_EXITED, _KILLED, _DUMPED = "1", "2", "3"
"""``ExecMainCode`` as ``systemctl show`` prints it: the kernel's si_code of the end of a child."""
_NO_NUMBER = 2**63
"""systemd shows what it does not measure or limit as the largest 64-bit number, or as a word."""
_SEEN = 300


class SystemdHost:
    """One unit; implements ``ServiceHost``. ``systemctl`` is the program that is run."""

    def __init__(
        self, name: str, *, systemctl: str = "systemctl", look_s: float = LOOK_S, restart_s: float = RESTART_S
    ) -> None:
        self._name = name
        self._systemctl = systemctl
        self._look_s = look_s
        self._restart_s = restart_s

    async def look(self) -> ServiceState:
        doing = f"looking at the unit {self._name}"
        show = ("show", f"--property={','.join(_PROPERTIES)}")
        try:  # in UTC, whatever the machine's zone; versions before 247 do not know that
            printed = await self._run(*show, "--timestamp=utc", doing=doing, limit_s=self._look_s)
        except OutsideError as error:
            if "unrecognized option" not in str(error):
                raise
            printed = await self._run(*show, doing=doing, limit_s=self._look_s)
        found = dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)
        if found.get("LoadState") != "loaded":
            raise OutsideError(
                f"{doing}: systemd says that it is {found.get('LoadState') or 'unknown'}; set service_unit in mx.toml to "
                "one of `systemctl list-units --type=service --all`",
                permanent=True,
            )
        return self._state(found)

    async def restart(self) -> str:
        doing = f"restarting the unit {self._name}"
        if (await self.look()).gave_up:  # else systemd refuses for as long as its limit lasts
            await self._run("reset-failed", doing=doing, limit_s=self._look_s)
        await self._run("restart", doing=doing, limit_s=self._restart_s)
        return f"systemd has restarted the unit {self._name}"

    async def made_with(self) -> Made:
        return Made()  # systemd reads a unit's files of variables at each start

    def _state(self, found: Mapping[str, str]) -> ServiceState:
        active, sub, result = (found.get(key, "") for key in ("ActiveState", "SubState", "Result"))
        running = active in ("active", "reloading") and sub != "exited"
        code, status = found.get("ExecMainCode"), _number(found.get("ExecMainStatus"))
        life = found.get("InvocationID") or _moment(found.get("ExecMainStartTimestampMonotonic"))
        return ServiceState(
            runs_in="systemd",
            name=self._name,
            state=active if active != "activating" or sub != "auto-restart" else "restarting",
            running=running,
            life=life,
            since=_time(found.get("ActiveEnterTimestamp")) if running else None,
            ended=None if running else _time(found.get("ExecMainExitTimestamp")),
            exit_code=status if code == _EXITED and not running else None,
            signal=status if code in (_KILLED, _DUMPED) and not running else None,
            oom_killed=result == "oom-kill",
            gave_up=result == "start-limit-hit",
            restarts=_number(found.get("NRestarts")) or 0,
            policy=found.get("Restart", ""),
            memory_used=_number(found.get("MemoryCurrent")) if running else None,
            memory_limit=_number(found.get("MemoryMax")),
            error="" if running or result in ("", "success", "exit-code", "signal", "oom-kill") else result,
        )

    async def _run(self, *arguments: str, doing: str, limit_s: float) -> str:
        """What it printed. Raises OutsideError with what it said instead."""
        if not _NAME.fullmatch(self._name):  # a name such as --host=… would be an order to systemctl
            raise OutsideError(
                f"{doing}: {self._name!r:.80} is no unit's name; set service_unit in mx.toml", permanent=True
            )
        argv = (self._systemctl, *arguments, "--no-pager", "--no-ask-password", "--", self._name)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except OSError as problem:
            why = (problem.strerror or type(problem).__name__).lower()
            raise OutsideError(
                f"{doing}: {self._systemctl}: {why}; a machine without systemd needs service_container instead",
                permanent=True,
            ) from None
        try:
            async with asyncio.timeout(limit_s):
                out, said = await process.communicate()
        except TimeoutError:
            raise OutsideError(
                f"{doing}: systemctl was not done after {limit_s:g} s and was ended; look with "
                f"`systemctl status {self._name}`"
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode != 0:
            words = " ".join(said.decode("utf-8", errors="replace").split())[:_SEEN]
            raise OutsideError(f"{doing}: {self._fix(words or f'exit code {process.returncode}')}")
        return out.decode("utf-8", errors="replace")

    def _fix(self, said: str) -> str:
        lower = said.lower()
        if "authentication" in lower or "access denied" in lower or "not permitted" in lower:
            return (
                f"{said}; let mx's user manage this unit (a polkit rule for org.freedesktop.systemd1.manage-units), "
                "or run it as root yourself"
            )
        if "control process exited" in lower or "failed because" in lower:
            return f"{said} Its last lines: `journalctl --unit {self._name} -n 50`"
        return said


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and int(text) < _NO_NUMBER else None


def _moment(text: str | None) -> str:
    """A time that tells one start from another; empty where there was none."""
    return text if text and text != "0" else ""


def _time(text: str | None) -> datetime | None:
    """``Thu 2026-11-26 00:51:27 UTC``; None in another zone than UTC, whose letters do not tell which it is."""
    parts = (text or "").split()
    if len(parts) != 4 or parts[3] not in ("UTC", "GMT"):  # noqa: PLR2004 - weekday, day, time, zone
        return None
    try:
        return datetime.fromisoformat(f"{parts[1]}T{parts[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
