"""Health, readiness and metrics over real HTTP."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bot.meter import Figure, Meter
from bot.supervisor import LoopState
from bot.web import pages
from bot.web.state import Look

Client = TestClient[web.Request, web.Application]


class Looking:
    """What the pages ask; a test sets what is to be seen."""

    def __init__(self) -> None:
        self.seen = Look()

    async def __call__(self) -> Look:
        return self.seen


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
async def client(looking: Looking) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(pages.routes(looking, loops=lambda: looking.seen))
    async with TestClient(TestServer(app)) as made:
        yield made


async def test_alive_even_where_nothing_works(client: Client, looking: Looking) -> None:
    looking.seen = Look(
        loops={"card": LoopState(up=False, fault="x"), "triage": LoopState(late_s=800)},
        waiting_for=("reading mx.db: the disk is gone",),
    )
    answer = await client.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"status": "alive"})


async def test_a_loop_that_is_hung_asks_for_a_new_process(client: Client, looking: Looking) -> None:
    looking.seen = Look(loops={"card": LoopState(late_s=901)})
    answer = await client.get("/healthz")
    assert answer.status == 503
    (because,) = (await answer.json())["because"]
    assert because.startswith("card has not come round for 15 minutes: start this process anew")
    assert (await (await client.get("/readyz")).json())["because"] == [because]


async def test_ready_when_nothing_is_missing(client: Client, looking: Looking) -> None:
    looking.seen = Look(loops={"card": LoopState(late_s=119)})
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"status": "ready"})


async def test_not_ready_says_every_reason_and_what_to_do(client: Client, looking: Looking) -> None:
    looking.seen = Look(
        loops={
            "card": LoopState(up=False, restarts=3, fault="KeyError: 'x'"),
            "runner": LoopState(),
            "triage": LoopState(late_s=121),
        },
        waiting_for=("asking Slack who the bot is: no connection",),
    )
    answer = await client.get("/readyz")
    assert answer.status == 503
    slack, card, triage = (await answer.json())["because"]
    assert slack == "asking Slack who the bot is: no connection"
    assert card.startswith("card is down: KeyError: 'x'; it is started again within 30 s.")
    assert triage.startswith("triage has not come round for 121 s: see what it waits for in the log")


async def test_metrics_are_what_prometheus_reads(client: Client, looking: Looking) -> None:
    meter = Meter()
    meter.slack_calls.add("chat.update", "ok", by=7)
    meter.probe_seconds.note(0.2, "api")
    odd = Figure("mx_odd", "Two\nlines and a \\.", "name", kind="gauge")
    odd.set(1.5, 'a "b"\\\nc')
    looking.seen = Look(
        leader=True,
        loops={"card": LoopState(up=False, restarts=2, fault="x")},
        families=(*meter.families(), odd),
    )
    answer = await client.get("/metrics")
    assert answer.content_type == "text/plain"
    found = list(text_string_to_metric_families(await answer.text()))
    assert len({family.name for family in found}) == len(found), "each family once"
    assert all(family.documentation and family.type != "unknown" for family in found)
    values = {(s.name, tuple(s.labels.values())): s.value for family in found for s in family.samples}
    assert values["mx_leader", ()] == 1
    assert values["mx_ready", ()] == 0
    assert values["mx_loop_up", ("card",)] == 0
    assert values["mx_loop_restarts_total", ("card",)] == 2
    assert values["mx_slack_calls_total", ("chat.update", "ok")] == 7
    assert values["mx_probe_seconds_bucket", ("api", "0.25")] == 1
    assert values["mx_probe_seconds_bucket", ("api", "0.1")] == 0
    assert values["mx_odd", ('a "b"\\\nc',)] == 1.5
