"""Whether recovery is proved, asked of a real MaintainX on sockets: what counts, what does not, and what must not be counted."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.canary import EVERY, sail, title_of
from bot.demo.maintainx import Fault
from bot.domain.assessment import Assessment
from bot.domain.incident import Incident
from bot.domain.proof import headline
from bot.domain.readings import Reading, Status
from bot.domain.watching import RecoveryLine, verdict_of
from bot.proof import proof_of
from bot.straight import Straight
from tests.proving import Plant, body, plant
from tests.room import timeline_at
from tests.steps.around import incident as an_incident
from tests.wound_clock import WoundClock

INCIDENT = an_incident()


@pytest.fixture
def clock() -> WoundClock:
    return WoundClock()


@pytest.fixture
async def here(tmp_path: Path, clock: WoundClock) -> AsyncIterator[Plant]:
    async with timeline_at(tmp_path / "mx.db", clock) as timeline, plant(clock, timeline) as made:
        yield made


async def proof(here: Plant, incident: Incident | None = INCIDENT) -> tuple[RecoveryLine, ...]:
    outside = await here.prover.outside("default", incident)
    return proof_of(incident, outside, zone=here.prover.zone)


async def test_data_that_moves_and_rounds_that_are_good_prove_it_with_evidence(here: Plant) -> None:
    here.seen("well", "well", "well", "bad")
    here.works(3)
    lines = await proof(here)
    assert verdict_of(lines) == "proved"
    assert headline(lines) == "Recovery is proved: 8 checks met; 1 not known"
    assert {one.name: one.says for one in lines} == {
        "good rounds": "the last 3 rounds were good, 11:58 UTC to 11:59 UTC",
        "fresh data": "/workorders: newest change 2026-11-23 12:00:00 UTC, after the first good round (2026-11-23 11:58:50 UTC)",
        "work orders": "3 work orders made in the last hour",
        "backlog": "nothing waits at the gateway (mode pass)",
        "mitigations": "nothing is switched on",
        "runs": "no playbook is under way",
        "gaps": "no gap is open",
        "findings": "the latest look (11:59 UTC) found nothing",
        "sync state": "where the integration keeps it is not set (sync_state_file)",
    }
    assert here.assessed == 0, "the monitor's rounds are good enough"
    assert here.sent() == []


async def test_a_quiet_plant_is_no_traffic_and_not_green(here: Plant) -> None:
    here.seen("well", "well", "well")
    lines = await proof(here)
    assert verdict_of(lines) == "no_traffic"
    assert headline(lines) == "No traffic to judge recovery by: fresh data, work orders"
    assert [one.says for one in lines if one.state == "no_traffic"] == [
        "/workorders: newest change 2026-11-23 03:00:00 UTC; nothing moved since the incident began (2026-11-23 11:30:00 UTC)",
        "0 work orders made in the last hour, every page counted",
    ]


async def test_data_that_moved_while_it_was_still_broken_proves_nothing(here: Plant) -> None:
    here.seen("well", "well", "well", "bad", ago_s=10)
    at = (here.clock.now() - timedelta(seconds=95)).isoformat().replace("+00:00", "Z")
    here.works(1, createdAt=at, updatedAt=at)
    assert (await here.line("fresh data", INCIDENT)).state == "no_traffic"
    here.works(1)
    assert (await here.line("fresh data", INCIDENT)).state == "met"


def runbook_counts(here: Plant, query: str) -> int:
    """``curl -s … | jq '.workOrders | length'``, as the runbook has it: jq says 0 of an answer that has no such list."""
    request = urllib.request.Request(  # noqa: S310 - the stand-in's own address
        f"{here.maintainx.base_url}/workorders?{query}",
        headers={"Authorization": "Bearer demo-maintainx-key"},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return len(found.get("workOrders") or [])


async def test_the_runbooks_count_lies_in_both_directions_and_this_one_does_not(here: Plant) -> None:
    here.works(430)
    hour_ago = "2026-11-23T11:00:00Z"
    wrong_name = await asyncio.to_thread(runbook_counts, here, f"createdAtGte={hour_ago}&limit=5")
    one_page = await asyncio.to_thread(runbook_counts, here, f"createdAt%5Bgte%5D={hour_ago}&limit=5")
    assert (wrong_name, one_page) == (0, 5), "a false alarm, and a count that never says more than five"
    found = await here.line("work orders")
    assert (found.state, found.says) == ("met", "430 work orders made in the last hour")
    asked = [one.query for one in here.maintainx.requests if "created" in one.query][2:]
    assert len(asked) == 3, "three pages of 200"
    assert all("limit=200" in query and "createdAt[gte]=2026-11-23T11:00:" in query for query in asked)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("error", status=400), "it answered 400"),
        (Fault("error", status=502, html=True), "it answered 502"),
        (Fault("revoked"), "it answered 401 (Invalid token)"),
        (Fault("portal"), "it answered 200, and not with the list that its document promises"),
        (Fault("wrong_json"), "it answered 200, and not with the list"),
        (Fault("reset"), "no answer ("),
        (Fault("limited"), "it answered 429"),
    ],
)
async def test_a_request_that_fails_is_unmet_and_never_nought(here: Plant, fault: Fault, says: str) -> None:
    here.works(2)
    here.settings(canary=True)
    here.maintainx.break_(fault)
    outside = await here.prover.outside("default", INCIDENT)
    lines = {one.name: one for one in outside.lines}
    for name in ("fresh data", "work orders"):
        assert lines[name].state == "unmet"
        assert says in lines[name].says
    assert "nobody knows how many" in lines["work orders"].says
    assert here.sent() == [], "nothing is made where nothing can be read"


async def test_a_page_that_fails_in_the_middle_is_no_count(here: Plant) -> None:
    here.works(250)
    here.maintainx.break_(Fault("error", status=500, every=3))
    found = await here.line("work orders")
    assert found.state == "unmet"
    assert "page 2: it answered 500" in found.says


async def test_more_than_is_read_is_said(here: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.freshness.PAGES", 2)
    here.works(450)
    found = await here.line("work orders")
    assert (found.state, found.says) == (
        "met",
        "at least (the first 2 pages were read) 400 work orders made in the last hour",
    )


async def test_without_a_key_nothing_is_asked_and_it_says_what_to_set(here: Plant) -> None:
    here.prover.keys["default"].value = None  # type: ignore[attr-defined] # the test's own key
    found = await here.line("fresh data")
    assert (found.state, found.says) == (
        "unmet",
        "asking MaintainX: there is no API key; set MAINTAINX_API_KEY",
    )


async def test_the_gateways_budget_hears_of_every_request(here: Plant) -> None:
    here.works(250)
    await here.prover.outside("default", INCIDENT)
    told = sum(int(line["says"]) for line in here.gateway.log if line["what"] == "spent")
    assert told == len(here.maintainx.requests) == 3


async def test_a_canary_proves_a_quiet_plant_and_leaves_nothing_open(here: Plant) -> None:
    here.settings(canary=True)
    here.seen("well", "well", "well")
    lines = await proof(here)
    (canary,) = here.canaries()
    assert verdict_of(lines) == "proved"
    told = {one.name: one.says for one in lines}
    assert told["fresh data"].endswith(
        f"; canary work order {canary['id']}, made just now, was read back and is cancelled"
    )
    assert told["work orders"] == (
        f"mx's own canary {canary['id']} is in the list; nobody else made one in the last hour"
    )
    assert canary["status"] == "CANCELED"
    assert canary["title"] == "mx canary for mx-20261123-7f3a: mx made this to prove recovery, safe to ignore"
    (made,), (ended,) = here.sent("POST"), here.sent("PATCH")
    assert (made.path, made.query, body(made)["title"]) == (
        "/v1/workorders",
        "skipWebhook=true",
        canary["title"],
    )
    assert (ended.path, ended.query, body(ended)) == (
        f"/v1/workorders/{canary['id']}/status",
        "skipWebhook=true",
        {"status": "CANCELED"},
    )
    assert [one.path for one in here.maintainx.requests].count(f"/v1/workorders/{canary['id']}") == 1


async def test_no_canary_without_leave_nor_where_data_moves(here: Plant) -> None:
    await proof(here)
    here.settings(canary=True)
    here.works(1)
    await proof(here)
    assert here.canaries() == []


async def test_a_canary_is_no_traffic_of_its_own(here: Plant) -> None:
    here.settings(canary=True)
    await proof(here)
    here.settings(canary=False)
    assert (await here.line("work orders", INCIDENT)).state == "no_traffic"
    here.settings(canary=True, good_rounds=1)
    again = await here.line("fresh data", INCIDENT)
    assert "newest change 2026-11-23 03:00:00 UTC" in again.says, "mx's own row is passed over"
    assert "made at 12:00 UTC, was read back" in again.says
    assert len(here.canaries()) == 1, "one in ten minutes is enough"
    here.clock.wind(EVERY.total_seconds() + 1)
    await proof(here)
    assert len(here.canaries()) == 2


async def test_one_that_a_crash_left_behind_is_used_and_cancelled_not_made_again(here: Plant) -> None:
    """The process died between making it and cancelling it: the request is asked again by the next life."""
    here.settings(canary=True)
    left = here.maintainx.rows.add("/workorders", {"title": title_of(INCIDENT.id)})
    line = await here.line("fresh data", INCIDENT)
    assert (line.state, f"canary work order {left}" in line.says) == ("met", True)
    assert [row["status"] for row in here.canaries()] == ["CANCELED"]
    assert here.sent() == []


async def test_one_that_cannot_be_cancelled_is_named_with_what_to_do(here: Plant) -> None:
    here.settings(canary=True)
    here.maintainx.break_(Fault("error", methods=("PATCH",), status=500))
    line = await here.line("fresh data", INCIDENT)
    (canary,) = here.canaries()
    assert line.state == "unmet"
    assert (
        f"canary work order {canary['id']} could not be cancelled (it answered 500 (Internal server error.)): "
        f'cancel it by hand, in MaintainX or with PATCH /workorders/{canary["id"]}/status and {{"status": "CANCELED"}}'
    ) in line.says
    assert len(here.sent("PATCH")) == 2, "tried twice"
    here.maintainx.heal()
    assert (await here.line("fresh data", INCIDENT)).state == "met", "the next look cancels it"
    assert [row["status"] for row in here.canaries()] == ["CANCELED"]


async def test_one_whose_answer_is_lost_is_found_and_cancelled(here: Plant) -> None:
    here.settings(canary=True)
    here.maintainx.break_(Fault("drop", methods=("POST",)))
    line = await here.line("fresh data", INCIDENT)
    assert line.state == "unmet"
    assert "making a canary work order: no answer" in line.says
    assert [row["status"] for row in here.canaries()] == ["CANCELED"]


async def test_a_look_that_is_cut_short_still_cancels_its_canary(here: Plant) -> None:
    here.maintainx.break_(Fault("hang", methods=("GET",), every=2))
    [spec] = here.prover.integrations.values()
    async with (
        Straight.open(
            spec,
            here.prover.keys["default"],
            gateway=here.prover.gateway,
            clock=here.clock,
            rate_per_s=2.0,
        ) as straight,
        asyncio.TaskGroup() as group,
    ):
        sailing = group.create_task(sail(straight, "x", left=None, clock=here.clock, zone=here.prover.zone))
        async with asyncio.timeout(10):
            while not here.sent() or here.maintainx.requests[-1].method != "GET":  # noqa: ASYNC110 - the stand-in tells nobody
                await asyncio.sleep(0.02)
        sailing.cancel()
    assert [row["status"] for row in here.canaries()] == ["CANCELED"]


@pytest.mark.parametrize("by", ["maintainx", "gateway"])
async def test_the_last_requests_of_the_limit_are_not_spent_on_a_canary(here: Plant, by: str) -> None:
    here.settings(canary=True)
    if by == "gateway":
        here.maintainx.rate_headers = False
        here.gateway.budget = {"left": 4, "organisation_left": 300}
    else:
        here.maintainx.break_(Fault("limited", limit=8))
    line = await here.line("fresh data", INCIDENT)
    assert line.state == "no_traffic"
    assert "requests left, which are not mx's to spend" in line.says
    assert here.sent() == []


async def test_where_nobody_watches_it_asks_rounds_itself_a_few_seconds_apart(here: Plant) -> None:
    began = here.clock.monotonic()
    line = await here.line("good rounds", INCIDENT)
    assert (line.state, line.says) == ("met", "3 asked just now, 3 s apart: all good")
    assert (here.assessed, here.clock.monotonic() - began >= 6) == (3, True)


async def test_one_bad_round_of_its_own_is_enough_and_is_told(here: Plant) -> None:
    here.found = [(), ("rate-limited",)]
    lines = {one.name: one for one in await proof(here)}
    assert lines["good rounds"].says == (
        "a round asked just now was bad: SEV-2, 429 on every request; to see all of it: /mx triage"
    )
    assert lines["findings"].state == "unmet"
    assert here.assessed == 2


async def test_rounds_of_an_hour_ago_prove_nothing(here: Plant) -> None:
    here.seen("well", "well", "well", ago_s=3600)
    await here.line("good rounds", INCIDENT)
    assert here.assessed == 3


async def test_a_bad_round_in_between_starts_the_count_anew(here: Plant) -> None:
    here.seen("well", "well", "bad", "well")
    line = await here.line("good rounds", INCIDENT)
    assert (line.state, here.assessed) == ("unmet", 0)
    assert line.says == (
        "2 in a row, 3 needed; the latest bad one at 11:58 UTC (bad); mx looks every 30 s, or at once: /mx triage"
    )


async def test_what_waits_at_the_gateway_and_a_gateway_that_is_away(here: Plant) -> None:
    here.gateway.buffer.take(3)
    here.gateway.buffer.take(state="unknown")
    line = await here.line("backlog")
    assert line.state == "unmet"
    assert "3 writes wait at the gateway" in line.says
    assert "1 write of unknown fate waits" in line.says
    here.gateway.broken = 503
    away = await here.line("backlog")
    assert (away.state, "so this is as of 12:00 UTC" in away.says) == ("unmet", True)

    async def none(name: str, within_s: float) -> None:
        return None

    here.prover = replace(here.prover, look=none)
    other = await here.line("backlog")
    assert (other.state, other.says) == (
        "unknown",
        "the integration is not behind the mx gateway, so none is known",
    )


async def test_the_sync_state_counts_where_it_is_set(here: Plant) -> None:
    assert (await here.line("sync state")).state == "unknown"
    for status, state in ((Status.OK, "met"), (Status.FAILING, "unmet"), (Status.UNKNOWN, "unknown")):
        here.sync[:] = [
            Reading(probe="sync", target="sync state", status=status, says="last sync at 11:55 UTC")
        ]
        found = await here.line("sync state")
        assert (found.state, found.says) == (state, "last sync at 11:55 UTC")


async def test_everything_away_at_once_is_told_line_by_line_within_its_time(
    here: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.proof._ASK_S", 0.5)
    monkeypatch.setattr("bot.proof._LOOK_S", 0.5)
    here.maintainx.break_(Fault("hang"))
    here.gateway.hold_answer_of = "GET"

    async def falls(_: str) -> Assessment:
        raise ZeroDivisionError

    here.prover = replace(here.prover, assess=falls)
    async with asyncio.timeout(3):
        lines = {one.name: one for one in await proof(here)}
    assert "no answer within 0.5 s" in lines["fresh data"].says
    assert "a fault in mx itself (ZeroDivisionError" in lines["good rounds"].says
    assert lines["backlog"].state == "unknown"
    assert verdict_of(tuple(lines.values())) == "not_proved"
