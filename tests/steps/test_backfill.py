"""The step ``backfill``: what MaintainX has reaches the integration, counted; a gap closes only where nothing is missing."""

import json
import stat
import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from bot.demo.maintainx import Fault, answers
from bot.domain.gap import Gap, after
from bot.errors import OutsideError
from bot.gateway_client import GatewayClient
from bot.steps.backfill import Backfill
from bot.steps.surroundings import Surroundings
from tests.gateway_standin import GatewayStandIn
from tests.steps.around import KEY, OPENED, Outside, context, gap, incident, outside
from tests.wound_clock import WoundClock

SINCE = OPENED - timedelta(minutes=5)
ORDERS = gap("/workorders", SINCE)
USERS = gap("/users", SINCE)


def changed(out: Outside, count: int = 5) -> list[int]:
    """So many work orders that changed since the gap began; the rest is older."""
    numbers = list(out.maintainx.workorders)[:count]
    for number in numbers:
        out.maintainx.rows.change("/workorders", number, {"title": "changed"})
    return numbers


def test_its_values_are_checked(client: GatewayClient, clock: WoundClock) -> None:
    step = Backfill(client, clock, Surroundings())
    assert step.check({"entities": ["/assets"], "page": 200, "rate_per_s": 1}) == step.check({}) == ()
    assert step.check({"page": 201}) == ("page: 201 does not fit; write a whole number from 1 to 200",)


async def test_what_changed_is_walked_handed_over_and_counted(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    async with outside(clock) as out:
        numbers = changed(out)
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS), page=2), {})
        assert (result.outcome, result.says) == (
            "done",
            "workorders from MaintainX: 5 expected, 5 found, 0 missing",
        )
        [end] = result.settled
        assert (end.expected, end.found, end.missing) == (5, 5, 0)
        assert after((ORDERS,), (), result.settled) == ()
        assert set(out.there.imports.rows["/workorders"]) == {str(number) for number in numbers}
        assert [batch["rows"] for batch in out.there.imports.batches] == [2, 2, 1]
        assert out.there.imports.batches[0] == {
            "incident": "mx-20261123-7f3a",
            "entity": "/workorders",
            "since": "2026-11-23T11:25:00.000Z",
            "rows": 2,
        }
        first, *more = [parse_qs(query) for query in out.asked("/workorders")]
        assert first == {
            "updatedAt[gte]": ["2026-11-23T11:25:00.000Z"],
            "sort": ["updatedAt"],
            "limit": ["2"],
            "show_upcoming": ["true"],
        }
        assert all({**query, "cursor": None} == {**first, "cursor": None} for query in more)
        assert sum(int(line["says"]) for line in gateway.log if line["what"] == "spent") == 3


async def test_a_list_without_a_date_filter_is_walked_whole_and_the_pace_is_kept(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock) as out:
        began = clock.monotonic()
        step = Backfill(client, clock, out.around)
        result = await step.act(context(incident(USERS), page=2, rate_per_s=0.5), {})
        assert result.says == "users from MaintainX: 6 expected, 6 found, 0 missing"
        assert clock.monotonic() - began == pytest.approx(4.0)  # three pages, two seconds apart
        assert all("updatedAt" not in query and "sort" not in query for query in out.asked("/users"))


async def test_what_the_integration_does_not_keep_is_named_and_leaves_the_gap_open(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock) as out:
        numbers = changed(out, 20)
        out.there.imports.loses = {str(number) for number in numbers[:12]}
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS, USERS)), {})
        assert result.outcome == "failed"
        named = ", ".join(str(number) for number in numbers[:10])
        assert f"20 expected, 8 found, 12 missing ({named} and 2 more)" in result.says
        assert result.says.endswith(
            "1 of what was looked at stays open; mend what is named, and run it again"
        )
        assert after((ORDERS, USERS), (), result.settled) == (ORDERS,)
        out.there.imports.loses = set()
        again = await Backfill(client, clock, out.around).act(context(incident(ORDERS)), {})
        assert (again.outcome, again.settled[0].missing) == ("done", 0)


