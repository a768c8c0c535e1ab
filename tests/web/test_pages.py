"""Health, readiness and metrics over real HTTP."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.errors import StoreError
from bot.supervisor import LoopState
from bot.web import pages
from bot.web.state import Look

Client = TestClient[web.Request, web.Application]


class Looking:
    """What the pages ask; a test sets what is to be seen."""

    def __init__(self) -> None:
        self.seen: Look | StoreError = Look()

    async def __call__(self) -> Look:
        if isinstance(self.seen, StoreError):
            raise self.seen
        return self.seen


@pytest.fixture
def looking() -> Looking:
    return Looking()


@pytest.fixture
async def client(looking: Looking) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(pages.routes(looking))
    async with TestClient(TestServer(app)) as made:
        yield made


async def test_alive_even_where_nothing_works(client: Client, looking: Looking) -> None:
    looking.seen = StoreError("reading mx.db: the disk is gone")
    answer = await client.get("/healthz")
    assert answer.status == 200


async def test_ready_when_nothing_is_missing(client: Client) -> None:
    answer = await client.get("/readyz")
    assert (answer.status, await answer.json()) == (200, {"status": "ready"})


async def test_not_ready_says_every_reason(client: Client, looking: Looking) -> None:
    looking.seen = Look(
        loops={"card": LoopState(up=False, restarts=3, fault="KeyError: 'x'"), "runner": LoopState()},
        waiting_for=("asking Slack who the bot is: no connection",),
    )
    answer = await client.get("/readyz")
    assert answer.status == 503
    assert (await answer.json())["because"] == [
        "asking Slack who the bot is: no connection",
        "card is down: KeyError: 'x'",
    ]


async def test_a_store_that_does_not_answer_is_a_reason_not_a_crash(client: Client, looking: Looking) -> None:
    looking.seen = StoreError("reading mx.db: locked")
    assert (await client.get("/readyz")).status == 503
    assert (await client.get("/metrics")).status == 503


async def test_metrics_are_prometheus_text(client: Client, looking: Looking) -> None:
    looking.seen = Look(
        leader=True,
        loops={'odd"name': LoopState(up=False, restarts=2, fault="x")},
        events=41,
        open_incidents={"SEV-2": 1},
        slack_calls={("chat.update", "ok"): 7},
    )
    answer = await client.get("/metrics")
    assert answer.content_type == "text/plain"
    lines = (await answer.text()).splitlines()
    assert "mx_timeline_events_total 41" in lines
    assert 'mx_open_incidents{severity="SEV-2"} 1' in lines
    assert 'mx_open_incidents{severity="SEV-1"} 0' in lines
    assert 'mx_loop_restarts_total{loop="odd\\"name"} 2' in lines
    assert 'mx_slack_calls_total{method="chat.update",outcome="ok"} 7' in lines
    assert "mx_ready 0" in lines
    for line in lines:
        assert line.startswith(("# HELP mx_", "# TYPE mx_", "mx_")), line
