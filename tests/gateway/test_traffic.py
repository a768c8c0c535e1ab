"""Traffic truth: counts by time, lane and outcome, bounded, with the gateway's own answers apart."""

from bot.gateway.metrics import metrics_text
from bot.gateway.traffic import Traffic


def test_windows_see_what_is_in_them() -> None:
    traffic = Traffic()
    for n in range(7300):
        traffic.note("default", "answered", "429" if n < 7200 else "200", now=float(n))
    assert traffic.window(100, now=7299.5)["by_status"] == {"200": 100}
    assert traffic.window(110, now=7299.5)["by_status"] == {"200": 100, "429": 10}
    assert traffic.window(3600, now=7299.5)["total"] in (3600, 3601)  # what is old is kept by seconds
    assert traffic.window(3600, now=20_000.0)["total"] == 0


def test_short_windows_are_exact_to_a_tenth_of_a_second() -> None:
    traffic = Traffic()
    traffic.note("default", "answered", "429", now=99.0)
    traffic.note("default", "answered", "200", now=99.6)
    assert traffic.window(0.5, now=100.05)["by_status"] == {"200": 1}
    assert traffic.window(1.1, now=100.05)["by_status"] == {"200": 1, "429": 1}


def test_what_the_gateway_answered_itself_is_apart() -> None:
    traffic = Traffic()
    for lane, kind, what in (
        ("critical", "answered", "200"),
        ("critical", "answered", "503"),
        ("asset-sync", "limited", "paused"),
        ("asset-sync", "limited", "paused"),
        ("default", "limited", "rate"),
        ("default", "failed", "connect"),
        ("default", "refused", "400"),
    ):
        traffic.note(lane, kind, what, now=1.0)  # type: ignore[arg-type]
    assert traffic.window(60, now=2.0) == {
        "window_s": 60,
        "total": 7,
        "by_status": {"200": 1, "503": 1},
        "lanes": {"critical": {"200": 1, "503": 1}},
        "limited": {"paused": 2, "rate": 1},
        "failed": {"connect": 1},
        "refused": {"400": 1},
        "limited_by_lane": {"asset-sync": {"paused": 2}, "default": {"rate": 1}},
    }


def test_a_flood_of_lanes_and_seconds_does_not_grow_memory() -> None:
    traffic = Traffic()
    for n in range(20_000):
        traffic.note(f"job-{n}", "answered", "200", now=n / 2)
    lanes = traffic.window(3600, now=10_000.0)["lanes"]
    assert isinstance(lanes, dict)
    assert set(lanes) <= {f"job-{n}" for n in range(100)} | {"other"}
    assert len(traffic._coarse) <= 3602
    assert len(traffic._fine) <= 1201


def test_metrics_are_prometheus_text() -> None:
    traffic = Traffic()
    traffic.note('odd"lane\n', "answered", "200", now=1.0)
    text = metrics_text(
        traffic.ever(), {"mx_x": ("What it is.", 1.5), "mx_absent": ("Nothing.", None)}
    ).decode()
    assert 'mx_gateway_requests_total{lane="odd\\"lane\\n",kind="answered",outcome="200"} 1\n' in text
    assert "# TYPE mx_x gauge\nmx_x 1.5\n" in text
    assert "mx_absent" not in text
