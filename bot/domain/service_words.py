"""The sentences about the integration's own process: how it is, how it ended, what that means. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.domain.readings import ServiceState

MIB = 2**20
KILL = 9
TERM = 15
BY_SIGNAL = 128
"""Docker adds a signal's number to this and calls it an exit code; so do shells."""

_DAY = timedelta(days=1)
_KINDS: Mapping[str, str] = {"docker": "container", "systemd": "unit"}
_SIGNALS: Mapping[int, str] = {
    4: "SIGILL",
    6: "SIGABRT: it gave itself up",
    KILL: "SIGKILL: somebody killed it, or its machine ran out of memory",
    11: "SIGSEGV: it reached for memory that is not its own",
    TERM: "SIGTERM: it was told to end",
}
_CODES: Mapping[int, str] = {
    0: "it ended by itself, or was stopped",
    125: "Docker itself could not run it",
    126: "its command may not be executed",
    127: "its command was not found",
}


def named(state: ServiceState) -> str:
    """``the container maintainx-sync``."""
    return f"the {_KINDS[state.runs_in]} {state.name}"


def seen(state: ServiceState, *, now: datetime) -> str:
    """What was seen, in one sentence without its full stop: what it is, how it ended, why, how often."""
    if state.running:
        return f"{named(state)} {_runs(state, now=now)}"
    words = f"{named(state)} {_ended(state, now=now)}{_often(state)}"
    if state.gave_up:
        words += "; its host has given up on starting it again"
    elif state.state in ("restarting", "activating"):
        words += "; its host is about to start it again"
    return words + (f"; it says: {state.error}" if state.error else "")


def cause(state: ServiceState) -> str | None:
    """Why the service is down, where its process tells it; None while that runs."""
    if state.running:
        return None
    if state.oom_killed:
        return f"it ran out of memory: {named(state)} was killed{_limit(state)}"
    if state.state == "paused":
        return f"somebody paused {named(state)}; its processes stand still"
    if not state.life:
        return f"{named(state)} was never started"
    if state.exit_code is not None or state.signal is not None:
        crash = "it keeps crashing" if state.restarts or state.gave_up else "its process ended"
        return f"{crash}: {_how(state)}"
    return f'{named(state)} is not running: its host calls it "{state.state}"'


def clock_time(at: datetime, *, now: datetime) -> str:
    """``03:02 UTC``, with its day where that is not the last one."""
    return at.strftime("%H:%M UTC" if abs(now - at) < _DAY else "%Y-%m-%d %H:%M UTC")


def _runs(state: ServiceState, *, now: datetime) -> str:
    words = "runs" + (f" since {clock_time(state.since, now=now)}" if state.since else "")
    if state.memory_used is not None:
        used = f"{state.memory_used / MIB:.0f}"
        limit = f" of {state.memory_limit / MIB:.0f}" if state.memory_limit else ""
        words += f", with {used}{limit} MB of memory"
    if state.restarts:
        words += f", and was started again {_times(state.restarts)} by its host"
    if state.oom_killed:
        words += "; one of its processes was killed for memory (OOM) in this life"
    return words


def _ended(state: ServiceState, *, now: datetime) -> str:
    if state.state == "paused":
        return "is paused: its processes stand still"
    if not state.life:
        return "was never started"
    at = f" at {clock_time(state.ended, now=now)}" if state.ended else ""
    if state.signal is not None and state.exit_code is None:
        killed = f"was ended by signal {state.signal}{at}"
        return killed + f": {_meaning(state)}"
    if state.exit_code is not None:
        meaning = _meaning(state)
        return f"exited with code {state.exit_code}{at}" + (f": {meaning}" if meaning else "")
    for_long = f"has not run since {clock_time(state.ended, now=now)}" if state.ended else "is not running"
    return f'{for_long}: its host calls it "{state.state}"'


def _how(state: ServiceState) -> str:
    meaning = _meaning(state)
    found = f"exit code {state.exit_code}" if state.exit_code is not None else f"signal {state.signal}"
    return found + (f" ({meaning})" if meaning else "")


def _meaning(state: ServiceState) -> str:
    if state.oom_killed:
        return f"killed for memory (OOM){_limit(state)}"
    code = state.exit_code
    signal = state.signal
    if signal is None and code is not None and code > BY_SIGNAL:
        signal = code - BY_SIGNAL
    if signal is not None:
        return _SIGNALS.get(signal, f"signal {signal}")
    return _CODES.get(code, "") if code is not None else ""


def _limit(state: ServiceState) -> str:
    return f" at a limit of {state.memory_limit / MIB:.0f} MB" if state.memory_limit else ""


def _often(state: ServiceState) -> str:
    return f", after {state.restarts} restart{'' if state.restarts == 1 else 's'}" if state.restarts else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
