"""The gateway's figures as Prometheus text. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from bot.gateway.fates import OWN, Key
from bot.gateway.latency import BOUNDS_MS, PLACES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (*(f"{bound / 1000:g}" for bound in BOUNDS_MS), "+Inf")


def metrics_text(
    counts: Mapping[Key, int],
    gauges: Mapping[str, tuple[str, float | None]],
    *,
    answer_ms: Mapping[str, float],
) -> bytes:
    """Counters of every request, the latencies by lane, and other figures (name, help, value).

    One whose name ends in ``_total`` is a counter, every other a gauge of the moment.
    """
    fates: Counter[tuple[str, str, str]] = Counter()
    timed: dict[str, list[int]] = {}
    for (lane, kind, what, place), count in counts.items():
        fates[lane, kind, what] += count
        if kind == "answered" and place >= 0:
            timed.setdefault(lane, [0] * PLACES)[place] += count
    lines = [
        *_counter(
            "mx_gateway_requests_total",
            "Requests by lane, by what became of them, and by status, cause or phase.",
            {key: count for key, count in fates.items() if key[1] not in OWN},
        ),
        *_counter(
            "mx_gateway_own_requests_total",
            "What the gateway sent by itself: buffered writes that were delivered, and further tries.",
            {key: count for key, count in fates.items() if key[1] in OWN},
        ),
        *_histogram(timed, answer_ms),
    ]
    for name, (says, value) in gauges.items():
        if value is not None:
            rises = name.endswith("_total")
            lines += [*_head(name, says, "counter" if rises else "gauge"), f"{name} {value:.12g}"]
    return ("\n".join(lines) + "\n").encode()


def _head(name: str, says: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {says}", f"# TYPE {name} {kind}"


def _counter(name: str, says: str, counts: Mapping[tuple[str, str, str], int]) -> Iterator[str]:
    yield from _head(name, says, "counter")
    for (lane, kind, what), count in sorted(counts.items()):
        yield f"{name}{_labels((('lane', lane), ('kind', kind), ('outcome', what)))} {count}"


def _histogram(timed: Mapping[str, list[int]], answer_ms: Mapping[str, float]) -> Iterator[str]:
    name = "mx_gateway_request_seconds"
    yield from _head(
        name, "From a request's arrival to the head of MaintainX's answer, by lane.", "histogram"
    )
    for lane, places in sorted(timed.items()):
        for bound, count in zip(_BOUNDS, accumulate(places), strict=True):
            yield f"{name}_bucket{_labels((('lane', lane), ('le', bound)))} {count}"
        yield f"{name}_sum{_labels((('lane', lane),))} {answer_ms.get(lane, 0.0) / 1000:.6f}"
        yield f"{name}_count{_labels((('lane', lane),))} {sum(places)}"


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
