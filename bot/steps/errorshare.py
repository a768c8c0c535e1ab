"""The share of errors at the gateway: server errors and requests without an answer, before and after a mitigation."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from pydantic import JsonValue

from bot.domain.gateway import ROUTE, Traffic
from bot.errors import OutsideError
from bot.ports import Clock, StepResult

Look = Callable[[float], Awaitable[Traffic]]
"""The gateway's traffic of the last so many seconds."""

BEFORE_S = 600.0
LATEST_S = 60.0
"""What is latest: at most so long ago, and never from before the watch began."""
LOOK_S = 1.0


class Wanted(NamedTuple):
    """So many requests at least, within so long (seconds), and the share of errors that they must stay below."""

    tried: int
    within_s: int
    below: float


def below(table: Mapping[str, JsonValue]) -> float | None:
    """The share of a step's values; None where errors are not what is watched."""
    found = table.get("errors_below")
    return float(found) if isinstance(found, int | float) else None


def words(traffic: Traffic) -> str:
    """The share in words: "12 of 40 requests failed (30%)"."""
    return f"{traffic.errors} of {traffic.tried} requests failed ({share(traffic):.0%})"


def share(traffic: Traffic) -> float:
    """From 0 to 1; 0 where nothing was tried."""
    return traffic.errors / traffic.tried if traffic.tried else 0.0


async def before(look: Look) -> dict[str, JsonValue]:
    """The share of the ten minutes before, to compare with. Raises OutsideError."""
    traffic = await look(BEFORE_S)
    return {"errors": words(traffic)} if traffic.tried else {}


async def watch(look: Look, clock: Clock, wanted: Wanted, found: Mapping[str, JsonValue]) -> StepResult:
    """Look until the share among the latest requests is small enough, or the time is over."""
    started, trouble = clock.monotonic(), ""
    latest: Traffic | None = None
    was = f"; in the ten minutes before, {found['errors']}" if found.get("errors") else ""
    while True:
        await clock.sleep(LOOK_S)
        passed = clock.monotonic() - started
        try:
            latest = await look(min(passed, LATEST_S))
            if latest.tried < wanted.tried and passed > LATEST_S:
                latest = await look(passed)  # there is little traffic: all of it counts
        except OutsideError as error:
            trouble = str(error)  # the gateway may come back within the window
        else:
            if latest.tried >= wanted.tried and share(latest) < wanted.below:
                says = f"errors are few: {words(latest)}, after {passed:.0f} s{was}"
                return StepResult(outcome="done", says=says, evidence=_evidence(latest))
        if passed >= wanted.within_s:
            return _judged(latest, wanted, trouble=trouble, was=was)


def _judged(latest: Traffic | None, wanted: Wanted, *, trouble: str, was: str) -> StepResult:
    if latest is None:
        return StepResult(outcome="inconclusive", says=f"nothing could be watched: {trouble}")
    if latest.tried < wanted.tried:
        says = f"no traffic to judge by: {latest.tried} requests in {wanted.within_s} s, {wanted.tried} are needed"
        says += "" if latest.total else f"; {ROUTE}"
        return StepResult(outcome="inconclusive", says=says + was, evidence=_evidence(latest))
    return StepResult(
        outcome="failed",
        says=f"the errors go on: {words(latest)} of the latest, fewer than {wanted.below:.1%} are wanted{was}",
        evidence=_evidence(latest),
    )


def _evidence(traffic: Traffic) -> tuple[str, ...]:
    found = [f"{count} answered {status}" for status, count in sorted(traffic.by_status.items())]
    return (*found, f"{traffic.unanswered} got no answer") if traffic.unanswered else tuple(found)
