"""The admin routes: who may, what they accept, what they answer; every fault is a sentence."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bot import __version__
from bot.gateway.access import is_loopback, may_administer
from bot.gateway.settings import GatewaySettings
from tests.gateway.wires import Message, gateway, upstream

LEASE: dict[str, Any] = {"rate_per_s": 2, "owner": "cli:ann@host", "reason": "mx-1", "ttl_s": 600}
NOWHERE = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(
    ("token", "authorization", "peer", "headers", "may"),
    [
        (None, None, "127.0.0.1", {}, True),
        (None, None, "127.8.9.1", {}, True),
        (None, None, "::1", {}, True),
        (None, None, "::ffff:127.0.0.1", {}, True),
        (None, None, "10.0.0.7", {}, False),
        (None, None, "::ffff:10.0.0.7", {}, False),
        (None, None, "fe80::1%eth0", {}, False),
        (None, None, None, {}, False),
        (None, None, "", {}, False),
        (None, None, "localhost", {}, False),
        (None, b"Bearer x", "10.0.0.7", {}, False),
        (None, None, "127.0.0.1", {"X-Forwarded-For": "1.2.3.4"}, False),
        (None, None, "127.0.0.1", {"Forwarded": "for=1.2.3.4"}, False),
        (None, None, "127.0.0.1", {"Origin": "https://evil"}, False),
        ("secret", b"Bearer secret", "10.0.0.7", {}, True),
        ("secret", b"bearer  secret ", "10.0.0.7", {"Origin": "x"}, True),
        ("secret", b"Bearer Secret", "127.0.0.1", {}, False),
        ("secret", b"Basic secret", "127.0.0.1", {}, False),
        ("secret", b"secret", "127.0.0.1", {}, False),
        ("secret", b"", "127.0.0.1", {}, False),
        ("secret", None, "127.0.0.1", {}, False),
        ("secret", b"Bearer caf\xe9", "127.0.0.1", {}, False),
        ("café", "Bearer café".encode(), "127.0.0.1", {}, True),
    ],
)
def test_who_may(
    token: str | None, authorization: bytes | None, peer: str, headers: dict[str, str], may: bool
) -> None:
    assert may_administer(token, authorization=authorization, peer=peer, headers=headers) is may


def test_loopback_is_an_address_not_a_name() -> None:
    assert is_loopback("127.0.0.1")
    assert not is_loopback("127.0.0.1.evil.example")


def test_the_token_is_in_no_repr() -> None:
    settings = GatewaySettings(upstream=NOWHERE, database=Path("x.db"), token="hush-hush")
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings)


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Bearer caf\xe9",
        b"Authorization: Bearer \xf0\x9f\x92\xa9",
        b"Authorization:",
        b"Authorization: Bearer",
        b"Authorization: Bearer wrong",
        b"Authorization: Bearer secret\r\nAuthorization: Bearer secret",
        b"X-Other: Bearer secret",
    ],
)
async def test_a_wrong_or_odd_token_is_401(tmp_path: Path, line: bytes) -> None:
    async with gateway(NOWHERE, tmp_path, token="secret") as gw:
        answer = await gw.send(b"GET /-/status HTTP/1.1\r\nHost: g\r\n" + line + b"\r\n\r\n")
        assert answer.status == 401
        assert answer.one("WWW-Authenticate") == b"Bearer"
        assert "MX_GATEWAY_TOKEN" in answer.json()["error"]


async def test_with_the_token_all_routes_answer_and_health_needs_none(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path, token="secret") as gw:
        assert (await gw.admin("GET", "healthz")).json() == {"ok": True}
        assert (await gw.admin("GET", "metrics")).status == 200
        for path in ("status", "policy", "events?after=0"):
            assert (await gw.admin("GET", path)).status == 401
            assert (await gw.admin("GET", path, None, "Authorization: Bearer secret")).status == 200
            assert (await gw.admin("HEAD", path, None, "Authorization: Bearer secret")).body == b""


async def test_a_lease_in_policy_status_metrics_and_feed(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        empty = (await gw.admin("GET", "policy")).json()
        assert empty == {
            "mode": "pass",
            "rate_per_s": None,
            "paused_jobs": [],
            "buffer": None,
            "retry": False,
            "poll": False,
            "forward": None,
            "leases": [],
        }
        put = await gw.admin(
            "PUT", "leases/run:1.a-b", {**LEASE, "paused_jobs": ["asset-sync", "asset-snyc"]}
        )
        assert put.status == 200
        assert [w for w in put.json()["warnings"] if "asset-snyc" in w]
        await gw.get("/v1/workorders")
        policy = (await gw.admin("GET", "policy")).json()
        assert policy["mode"] == "limited"
        assert policy["rate_per_s"] == 2.0
        assert policy["paused_jobs"] == ["asset-snyc", "asset-sync"]
        (lease,) = policy["leases"]
        assert {key: lease[key] for key in ("id", "owner", "reason")} == {
            "id": "run:1.a-b",
            "owner": "cli:ann@host",
            "reason": "mx-1",
        }
        status = (await gw.admin("GET", "status?window_s=30")).json()
        assert status["mode"] == "limited"
        assert status["version"] == __version__
        assert status["leases"] == 1
        assert status["buffer"]["waiting"] == 0
        assert status["circuit"]["state"] == "closed"
        assert status["replay"]["state"] == "idle"
        assert status["upstream"]["host"] == f"127.0.0.1:{up.port}"
        assert status["traffic"]["window_s"] == 30
        assert status["traffic"]["lanes"] == {"critical": {"200": 1}}
        assert status["traffic"]["recent"]["total"] == 1
        assert status["budget"] == {
            "left": 99,
            "limit": 100,
            "window_s": 60,
            "organisation_left": 499,
            "organisation_limit": 500,
            "our_share": None,
            "our_share_of": None,
            "used": None,
        }
        feed = (await gw.admin("GET", "events?after=0")).json()
        assert feed["instance"] == status["instance"]
        (event,) = feed["events"]
        assert (event["n"], event["actor"], event["what"]) == (1, "cli:ann@host", "lease_started")
        assert "2 requests per second; asset-snyc and asset-sync paused" in event["says"]
        text = (await gw.admin("GET", "metrics")).body.decode()
        assert 'mx_gateway_requests_total{lane="critical",kind="answered",outcome="200"} 1' in text
        assert "mx_gateway_leases 1" in text


async def test_the_status_of_a_day_has_fates_and_latency(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        await gw.get("/v1/workorders")
        await gw.send(b"GET /v1/x HTTP/0.9\r\n\r\n")
        for window_s in (10, 3600, 86_400):
            traffic = (await gw.admin("GET", f"status?window_s={window_s}")).json()["traffic"]
            assert traffic["fates"] == {"answered": 1, "refused": 1}
            assert traffic["total"] == 2
            assert 0 < traffic["latency"]["p50_ms"] < 2000
            assert set(traffic["latency"]["lanes"]) == {"critical"}
            assert traffic["window_s"] == window_s


async def test_whose_requests_use_the_limit_up(tmp_path: Path) -> None:
    """MaintainX counts 80 used of its 500 for the organisation; two were ours."""
    left = iter(("421", "420"))

    def answer(_request: Message) -> bytes:
        told = (
            f"X-Rate-Limit-Limit: 500\r\nX-Rate-Limit-Remaining: {next(left)}\r\nX-Rate-Limit-Reset: 30\r\n"
        )
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + told.encode() + b"\r\nok"

    async with upstream(answer) as up, gateway(up.url, tmp_path) as gw:
        await gw.get()
        await gw.get()
        budget = (await gw.admin("GET", "status")).json()["budget"]
        assert {name: budget[name] for name in ("our_share", "our_share_of", "used")} == {
            "our_share": 0.025,
            "our_share_of": "organisation",
            "used": 80,
        }


async def test_the_policy_shorthand_is_the_lease_manual(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path) as gw:
        await gw.admin("PUT", "leases/other", {**LEASE, "rate_per_s": 5})
        policy = (await gw.admin("PUT", "policy", {**LEASE, "mode": "limited"})).json()
        assert [lease["id"] for lease in policy["leases"]] == ["other", "manual"]
        assert policy["rate_per_s"] == 2.0
        policy = (await gw.admin("PUT", "policy", {"mode": "pass", "owner": "ann", "reason": "over"})).json()
        assert [lease["id"] for lease in policy["leases"]] == ["other"]
        assert (await gw.admin("PUT", "policy", {"mode": "pass"})).status == 200


FAULTS: list[tuple[Any, str]] = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff", "not UTF-8"),
    (b"[" * 60_000, "not JSON"),
    (b"x" * 70_000, "too long"),
    ([], "no JSON object"),
    ({**LEASE, "rate_per_s": "1"}, "rate_per_s is '1'; send a number from 0.01 to 1000"),
    ({**LEASE, "rate_per_s": True}, "rate_per_s is True"),
    ({**LEASE, "rate_per_s": 0}, "rate_per_s is 0"),
    ({**LEASE, "rate_per_s": -1}, "rate_per_s is -1"),
    (b'{"rate_per_s": NaN, "owner": "o", "reason": "r", "ttl_s": 5}', "rate_per_s is nan"),
    ({**LEASE, "rate_per_s": 1e9}, "rate_per_s is 1000000000.0"),
    ({**LEASE, "paused_jobs": "asset-sync"}, "paused_jobs is 'asset-sync'; send a list of names"),
    ({**LEASE, "paused_jobs": [1]}, "paused_jobs is [1]"),
    ({**LEASE, "paused_jobs": ["a b"]}, "paused_jobs is ['a b']"),
    ({**LEASE, "paused_jobs": ["critical"]}, "the lane that always goes first"),
    ({**LEASE, "paused_jobs": [f"j{n}" for n in range(51)]}, "send at most 50"),
    ({**LEASE, "ttl_s": None}, "ttl_s is missing"),
    ({**LEASE, "ttl_s": 0}, "ttl_s is 0; send after how many seconds"),
    ({**LEASE, "ttl_s": 1e9}, "ttl_s is 1000000000.0"),
    (b'{"rate_per_s": 1, "owner": "o", "reason": "r", "ttl_s": Infinity}', "ttl_s is inf"),
    ({**LEASE, "owner": ""}, "owner is ''; send a text"),
    ({**LEASE, "owner": "a\nb"}, "owner is 'a\\nb'"),
    ({**LEASE, "owner": 5}, "owner is 5"),
    ({**LEASE, "reason": None}, "reason is missing"),
    ({**LEASE, "reason": "x" * 501}, "reason is"),
    ({**LEASE, "rate_per_s": None}, "changes nothing; send at least one of rate_per_s, paused_jobs, buffer"),
    ({**LEASE, "buffer": "off"}, "send on or auto"),
    ({**LEASE, "retry": "yes"}, "send true or false"),
    ({**LEASE, "poll": 1}, "send true or false"),
    ({**LEASE, "rate": 1}, "'rate' is not known; send rate_per_s, paused_jobs, buffer, retry, poll, forward"),
    ({**LEASE, "forward": "on"}, "forward is 'on'; send paused, or leave it out"),
]


@pytest.mark.parametrize(("body", "says"), FAULTS)
async def test_a_bad_lease_is_400_with_the_field_and_what_to_send(
    tmp_path: Path, body: Any, says: str
) -> None:
    async with gateway(NOWHERE, tmp_path) as gw:
        answer = await gw.admin("PUT", "leases/a", body)
        assert answer.status == 400
        assert says in answer.json()["error"]
        assert (await gw.admin("GET", "policy")).json()["leases"] == []


async def test_every_fault_of_a_body_at_once(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path) as gw:
        error = (await gw.admin("PUT", "leases/a", {"rate_per_s": 0, "x": 1})).json()["error"]
        for field in ("rate_per_s", "'x'", "owner", "reason", "ttl_s"):
            assert field in error


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "says"),
    [
        ("PUT", "leases/a%20b", LEASE, 400, "lease's id"),
        ("PUT", "leases/a/b", LEASE, 400, "lease's id"),
        ("PUT", "leases/", LEASE, 404, "no such route"),
        ("POST", "leases/a", LEASE, 404, "no such route"),
        ("DELETE", "leases/a", {"who": "x"}, 400, "'who' is not known"),
        ("POST", "status", None, 405, "use GET"),
        ("GET", "status?window_s=x", None, 400, "window_s is 'x'; send a number from 0 to 86400"),
        ("GET", "status?window_s=-1", None, 400, "window_s is '-1'"),
        ("GET", "status?window_s=86401", None, 400, "window_s is '86401'"),
        ("GET", "status?window_s=nan", None, 400, "window_s is 'nan'"),
        ("GET", "events?after=-1", None, 400, "after is '-1'"),
        ("POST", "spent", {"requests": -1}, 400, "requests is -1"),
        ("POST", "spent", {"requests": 1.5}, 400, "requests is 1.5"),
        ("POST", "spent", {}, 400, "requests is missing"),
        ("PUT", "policy", {**LEASE, "mode": "parking"}, 400, "send pass, limited or buffering"),
        ("PUT", "policy", {**LEASE, "mode": "x"}, 400, "mode is 'x'; send pass, limited or buffering"),
        ("PUT", "policy", {**LEASE, "mode": "pass"}, 400, "leave rate_per_s"),
        ("PUT", "policy", {"mode": "limited", "owner": "o", "reason": "r", "ttl_s": 9}, 400, "says how"),
        ("GET", "buffer?state=lost", None, 400, "send one of waiting, sending, delivered"),
        ("POST", "replay", {"action": "start"}, 409, "has no MaintainX key"),
        ("POST", "replay", {"action": "go"}, 400, "send start, pause, resume, cancel"),
        ("PUT", "key", {}, 400, "send MaintainX's API key"),
        ("POST", "webhooks/NEW_WORK_ORDER", {}, 503, "MAINTAINX_WEBHOOK_SECRET is not set"),
        ("POST", "webhooks", {}, 404, "no such route"),
        ("GET", "", None, 404, "no such route"),
    ],
)
async def test_other_bad_requests(
    tmp_path: Path, method: str, path: str, body: Any, status: int, says: str
) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        answer = await gw.admin(method, path, body)
        assert answer.status == status
        assert says in answer.json()["error"]
        assert up.requests == []


async def test_a_database_that_cannot_take_it_is_said_and_nothing_is_in_force(tmp_path: Path) -> None:

    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        other = sqlite3.connect(tmp_path / "gateway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answer = await gw.admin("PUT", "leases/a", {**LEASE, "paused_jobs": ["asset-sync"]})
        assert answer.status == 503
        assert "another process has held its lock" in answer.json()["error"]
        assert (await gw.get("/v1/assets")).status == 200
        other.execute("ROLLBACK")
        other.close()
        assert (await gw.admin("PUT", "leases/a", {**LEASE, "paused_jobs": ["asset-sync"]})).status == 200
        assert (await gw.get("/v1/assets")).status == 503


async def test_json_bodies_end_with_a_newline_and_say_their_type(tmp_path: Path) -> None:
    async with gateway(NOWHERE, tmp_path) as gw:
        answer = await gw.admin("GET", "healthz")
        assert answer.one("Content-Type") == b"application/json"
        assert answer.body.endswith(b"}\n")
        assert json.loads(answer.body) == {"ok": True}


async def test_when_each_collection_was_last_answered_well_is_told_by_direction(tmp_path: Path) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        assert (await gw.admin("GET", "status")).json()["upstream"]["last_good"] == {}
        await gw.get("/v1/workorders?limit=1")
        await gw.post("/v1/workorders/7/comments", {"content": "x"})
        await gw.get("/v1/ODD%20path")
        await gw.get("/versions")
        seen = (await gw.admin("GET", "status")).json()["upstream"]["last_good"]
        assert list(seen) == ["/workorders"]
        assert seen["/workorders"]["in"] <= seen["/workorders"]["out"]
