"""``/-/metrics`` as Prometheus reads it: its own parser takes it, and counters only rise."""

from collections.abc import Iterable
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from bot.gateway.latency import BOUNDS_MS
from bot.gateway.metrics import metrics_text
from bot.gateway.traffic import Traffic
from tests.gateway.wires import gateway, upstream

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def families(traffic: Traffic, **gauges: tuple[str, float | None]) -> dict[str, Metric]:
    text = metrics_text(traffic.ever(), gauges, answer_ms=traffic.answer_ms()).decode()
    return read(text)


def read(text: str) -> dict[str, Metric]:
    found = list(text_string_to_metric_families(text))
    assert len({family.name for family in found}) == len(found), "each family once"
    assert all(family.documentation and family.type != "unknown" for family in found)
    return {family.name: family for family in found}


def samples(found: Iterable[Metric]) -> Samples:
    return {(s.name, frozenset(s.labels.items())): s.value for family in found for s in family.samples}


def test_labels_are_escaped_and_absent_gauges_left_out() -> None:
    traffic = Traffic()
    traffic.note('odd"lane\\\n', "answered", "200", now=1.0)
    found = families(traffic, mx_x=("What it is.", 1.5), mx_absent=("Nothing.", None))
    (sample,) = found["mx_gateway_requests"].samples
    assert sample.labels == {"lane": 'odd"lane\\\n', "kind": "answered", "outcome": "200"}
    assert sample.value == 1
    assert found["mx_x"].samples[0].value == 1.5
    assert "mx_absent" not in found


def test_what_the_gateway_sent_by_itself_is_in_no_count_of_requests() -> None:
    traffic = Traffic()
    traffic.note("critical", "buffered", "202", now=1.0)
    traffic.note("critical", "replayed", "201", now=2.0)
    found = families(traffic)
    assert [s.labels["kind"] for s in found["mx_gateway_requests"].samples] == ["buffered"]
    assert [s.labels["kind"] for s in found["mx_gateway_own_requests"].samples] == ["replayed"]


def test_the_histogram_is_cumulative_and_agrees_with_its_sum_and_count() -> None:
    traffic = Traffic()
    waited = {"critical": [0.4, 1.0, 1.1, 75.0, 59_999.0, 61_000.0], "asset-sync": [15.0]}
    for lane, values in waited.items():
        for ms in values:
            traffic.note(lane, "answered", "200" if ms < 70 else "503", now=1.0, ms=ms)
    traffic.note("critical", "limited", "rate", now=1.0)
    family = families(traffic)["mx_gateway_request_seconds"]
    assert family.type == "histogram"
    for lane, values in waited.items():
        found = [s for s in family.samples if s.labels["lane"] == lane]
        buckets = [(float(s.labels["le"]), s.value) for s in found if s.name.endswith("_bucket")]
        assert [bound for bound, _ in buckets] == [*(ms / 1000 for ms in BOUNDS_MS), float("inf")]
        for bound, value in buckets:
            assert value == sum(ms / 1000 <= bound for ms in values)
        told = {s.name.rpartition("_")[2]: s.value for s in found}
        assert told["count"] == buckets[-1][1] == len(values)
        assert abs(told["sum"] - sum(values) / 1000) < 1e-6


async def test_over_http_the_counters_only_rise(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        before: Samples = {}
        for _ in range(3):
            assert (await gw.get("/v1/workorders")).status == 200
            answer = await gw.admin("GET", "metrics")
            assert answer.one("Content-Type") == b"text/plain; version=0.0.4; charset=utf-8"
            rising = [f for f in read(answer.body.decode()).values() if f.type in ("counter", "histogram")]
            now = samples(rising)
            assert before.keys() <= now.keys()
            assert all(now[key] >= value for key, value in before.items())
            before = now
        assert before["mx_gateway_request_seconds_count", frozenset({("lane", "critical")})] == 3
