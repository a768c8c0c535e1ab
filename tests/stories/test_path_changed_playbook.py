"""The playbook ``path-changed``: the difference to the vendor's document is shown, and the job that calls what is gone is paused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain.gateway import Policy
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.plan import plan_lines
from bot.domain.run import Run
from bot.errors import Refused
from bot.gateway_client import GatewayClient
from bot.incidents import Incidents
from bot.planning import plan
from bot.playbook import by_kind, shipped
from bot.runner import Runner
from bot.steps import step_kinds
from bot.steps.surroundings import Surroundings
from bot.timeline import Timeline
from tests.gateway.wires import RunningGateway, gateway
from tests.room import ANN, BEN, INCIDENT, numbered, open_incident, timeline_at

TOKEN = "opens-the-gateway"
KEY = "k-secret-0123456789"
CLOCK = SystemClock()


@dataclass
class Scene:
    """MaintainX with its document, the gateway before it, and mx beside them."""

    maintainx: FakeMaintainX
    gateway: RunningGateway
    client: GatewayClient
    timeline: Timeline
    document: str | None = None

    def __post_init__(self) -> None:
        about = Integration(
            base_url=self.maintainx.base_url,
            status_url="https://status.example.test",
            openapi_url=self.document,
        )
        around = Surroundings(integrations={"default": about})
        self.steps = by_kind(step_kinds(self.client, CLOCK, around))
        self.playbooks = shipped(self.steps)
        self.incidents = Incidents(self.timeline, CLOCK, playbooks=self.playbooks, new_id=numbered("run"))

    async def ask(self, path: str) -> int:
        answer = await self.gateway.get(path, f"Authorization: Bearer {KEY}")
        return answer.status

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def carry_out(self) -> Run:
        runner = Runner(self.timeline, CLOCK, playbooks=self.playbooks, steps=self.steps, epoch=lambda: 0)
        async with asyncio.timeout(60):
            while await runner.advance():
                pass
        return (await self.incident()).runs[-1]


@asynccontextmanager
async def a_scene(folder: Path, *, document: str | None = None) -> AsyncIterator[Scene]:
    async with (
        FakeMaintainX.start(key=KEY) as maintainx,
        gateway(maintainx.base_url, folder, token=TOKEN, drain_s=0.2) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=TOKEN, deadline_s=20) as client,
        timeline_at(folder / "mx.db", CLOCK) as timeline,
    ):
        await open_incident(timeline, CLOCK)
        yield Scene(maintainx, running, client, timeline, document)


async def test_the_job_that_calls_what_is_gone_is_paused_and_undo_lets_it_go(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.maintainx.break_(Fault("gone", path="/assets"))
        assert [await scene.ask("/v1/assets?limit=1") for _ in range(3)] == [404] * 3
        assert await scene.ask("/v1/workorders?limit=1") == 200
        incident = await scene.incident()
        shown = await plan(scene.playbooks["path-changed"], scene.steps, incident=incident, actor=ANN)
        text = "\n".join(plan_lines(shown))
        assert "Pause asset-sync, for 240 minutes" in text
        assert "asset-sync: 3 of 3 calls go to a path that is gone" in text

        await scene.incidents.request_run("default", "path-changed", actor=ANN, fingerprint=shown.fingerprint)
        run = await scene.carry_out()
        assert run.outcome == "done", run
        assert run.steps[0].says.startswith("1 call is not in the document at ")
        assert (
            run.steps[0]
            .evidence[0]
            .startswith(
                "asset-sync calls GET /v1/assets: 3 in the last hour, 3 of them answered 404, 405 or 410"
            )
        )
        assert await scene.ask("/v1/assets?limit=1") == 503
        assert await scene.ask("/v1/workorders?limit=1") == 200
        with pytest.raises(Refused, match="path-changed is on already: slack:U0ANN started it"):
            await scene.incidents.request_run("default", "path-changed", actor=BEN)

        await scene.incidents.request_undo("default", "path-changed", actor=BEN)
        undo = await scene.carry_out()
        assert undo.outcome == "done", undo
        assert Policy.from_json(await scene.client.policy()).paused_jobs == ()
        assert await scene.ask("/v1/assets?limit=1") == 404


async def test_what_critical_requests_call_is_told_and_never_paused(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        scene.maintainx.break_(Fault("gone", path="/workorders"))
        assert await scene.ask("/v1/workorders?limit=1") == 404
        await scene.incidents.request_run("default", "path-changed", actor=ANN)
        run = await scene.carry_out()
        assert run.outcome == "done"
        assert run.plan is not None
        assert any(
            "critical calls a missing path too, and is never paused" in one for one in run.plan.warnings
        )
        assert "nothing to pause" in run.steps[1].says
        assert Policy.from_json(await scene.client.policy()).leases == ()


async def test_a_document_that_is_not_there_stops_the_run_and_says_what_to_set(tmp_path: Path) -> None:
    async with a_scene(tmp_path, document="http://127.0.0.1:1/openapi.json") as scene:
        await scene.incidents.request_run("default", "path-changed", actor=ANN)
        run = await scene.carry_out()
        assert (run.outcome, run.stuck) == ("failed", 0)
        assert "reading the vendor's document at 127.0.0.1:1" in run.steps[0].says
