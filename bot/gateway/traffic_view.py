"""The traffic part of ``/-/status``: counts of a window as JSON. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from bot.gateway.fates import NO_ANSWER, OWN, Key
from bot.gateway.latency import PLACES, percentile


def view(counts: Mapping[Key, int], window_s: float) -> dict[str, JsonValue]:
    """Lane, fate, outcome and latency, counted: as the contract shows it. Each client's request is in ``total`` once."""
    answers: dict[str, Counter[str]] = {}
    held: dict[str, Counter[str]] = {}
    failed: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    fates: Counter[str] = Counter()
    timed: dict[str, list[int]] = {}
    for (lane, kind, what, place), count in sorted(counts.items()):
        fates[kind] += count
        if kind == "answered":
            answers.setdefault(lane, Counter())[what] += count
            if place >= 0:
                timed.setdefault(lane, [0] * PLACES)[place] += count
        elif kind == "limited":
            held.setdefault(lane, Counter())[what] += count
        elif kind == "refused":
            refused[what] += count
        elif kind in NO_ANSWER:
            failed[what] += count
    return {
        "window_s": window_s,
        "total": sum(count for kind, count in fates.items() if kind not in OWN),
        "by_status": _summed(answers),
        "lanes": {lane: dict(statuses) for lane, statuses in answers.items()},
        "limited": _summed(held),
        "failed": dict(failed),
        "refused": dict(refused),
        "limited_by_lane": {lane: dict(causes) for lane, causes in held.items()},
        "fates": dict(fates),
        "latency": {
            **_percentiles([sum(places) for places in zip(*timed.values(), strict=True)]),
            "lanes": {lane: _percentiles(places) for lane, places in timed.items()},
        },
    }


def _summed(by_lane: Mapping[str, Counter[str]]) -> dict[str, JsonValue]:
    found: Counter[str] = Counter()
    for counts in by_lane.values():
        found.update(counts)
    return dict(sorted(found.items()))


def _percentiles(places: Sequence[int]) -> dict[str, JsonValue]:
    return {f"p{part}_ms": percentile(places, part / 100) for part in (50, 95, 99)}