async def test_an_integration_that_does_not_answer_ids_is_believed_and_that_is_said(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock) as out:
        changed(out)
        out.there.imports.confirms = False
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS)), {})
        assert result.outcome == "done"
        assert result.says.endswith("5 found, 0 missing; taken, not confirmed one by one")


async def test_without_an_import_nothing_is_read_and_the_keys_to_set_are_named(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock) as out:
        step = Backfill(client, clock, out.with_settings(import_url=None))
        with pytest.raises(OutsideError, match=r"set import_url or import_command in mx\.toml"):
            await step.act(context(incident(ORDERS)), {})
        assert not out.maintainx.requests
        assert "import_url" in (await step.plan(context(incident(ORDERS)))).warnings[0]


async def test_a_429_is_waited_out_as_long_as_maintainx_says(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock, user_limit=2, window_s=60.0) as out:
        changed(out)
        began = clock.monotonic()
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS), page=1), {})
        assert (result.outcome, result.settled[0].found) == ("done", 5)
        assert clock.monotonic() - began >= 118, "five pages at two a minute"
        assert out.maintainx.counts()[429] == 2, "not once more than needed"


async def test_server_errors_are_tried_again_and_then_told(client: GatewayClient, clock: WoundClock) -> None:
    async with outside(clock) as out:
        changed(out)
        out.maintainx.break_(Fault("error", status=503, times=5))
        step = Backfill(client, clock, out.around)
        assert (await step.act(context(incident(ORDERS)), {})).outcome == "done"
        out.maintainx.break_(Fault("error", path="/workorders", status=503))
        result = await step.act(context(incident(ORDERS, USERS)), {})
        assert result.outcome == "failed"
        assert "6 times in a row; run it again when MaintainX is well" in result.says
        assert after((ORDERS, USERS), (), result.settled) == (ORDERS,), (
            "the other one was filled all the same"
        )


async def test_a_key_that_is_refused_is_not_tried_again(client: GatewayClient, clock: WoundClock) -> None:
    async with outside(clock) as out:
        out.maintainx.break_(Fault("revoked"))
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS)), {})
        assert result.outcome == "failed"
        assert "it answered 401 (Invalid token); put a key in place" in result.says
        assert len(out.maintainx.requests) == 1
        assert KEY not in result.says


