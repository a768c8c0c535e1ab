"""The step ``command``: a program of a team's own playbook, without a shell, and the one that takes it back."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from bot.domain.mitigation import PlannedStep
from bot.errors import OutsideError
from bot.outgoing import plain
from bot.ports import StepContext, StepResult
from bot.steps import values

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for, whatever the bot was started with."""
CHECK_S = 15.0
_KEPT_BYTES = 1024
_AFTER_S = 0.5
"""How long what a program left behind may hold its output open after its end."""


def _argv(value: JsonValue) -> str | None:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(v, str) and "\0" not in v for v in value)
        and value[0]
    ):
        return None
    return 'write the program and its arguments as a list, such as ["systemctl", "restart", "sync"]; there is no shell'


def _exits(value: JsonValue) -> str | None:
    if isinstance(value, list) and value and all(type(v) is int and 0 <= v <= 255 for v in value):  # noqa: PLR2004 - an exit code
        return None
    return "write a list of exit codes, such as [0]"


def _folder(value: JsonValue) -> str | None:
    return None if isinstance(value, str) and value.startswith("/") else "write the whole path of a folder"


_KEYS: Mapping[str, values.Check] = {
    "argv": _argv,
    "undo_argv": _argv,
    "check_argv": _argv,
    "cwd": _folder,
    "expect": _exits,
}


class CommandStep:
    """Runs what the playbook says, with a small fixed environment; its process group ends with the step's time."""

    kind = "command"

    def __init__(self, *, env: Mapping[str, str] | None = None, check_s: float = CHECK_S) -> None:
        self._env = env
        self._check_s = check_s

    def check(self, table: Mapping[str, JsonValue]) -> tuple[str, ...]:
        return values.faults(table, keys=_KEYS, required=("argv",))

    async def plan(self, context: StepContext) -> PlannedStep:
        table = context.values
        back = _shown(table.get("undo_argv"))
        if context.undoes is not None:
            says = f"run {back}"
            undo_says: str | None = "run the playbook again"
        else:
            says = f"run {_shown(table.get('argv'))}"
            undo_says = f"run {back}" if back else None
        return PlannedStep(
            kind=self.kind,
            title="",
            values=dict(table),
            says=says,
            touches="what it changes is not known to mx: it is your own program",
            undo_says=undo_says,
        )

    async def before(self, context: StepContext) -> dict[str, JsonValue]:
        return {}

    async def act(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult:
        expect = context.values.get("expect")
        return await self._judged(context, "argv", expect=expect if isinstance(expect, list) else [0])

    async def observe(self, context: StepContext) -> StepResult | None:
        argv = context.values.get("check_argv")
        if not isinstance(argv, list):
            return None
        try:
            async with asyncio.timeout(self._check_s):
                code, said = await self._run(context, argv)
        except TimeoutError:
            raise OutsideError(
                f"running {_shown(argv)}: not done after {self._check_s:g} s and ended"
            ) from None
        on, undoes = code == 0, context.undoes is not None
        state = "it is on" if on else "it is not on"
        again = "" if on is not undoes else f"; {'undo it' if undoes else 'run it'} again"
        return StepResult(
            outcome="done" if on is not undoes else "failed",
            says=f"{_shown(argv)} ended with exit code {code}: {state}{again}",
            evidence=said,
        )

    async def undo(self, context: StepContext, before: Mapping[str, JsonValue]) -> StepResult | None:
        if not isinstance(context.values.get("undo_argv"), list):
            return StepResult(outcome="failed", says="it cannot be taken back: the playbook has no undo_argv")
        return await self._judged(context, "undo_argv", expect=[0])

    async def _judged(self, context: StepContext, key: str, *, expect: Sequence[JsonValue]) -> StepResult:
        argv = context.values.get(key)
        assert isinstance(argv, list)
        code, said = await self._run(context, argv)
        ended = (
            f"{_shown(argv)} was ended by signal {-code}"
            if code < 0
            else f"{_shown(argv)} ended with exit code {code}"
        )
        if code in expect:
            return StepResult(outcome="done", says=ended, evidence=said)
        wanted = " or ".join(str(one) for one in expect)
        return StepResult(outcome="failed", says=f"{ended}; the playbook expects {wanted}", evidence=said)

    async def _run(self, context: StepContext, argv: Sequence[JsonValue]) -> tuple[int, tuple[str, ...]]:
        """Exit code and the last lines. Raises OutsideError where it could not be started."""
        words = [str(word) for word in argv]
        cwd = context.values.get("cwd")
        read, write = os.pipe()
        # Our own pipe: asyncio's would count the program as running while anything that it left behind holds it.
        with open(read, "rb", buffering=0) as out:  # noqa: ASYNC230, PTH123 - a pipe's end, nothing is opened
            try:
                process = await asyncio.create_subprocess_exec(
                    *words,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=write,
                    stderr=write,
                    cwd=cwd if isinstance(cwd, str) else None,
                    env=self._environment(context),
                    start_new_session=True,  # so that what it starts can be ended with it
                )
            except (OSError, ValueError) as problem:
                raise OutsideError(_unstarted(words, cwd, problem), permanent=True) from None
            finally:
                os.close(write)
            said = _Tail()
            loop = asyncio.get_running_loop()
            transport, _ = await loop.connect_read_pipe(lambda: said, out)
            try:
                code = await process.wait()
                await asyncio.wait((said.over,), timeout=_AFTER_S)
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
                transport.close()
        return code, said.lines()

    def _environment(self, context: StepContext) -> dict[str, str]:
        known = self._env or {}
        return {
            "PATH": known.get("PATH", PATH),
            "HOME": known.get("HOME") or str(Path.home()),
            "LANG": known.get("LANG", "C.UTF-8"),
            "MX_INCIDENT": context.incident,
            "MX_RUN": context.run,
            "MX_PLAYBOOK": context.playbook,
            "MX_ACTOR": context.actor,
            "MX_INTEGRATION": context.integration,
        }


class _Tail(asyncio.Protocol):
    """Keeps the end of what is written."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept = bytearray()

    def data_received(self, data: bytes) -> None:
        self._kept += data
        del self._kept[:-_KEPT_BYTES]

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def lines(self) -> tuple[str, ...]:
        text = bytes(self._kept).decode("utf-8", errors="replace")
        return tuple(line for raw in text.splitlines() if (line := plain(raw, 300)))


def _shown(argv: JsonValue) -> str:
    return plain(" ".join(str(word) for word in argv), 120) if isinstance(argv, list) else ""


def _unstarted(words: Sequence[str], cwd: JsonValue, problem: Exception) -> str:
    doing = f"running {plain(' '.join(words), 120)}"
    if isinstance(cwd, str) and not Path(cwd).is_dir():
        return f"{doing}: there is no folder {cwd}; let cwd name one"
    if isinstance(problem, FileNotFoundError):
        return f"{doing}: {words[0]} is not on this machine (looked for in {PATH}); write its whole path"
    why = (getattr(problem, "strerror", None) or type(problem).__name__).lower()
    return f"{doing}: {why}; may mx's user run {words[0]}?"
