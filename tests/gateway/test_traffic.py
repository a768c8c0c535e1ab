"""Traffic truth: counts by time, lane, fate and latency, bounded, with the gateway's own answers apart."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.gateway.fates import Kind
from bot.gateway.traffic import Traffic


def test_windows_see_what_is_in_them() -> None:
    traffic = Traffic()
    for n in range(7300):
        traffic.note("default", "answered", "429" if n < 7200 else "200", now=float(n))
    assert traffic.window(100, now=7299.5)["by_status"] == {"200": 100}
    assert traffic.window(110, now=7299.5)["by_status"] == {"200": 100, "429": 10}
    assert traffic.window(600, now=7299.5)["by_status"] == {"200": 100, "429": 501}  # to the second
    assert traffic.window(3600, now=7299.5)["total"] == 3601
    assert traffic.window(3600, now=20_000.0)["total"] == 0


def test_short_windows_are_exact_to_a_tenth_of_a_second() -> None:
    traffic = Traffic()
    traffic.note("default", "answered", "429", now=99.0)
    traffic.note("default", "answered", "200", now=99.6)
    assert traffic.window(0.5, now=100.05)["by_status"] == {"200": 1}
    assert traffic.window(1.1, now=100.05)["by_status"] == {"200": 1, "429": 1}


@given(st.lists(st.tuples(st.floats(0, 400), st.sampled_from([None, 3.0])), max_size=60), st.floats(0, 500))
def test_a_window_counts_each_request_once_wherever_it_is_asked(
    notes: list[tuple[float, float | None]], window_s: float
) -> None:
    """Asking in between, which sorts the running tick in, changes nothing; nor does the border of the fine window."""
    notes.sort(key=lambda note: note[0])
    now = notes[-1][0] if notes else 0.0
    asked, unasked = Traffic(), Traffic()
    for at, ms in notes:
        for traffic in (asked, unasked):
            traffic.note("default", "answered", "200", now=at, ms=ms)
        asked.window(1, now=at)
    found = asked.window(window_s, now=now)
    assert found == unasked.window(window_s, now=now)
    grain = 0.1 if window_s <= 120 else 1.0
    inside = sum(at >= now - window_s for at, _ in notes)
    about = sum(at >= now - window_s - grain for at, _ in notes)
    assert isinstance(found["total"], int)
    assert inside <= found["total"] <= about
    assert asked.ever() == unasked.ever()


EACH: tuple[tuple[str, Kind, str], ...] = (
    ("critical", "answered", "200"),
    ("critical", "answered", "503"),
    ("asset-sync", "limited", "paused"),
    ("asset-sync", "limited", "paused"),
    ("default", "limited", "rate"),
    ("default", "unsent", "connect"),
    ("critical", "unknown", "lost"),
    ("default", "unread", "lost"),
    ("default", "client", "client"),
    ("default", "refused", "400"),
    ("critical", "buffered", "202"),
    ("default", "stale", "200"),
    ("critical", "replayed", "201"),
    ("default", "retried", "503"),
)


def test_each_fate_is_told_and_what_was_told_before_keeps_its_meaning() -> None:
    traffic = Traffic()
    for lane, kind, what in EACH:
        traffic.note(lane, kind, what, now=1.0)
    found = traffic.window(60, now=2.0)
    fates = {kind: 1 for _, kind, _ in EACH} | {"answered": 2, "limited": 3}
    assert found == {
        "window_s": 60,
        "total": 12,  # each client's request once: what was delivered later and tried again is none
        "by_status": {"200": 1, "503": 1},
        "lanes": {"critical": {"200": 1, "503": 1}},
        "limited": {"paused": 2, "rate": 1},
        "failed": {"connect": 1, "lost": 2, "client": 1},
        "refused": {"400": 1},
        "limited_by_lane": {"asset-sync": {"paused": 2}, "default": {"rate": 1}},
        "fates": fates,
        "latency": {"p50_ms": None, "p95_ms": None, "p99_ms": None, "lanes": {}},
    }


def test_latency_is_of_maintainx_answers_in_all_and_by_lane() -> None:
    traffic = Traffic()
    for n in range(100):
        traffic.note("critical", "answered", "200", now=n / 50, ms=15.0)
        traffic.note(
            "asset-sync", "answered", "200" if n < 90 else "504", now=n / 50, ms=15.0 if n < 90 else 4000.0
        )
    traffic.note("critical", "buffered", "202", now=2.0, ms=55_000.0)
    latency: Any = traffic.window(60, now=2.0)["latency"]
    assert latency["lanes"]["critical"] == {"p50_ms": 15.0, "p95_ms": 19.5, "p99_ms": 19.9}
    assert latency["lanes"]["asset-sync"]["p50_ms"] < 20
    assert 3000 <= latency["lanes"]["asset-sync"]["p95_ms"] <= 5000
    assert latency["p50_ms"] < 20
    assert 3000 <= latency["p99_ms"] <= 5000
    assert traffic.answer_ms() == {"critical": 1500.0, "asset-sync": 41_350.0}


def test_a_flood_of_lanes_statuses_and_seconds_does_not_grow_memory() -> None:
    traffic = Traffic()
    for n in range(40_000):
        traffic.note(f"job-{n}", "answered", str(n), now=n / 4, ms=n % 70_000)
    lanes = traffic.window(3600, now=10_000.0)["lanes"]
    assert isinstance(lanes, dict)
    assert set(lanes) <= {f"job-{n}" for n in range(100)} | {"other"}
    assert traffic.window(3600, now=10_000.0)["total"] == 14_400
    assert len(traffic._keys) <= 10_000 + 25
    assert len(traffic._hour._past) <= 3601
    assert len(traffic._fine._past) <= 1201


@pytest.mark.parametrize("times", [1, 70_000])
def test_what_an_earlier_process_counted_is_in_the_windows_and_in_no_counter(times: int) -> None:
    traffic = Traffic()
    for at in (-1500.0, 40.0, 99.9):  # the machine may have been started after it was counted
        traffic.restore({("asset-sync", "answered", "429", 3): times}, at=at)
    traffic.note("asset-sync", "answered", "200", now=100.0)
    assert traffic.window(3600, now=100.0)["by_status"] == {"200": 1, "429": 3 * times}
    assert traffic.window(1000, now=100.0)["by_status"] == {"200": 1, "429": 2 * times}
    assert traffic.window(60, now=100.0)["by_status"] == {"200": 1, "429": 2 * times}
    assert traffic.ever() == {("asset-sync", "answered", "200", -1): 1}
    assert traffic.unsaved() == {("asset-sync", "answered", "200", -1): 1}


def test_a_lane_of_before_the_restart_is_known() -> None:
    traffic = Traffic()
    traffic.restore({("nightly", "answered", "200", 3): 1}, at=1.0)
    assert traffic.seen("nightly")
    assert not traffic.seen("weekly")
    traffic.note("weekly", "limited", "paused", now=2.0)
    assert traffic.seen("weekly")
