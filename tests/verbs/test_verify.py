"""``mx verify`` and ``mx resolve`` as people and scripts use them: with and without a timeline, a bot, a MaintainX."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.statuspage import FakeStatusPage
from bot.domain import events as e
from bot.domain.incident import Incident
from bot.journal.leader import LeaderLock
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn
from tests.room import INCIDENT, assessment, open_incident, write
from tests.verbs.terminal import Ended, mx

KEY = "k-secret-0123456789"


@dataclass
class Desk:
    """A terminal between a MaintainX, a gateway and a service."""

    folder: Path
    maintainx: FakeMaintainX
    gateway: GatewayStandIn
    env: dict[str, str]

    async def mx(self, *argv: str) -> Ended:
        return await mx(*argv, env=self.env, folder=self.folder)

    @asynccontextmanager
    async def timeline(self) -> AsyncIterator[Timeline]:
        async with Timeline.open(self.folder / "mx.db", clock=SystemClock(), scrub=Scrubber()) as timeline:
            yield timeline

    async def incident(self) -> Incident:
        async with self.timeline() as timeline:
            found = (await timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def opened(self) -> None:
        async with self.timeline() as timeline:
            await open_incident(timeline, SystemClock())
            await write(timeline, SystemClock(), e.Assessed(assessment=assessment(SystemClock())))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with (
        FakeMaintainX.start(key=KEY, rate_headers=False) as maintainx,
        FakeStatusPage.start() as page,
        GatewayStandIn(SystemClock()).serve() as gateway,
        FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as integration,
    ):
        (tmp_path / "sync.json").write_text(
            json.dumps({"lastSyncAt": SystemClock().now().isoformat()}), "utf-8"
        )
        settings = '[integrations.default]\ngood_rounds = 1\nsync_state_file = "sync.json"\n'
        (tmp_path / "mx.toml").write_text(settings, "utf-8")
        env = {
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MX_STATUS_URL": page.url,
            "MX_GATEWAY_URL": gateway.url,
            "MX_GATEWAY_TOKEN": TOKEN,
            "INTEGRATION_HEALTH_URL": integration.health_url,
            "NO_PROXY": "127.0.0.1",
        }
        yield Desk(tmp_path, maintainx, gateway, env)


async def test_without_a_timeline_it_looks_and_leaves_nothing(desk: Desk) -> None:
    quiet = await desk.mx("verify")
    assert (quiet.code, quiet.err) == (4, "")
    assert quiet.out.startswith("default: No traffic to judge recovery by: fresh data, work orders\n")
    assert "  good rounds, met: 1 asked just now: all good" in quiet.out
    desk.maintainx.rows.add("/workorders", {"title": "Leak"})
    good = await desk.mx("verify", "--json")
    assert good.code == 0, good.out
    found = json.loads(good.out)
    assert set(found) == {"integration", "incident", "at", "verdict", "says", "lines"}
    assert (found["integration"], found["incident"], found["verdict"]) == ("default", None, "proved")
    assert found["lines"][2] == {
        "name": "work orders",
        "state": "met",
        "says": "1 work order made in the last hour",
    }
    assert (found["lines"][-1]["name"], found["lines"][-1]["state"]) == ("sync state", "met")
    desk.maintainx.break_(Fault("error", status=503))
    bad = await desk.mx("verify")
    assert bad.code == 1
    assert "it answered 503" in bad.out
    assert KEY not in quiet.out + good.out + bad.out
    assert not (desk.folder / "mx.db").exists()


async def test_it_reads_the_incident_and_writes_only_when_it_is_told_to(desk: Desk) -> None:
    await desk.opened()
    before = (await desk.incident()).version
    await desk.mx("verify")
    assert (await desk.incident()).version == before
    told = await desk.mx("verify", "--record", "--json")
    assert json.loads(told.out)["incident"] == INCIDENT
    incident = await desk.incident()
    assert incident.recovery is not None
    assert (incident.recovery.fact.verdict, incident.verifies_pending) == ("no_traffic", ())


async def test_resolve_leads_where_no_bot_does_and_tells_what_is_missing(desk: Desk) -> None:
    await desk.opened()
    quiet = await desk.mx("resolve")
    assert quiet.code == 4
    assert (
        f"{INCIDENT} stays open; settle that first, or take it in your name: mx resolve anyway REASON."
        in quiet.out
    )
    assert "work orders, no traffic: 0 work orders made in the last hour" in quiet.out
    desk.maintainx.rows.add("/workorders", {"title": "Leak"})
    done = await desk.mx("resolve")
    assert done.code == 0, done.out + done.err
    assert "Recovery is proved" in done.out
    incident = await desk.incident()
    assert (incident.open, (incident.resolved_by or "").partition(":")[0]) == (False, "cli")
    again = await desk.mx("resolve")
    assert (again.code, again.out) == (1, "")
    assert "There is no open incident for default." in again.err


async def test_resolve_anyway_works_with_everything_away(desk: Desk) -> None:
    await desk.opened()
    desk.env |= {"MAINTAINX_BASE_URL": "http://127.0.0.1:9/v1", "MX_GATEWAY_URL": "http://127.0.0.1:9"}
    done = await desk.mx("resolve", "anyway", "the", "plant", "is", "shut")
    assert done.code == 0, done.out + done.err
    incident = await desk.incident()
    assert (incident.open, incident.resolved_reason) == (False, "the plant is shut")
    assert any(one.startswith("fresh data: /workorders: no answer") for one in incident.accepted)


async def test_what_is_typed_wrong_is_2(desk: Desk) -> None:
    await desk.opened()
    for words in (("resolve", "because"), ("resolve", "anyway"), ("verify", "--integration", "west")):
        done = await desk.mx(*words)
        assert (done.code, "Traceback" in done.err) == (2, False), words


async def test_where_a_bot_leads_its_answer_is_waited_for(desk: Desk) -> None:
    await desk.opened()
    desk.maintainx.rows.add("/workorders", {"title": "Leak"})
    bot = LeaderLock(desk.folder / "mx.db")
    assert bot.try_acquire()
    async with asyncio.TaskGroup() as group:
        typed = group.create_task(desk.mx("resolve"))
        async with desk.timeline() as timeline, asyncio.timeout(30):
            while not (await timeline.book()).pending_verifies():
                await timeline.changed((await timeline.book()).head.seq, timeout_s=1)
        assert not desk.maintainx.requests
        bot.release()  # the bot is stopped: then the terminal looks itself
    assert typed.result().code == 0, typed.result()
