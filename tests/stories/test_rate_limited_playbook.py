"""The playbook ``rate-limited`` on a real gateway: the traffic changes, the 429s stop, undo ends this lease alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.gateway import Policy
from bot.domain.incident import Incident
from bot.domain.plan import plan_lines
from bot.domain.watching import VerifyRequested
from bot.errors import Refused
from bot.gateway_client import GatewayClient
from bot.gateway_feed import GatewayFeed
from bot.incidents import Incidents
from bot.planning import plan
from bot.playbook import Playbook, by_kind, shipped
from bot.runner import Runner
from bot.steps import step_kinds
from bot.timeline import Timeline
from tests.gateway.wires import OK, Message, RawUpstream, RunningGateway, gateway, upstream
from tests.room import ANN, BEN, EVE, INCIDENT, numbered, open_incident, timeline_at

TOKEN = "opens-the-gateway"
LIMITED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
CLOCK = SystemClock()


@dataclass
class Scene:
    """MaintainX, the gateway before it, and mx beside them."""

    maintainx: RawUpstream
    gateway: RunningGateway
    client: GatewayClient
    timeline: Timeline
    playbook: Playbook

    def __post_init__(self) -> None:
        self.steps = by_kind(step_kinds(self.client, CLOCK))
        self.playbooks = {self.playbook.name: self.playbook}
        self.incidents = Incidents(self.timeline, CLOCK, playbooks=self.playbooks, new_id=numbered("run"))
        self.feed = GatewayFeed(self.timeline, self.client, clock=CLOCK)

    async def incident(self) -> Incident:
        found = (await self.timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def policy(self) -> Policy:
        return Policy.from_json(await self.client.policy())

    async def carry_out(self) -> None:
        epoch = await self.timeline.epoch()
        runner = Runner(self.timeline, CLOCK, playbooks=self.playbooks, steps=self.steps, epoch=lambda: epoch)
        async with asyncio.timeout(60):
            while await runner.advance():
                pass

    async def read_feed(self) -> list[str]:
        while await self.feed.read():
            pass
        history = await self.timeline.history(INCIDENT)
        return [
            event.fact.says for event in history if isinstance(event.fact, e.LeaseEnded | e.GatewayReported)
        ]

    @asynccontextmanager
    async def the_integration_works(self) -> AsyncIterator[None]:
        """Requests for work orders through the gateway, one after the other, for as long as the block lasts."""

        async def ask() -> None:
            while True:
                await self.gateway.get("/v1/workorders?limit=1")

        async with asyncio.TaskGroup() as group:
            working = group.create_task(ask())
            try:
                yield
            finally:
                working.cancel()


@asynccontextmanager
async def a_scene(
    folder: Path, *, ttl_s: int = 3600, answered: int = 5, within_s: int = 3
) -> AsyncIterator[Scene]:
    def answer(_: Message) -> bytes:
        return LIMITED

    async with (
        upstream(answer) as maintainx,
        gateway(maintainx.url, folder, token=TOKEN, drain_s=0.2) as running,
        GatewayClient.open(f"http://127.0.0.1:{running.port}", token=TOKEN, deadline_s=20) as client,
        timeline_at(folder / "mx.db", CLOCK) as timeline,
    ):
        ours = shipped(by_kind(step_kinds(client, CLOCK)))["rate-limited"]
        limit, verify = ours.steps
        # As it ships, only quicker: 20 requests per second, and a shorter watch.
        quick = ours.model_copy(
            update={
                "steps": (
                    limit.model_copy(update={"values": {**limit.values, "rate_per_s": 20.0, "ttl_s": ttl_s}}),
                    verify.model_copy(update={"values": {"answered": answered, "within_s": within_s}}),
                )
            }
        )
        await open_incident(timeline, CLOCK)
        yield Scene(maintainx, running, client, timeline, quick)


async def test_the_429s_stop_and_undo_ends_this_lease_alone(tmp_path: Path) -> None:
    async with a_scene(tmp_path, within_s=30) as scene:
        for _ in range(4):
            assert (await scene.gateway.get("/v1/workorders")).status == 429
        assert (await scene.gateway.get("/v1/assets")).status == 429
        await scene.client.put_lease(
            "manual", {"rate_per_s": 500.0, "owner": EVE, "reason": "by hand", "ttl_s": 600}
        )
        made = await plan(scene.playbook, scene.steps, incident=await scene.incident(), actor=ANN)
        assert (
            "last hour: 5 requests under the rate; asset-sync 1, report-generator 0 paused"
            in plan_lines(made)[1]
        )

        await scene.incidents.request_run("default", "rate-limited", actor=ANN, fingerprint=made.fingerprint)
        scene.maintainx.answer = OK
        async with scene.the_integration_works():
            await scene.carry_out()
        incident = await scene.incident()
        assert incident.runs[0].outcome == "done", incident.runs[0]
        assert "answers are free of 429" in incident.runs[0].says
        policy = await scene.policy()
        assert (policy.rate_per_s, policy.paused_jobs) == (20.0, ("asset-sync", "report-generator"))
        assert {lease.id for lease in policy.leases} == {"run-1", "manual"}
        assert (await scene.gateway.get("/v1/assets")).status == 503
        assert (await scene.gateway.get("/v1/workorders")).status == 200
        (news,) = await scene.read_feed()
        assert news.startswith(
            f"At the gateway: lease started (manual) by {EVE}: 500 requests per second until "
        )

        with pytest.raises(Refused, match="rate-limited is on"):
            await scene.incidents.resolve("default", actor=ANN)
        await scene.incidents.request_undo("default", "rate-limited", actor=BEN)
        await scene.carry_out()
        incident = await scene.incident()
        assert incident.runs[1].says == (
            "Rate-limited is taken back. The lease is off; still on: 500 requests per second."
        )
        assert incident.leases == ()
        assert [lease.id for lease in (await scene.policy()).leases] == ["manual"]
        assert (await scene.gateway.get("/v1/assets")).status == 200
        assert len(await scene.read_feed()) == 1  # the runner's own acts are not told twice
        asked = await scene.incidents.resolve("default", actor=ANN)
        assert asked.event is not None
        assert isinstance(asked.event.fact, VerifyRequested), (
            "nothing stands in the way; it is to be proved now"
        )


async def test_the_429s_go_on(tmp_path: Path) -> None:
    async with a_scene(tmp_path, answered=1) as scene:
        await scene.incidents.request_run("default", "rate-limited", actor=ANN)
        async with scene.the_integration_works():
            await scene.carry_out()
        run = (await scene.incident()).runs[0]
        assert run.outcome == "failed"
        assert "the 429s go on" in run.says
        assert "On now: gateway at 20 requests per second" in run.says


async def test_no_traffic_is_no_success_and_says_how_to_route_it(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        await scene.incidents.request_run("default", "rate-limited", actor=ANN)
        await scene.carry_out()
        run = (await scene.incident()).runs[0]
        assert run.outcome == "inconclusive"
        assert "set the integration's base URL to http://gateway:8081/v1" in run.says
        assert "no traffic to judge by" in run.says


async def test_the_undo_of_a_lease_that_ran_out_says_so(tmp_path: Path) -> None:
    async with a_scene(tmp_path, ttl_s=3, answered=1, within_s=30) as scene:
        await scene.incidents.request_run("default", "rate-limited", actor=ANN)
        async with scene.the_integration_works():
            scene.maintainx.answer = OK
            await scene.carry_out()
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            following = group.create_task(scene.feed.run())
            while (await scene.incident()).leases:
                await scene.timeline.changed((await scene.timeline.book()).head.seq, timeout_s=5)
            following.cancel()
        (news,) = await scene.read_feed()
        assert "lease expired (run-1) by gateway" in news
        assert (await scene.incident()).leases == ()
        await scene.incidents.request_undo("default", "rate-limited", actor=BEN)
        await scene.carry_out()
        undo = (await scene.incident()).runs[1]
        assert undo.outcome == "done"
        assert "the lease had ended already" in undo.says.lower()
