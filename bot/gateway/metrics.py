"""The gateway's figures as Prometheus text. Pure."""

from collections.abc import Iterable, Mapping

from bot.gateway.traffic import Key

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics_text(counts: Mapping[Key, int], gauges: Mapping[str, tuple[str, float | None]]) -> bytes:
    """Counters of every request by lane, kind and outcome, and other figures (name, help, value).

    One whose name ends in ``_total`` is a counter, every other a gauge of the moment.
    """
    lines = [
        "# HELP mx_gateway_requests_total Requests by lane, by what became of them, and by status, cause or phase.",
        "# TYPE mx_gateway_requests_total counter",
        *(
            f"mx_gateway_requests_total{_labels((('lane', lane), ('kind', kind), ('outcome', what)))} {count}"
            for (lane, kind, what), count in sorted(counts.items())
        ),
    ]
    for name, (says, value) in gauges.items():
        if value is not None:
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {says}", f"# TYPE {name} {kind}", f"{name} {value:.12g}"]
    return ("\n".join(lines) + "\n").encode()


def _labels(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
