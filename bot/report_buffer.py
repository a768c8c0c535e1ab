"""What became of buffered writes, for the report: replays from start to end, and the writes that were given up."""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo

from bot.domain.events import Event, GatewayReported
from bot.domain.order import GatewayAnswered, ReplayAsked, WriteDecided
from bot.report_words import clock_time

Names = Callable[[str], str]

_REPLAYS = frozenset(("replay_started", "replay_cancelled", "replay_finished"))
_SHOWN = 10
"""So many lines of a kind are printed; of a flood the rest is counted, and the timeline has each."""


def delivered(history: Sequence[Event], *, zone: tzinfo, names: Names) -> Iterator[str]:
    """Each replay with who, when and what came of it; then the writes that were parked, rejected or dropped."""
    asked: dict[str, str] = {}
    for event in history:
        at = clock_time(event.at, zone)
        match event.fact:
            case ReplayAsked(request=request, action="start" | "cancel"):
                asked[request] = f"Replay, by {names(event.actor)} at {at}"
            case WriteDecided(request=request, buffer_id=write):
                asked[request] = f"Write {write}, by {names(event.actor)} at {at}"
            case GatewayAnswered(request=request, ok=True, says=says) if request in asked:
                yield f"{asked[request]}: {says}"
            case GatewayReported(what=what, says=says) if what in _REPLAYS:
                yield f"{at} {says}"
            case _:
                pass
    for what in ("write_parked", "write_rejected", "write_dropped"):
        yield from _first(history, what)


def dropped(history: Sequence[Event]) -> tuple[str, ...]:
    """What was given up, by whom and why; of many the first few and how many more."""
    return tuple(_first(history, "write_dropped"))


def _first(history: Sequence[Event], what: str) -> Iterator[str]:
    """What the gateway's feed said of this; it tells of parked and rejected ones in a sentence for each replay."""
    found = [
        event.fact.says
        for event in history
        if isinstance(event.fact, GatewayReported) and event.fact.what == what
    ]
    yield from found[:_SHOWN]
    if len(found) > _SHOWN:
        yield f"and {len(found) - _SHOWN} more such lines on the timeline"