async def test_pages_that_go_round_in_circles_end(
    client: GatewayClient, clock: WoundClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = answers._cursor
    monkeypatch.setattr(answers, "_cursor", lambda _: real(("", 0)))  # every page leads to the first
    async with outside(clock) as out:
        changed(out)
        result = await Backfill(client, clock, out.around).act(context(incident(ORDERS), page=2), {})
        assert result.outcome == "failed"
        assert "go round in circles" in result.says
        assert len(out.maintainx.requests) == 2
        assert result.settled == ()


async def test_the_organisation_goes_along(client: GatewayClient, clock: WoundClock) -> None:
    async with outside(clock, organisations=(4711, 4712)) as out:
        changed(out)
        result = await Backfill(client, clock, out.with_settings(org_id="4711")).act(
            context(incident(ORDERS)), {}
        )
        assert result.outcome == "done"
        assert {r.header("x-organization-id") for r in out.maintainx.requests} == {"4711"}


async def test_an_integration_that_is_down_is_told_and_may_be_asked_again(
    client: GatewayClient, clock: WoundClock
) -> None:
    async with outside(clock) as out:
        changed(out)
        out.there.imports.status = 503
        step = Backfill(client, clock, out.around)
        result = await step.act(context(incident(ORDERS)), {})
        assert "it answered 503, 4 times in a row; look whether the integration is up" in result.says
        assert result.settled == ()
        out.there.imports.status = 200
        observed = await step.observe(context(incident(ORDERS)))
        assert observed is not None
        assert observed.outcome == "done"


@pytest.mark.parametrize(
    ("body", "outcome", "says"),
    [
        ("for row in rows: print(json.dumps({'found': row['id']}))", "done", "5 found, 0 missing"),
        ("print(json.dumps({'missing': rows[0]['id']}))", "failed", "4 found, 1 missing"),
        ("print('imported', len(rows))", "done", "taken, not confirmed one by one"),
        ("sys.exit('the table is locked')", "failed", "it ended with exit code 1: the table is locked"),
    ],
)
async def test_a_command_takes_rows_on_its_standard_input(
    client: GatewayClient, clock: WoundClock, tmp_path: Path, body: str, outcome: str, says: str
) -> None:
    script = tmp_path / "import-rows"
    script.write_text(
        f"#!{sys.executable}\nimport json, sys\nrows = [json.loads(line) for line in sys.stdin]\n"
        f"open({str(tmp_path / 'seen')!r}, 'a').write(json.dumps([sys.argv[1:], len(rows)]))\n{body}\n"
    )
    script.chmod(stat.S_IRWXU)
    async with outside(clock) as out:
        changed(out)
        command = (str(script), "{entity}", "{since}")
        around = out.with_settings(import_url=None, import_command=command)
        result = await Backfill(client, clock, around).act(context(incident(ORDERS)), {})
        assert result.outcome == outcome
        assert says in result.says
        seen = json.loads((tmp_path / "seen").read_text())
        assert seen == [["/workorders", "2026-11-23T11:25:00.000Z"], 5]


def outward(entity: str = "/workorders") -> Gap:
    return gap(entity, SINCE, direction="out")


async def test_the_integrations_own_writes_are_settled_by_what_the_gateway_kept(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    old = (SINCE - timedelta(hours=1)).isoformat()
    gateway.buffer.take(2, state="rejected", received_at=old)
    gateway.buffer.take(3, state="delivered")
    gateway.buffer.take(1, state="dropped")
    gateway.buffer.take(4, state="waiting", path="/v1/assets/7")
    step = Backfill(client, clock, Surroundings())
    gaps = (outward(), outward("/assets"))
    result = await step.act(context(incident(*gaps)), {})
    assert result.outcome == "failed"
    orders, assets = result.settled
    assert (orders.expected, orders.found, orders.missing) == (3, 3, 0)
    assert orders.says == (
        "workorders to MaintainX: 3 of 3 writes that the gateway kept are delivered; 1 given up by a person"
    )
    assert (assets.expected, assets.found, assets.missing) == (4, 0, 4)
    assert assets.says.endswith("4 wait for the replay: start it on the card, or with mx replay")
    assert after(gaps, (), result.settled) == (gaps[1],)


async def test_parked_and_refused_writes_keep_it_open_with_what_to_do(
    client: GatewayClient, clock: WoundClock, gateway: GatewayStandIn
) -> None:
    gateway.buffer.largest_page = 2  # several pages
    gateway.buffer.take(3, state="delivered")
    gateway.buffer.take(1, state="unknown")
    gateway.buffer.take(1, state="rejected")
    result = await Backfill(client, clock, Surroundings()).act(context(incident(outward())), {})
    assert result.settled[0].missing == 2
    assert "1 are of unknown fate: decide with mx buffer list --state unknown" in result.says
    assert "1 were refused by MaintainX" in result.says
    gateway.broken = 503
    away = await Backfill(client, clock, Surroundings()).act(context(incident(outward())), {})
    assert (away.outcome, away.settled) == ("failed", ())
    assert "the integration's own writes are not looked at" in away.says


async def test_with_nothing_open_there_is_nothing_to_do_and_the_plan_tells_what_there_is(
    client: GatewayClient, clock: WoundClock
) -> None:
    step = Backfill(client, clock, Surroundings())
    assert (await step.act(context(), {})).says == "no gap is open, so there is nothing to fill"
    planned = await step.plan(context(incident(ORDERS, USERS)))
    assert planned.touches == "workorders, users from MaintainX since 2026-11-23 11:25 UTC"
    assert planned.says.endswith("; /users whole, since no date filters them")
    assert planned.waits
    assert planned.undo_says is None
    assert await step.undo(context(), {}) is None
