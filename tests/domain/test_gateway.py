"""The gateway's JSON is read into views, and what is not a gateway's is refused with a sentence."""

import pytest
from pydantic import JsonValue

from bot.domain.gateway import Effect, Feed, GatewayStatus, Policy, listed
from bot.domain.readings import BudgetShare
from bot.errors import OutsideError

STATUS: JsonValue = {
    "mode": "limited",
    "instance": "g-1",
    "traffic": {
        "window_s": 3600,
        "total": 412,
        "by_status": {"200": 380, "429": 20},
        "lanes": {"asset-sync": {"200": 100, "429": 20}, "critical": {"200": 280}},
        "limited": {"rate": 9, "paused": 3},
        "limited_by_lane": {"asset-sync": {"paused": 3}, "critical": {"rate": 9}},
    },
    "budget": {"left": 71, "limit": 100, "organisation_left": 400, "organisation_limit": 500},
    "a field of a newer gateway": True,
}


def test_status_tells_answers_lanes_and_the_tighter_budget() -> None:
    status = GatewayStatus.from_json(STATUS)
    assert (status.mode, status.instance, status.budget_left) == ("limited", "g-1", 71.0)
    assert (status.traffic.total, status.traffic.answered, status.traffic.rate_limited) == (412, 400, 20)
    assert status.traffic.lane("asset-sync") == 123
    assert status.traffic.lane("no such lane") == 0
    assert status.traffic.limited == {"rate": 9, "paused": 3}


def test_a_gateway_of_before_fates_and_shares_is_read() -> None:
    status = GatewayStatus.from_json(STATUS)
    assert (status.traffic.fates, status.traffic.latency.p95_ms, status.share) == ({}, None, None)


def test_fates_latency_and_share_are_read() -> None:
    status = GatewayStatus.from_json(
        {
            "mode": "pass",
            "traffic": {
                "fates": {"answered": 400, "unknown": 3},
                "latency": {"p50_ms": 20.0, "p95_ms": 340.5, "p99_ms": None, "lanes": {}},
            },
            "budget": {"left": 0, "our_share": 0.2, "our_share_of": "organisation", "used": 500},
        }
    )
    assert status.traffic.fates["unknown"] == 3
    assert (status.traffic.latency.p95_ms, status.traffic.latency.p99_ms) == (340.5, None)
    assert status.share == BudgetShare(ours=0.2, used=500, of="organisation")
    unsaid: JsonValue = {"our_share": None, "our_share_of": None, "used": None}
    assert GatewayStatus.from_json({"mode": "pass", "traffic": {}, "budget": unsaid}).share is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "ok",
        {},
        {"mode": "pass"},
        {"mode": 1, "traffic": {}},
        {"mode": "pass", "traffic": {"total": "x"}},
    ],
)
def test_what_is_no_gateway_is_refused_with_what_to_look_at(value: JsonValue) -> None:
    with pytest.raises(OutsideError, match="MX_GATEWAY_URL"):
        GatewayStatus.from_json(value)


def test_a_status_without_any_traffic_is_read() -> None:
    status = GatewayStatus.from_json({"mode": "pass", "traffic": {}, "budget": None})
    assert (status.traffic.total, status.traffic.answered, status.budget_left) == (0, 0, None)


def test_policy_finds_a_lease_and_says_what_it_does() -> None:
    policy = Policy.from_json(
        {
            "mode": "limited",
            "rate_per_s": 1.0,
            "paused_jobs": ["asset-sync"],
            "leases": [
                {
                    "id": "r1",
                    "rate_per_s": 1.0,
                    "paused_jobs": ["asset-sync"],
                    "owner": "cli:a@b",
                    "buffer": "on",
                }
            ],
        }
    )
    lease = policy.lease("r1")
    assert lease is not None
    assert lease.says == "1 request per second; asset-sync paused; writes buffered"
    assert policy.lease("r2") is None


def test_the_feed_is_read_in_order() -> None:
    feed = Feed.from_json(
        {
            "instance": "g-1",
            "events": [
                {
                    "n": 3,
                    "at": "2026-11-23T12:00:00Z",
                    "actor": "gateway",
                    "what": "lease_expired",
                    "lease": "r1",
                }
            ],
            "next": 3,
        }
    )
    assert [(e.n, e.what, e.lease) for e in feed.events] == [(3, "lease_expired", "r1")]


def test_words() -> None:
    assert Effect(rate_per_s=0.5).says == "0.5 requests per second"
    assert Effect(paused_jobs=("a", "b", "c")).says == "a, b and c paused"
    assert Effect().says == "no limit"
    everything = Effect(rate_per_s=1, buffer="auto", retry=True, poll=True)
    assert everything.says == (
        "1 request per second; writes buffered once MaintainX is down; safe requests retried; webhooks polled, without comments and deletes"
    )
    assert Effect(buffer="on").says == "writes buffered"
    assert listed(()) == ""
