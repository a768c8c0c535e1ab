"""The step ``verify-polling``, and a lease about webhooks: against a real gateway, a MaintainX and an integration."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway_client import GatewayClient
from bot.playbook import by_kind, shipped
from bot.ports import StepContext
from bot.steps import step_kinds
from bot.steps.gateway import GatewayStep
from bot.steps.polling import VerifyPolling
from tests.gateway.webhooks.rig import SECRET, Integration, integration, until
from tests.gateway.wires import gateway
from tests.keys import HeldKey
from tests.steps.around import KEY, context

POLL = context(poll=True, ttl_s=600)
PAUSED = context(poll=True, forward="paused", ttl_s=600)
WATCH = context(within_s=5)


class Place(NamedTuple):
    """Both ends, the gateway between them, and the two steps."""

    maintainx: FakeMaintainX
    there: Integration
    client: GatewayClient
    lease: GatewayStep
    watch: VerifyPolling


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[Place]:
    clock = SystemClock()
    async with FakeMaintainX.start(key=KEY) as mx, integration() as there:
        made = WebhookSettings(secret=SECRET, forward_to=there.url, poll_every_s=0.2, first_wait_s=0.01)
        async with (
            gateway(mx.base_url, folder, key=HeldKey(KEY), webhooks=made) as gw,
            GatewayClient.open(f"http://127.0.0.1:{gw.port}", token=None, deadline_s=10) as client,
        ):
            yield Place(mx, there, client, GatewayStep(client, clock), VerifyPolling(client, clock))


async def test_what_polling_brought_reaches_the_integration_and_is_told(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert (await here.lease.act(POLL, {})).outcome == "done"
        here.maintainx.rows.add("/workorders", {"title": "Leak under Boiler 1"})
        await until(lambda: len(here.there.calls) == 1)
        result = await here.watch.act(WATCH, await here.watch.before(WATCH))
        assert result.outcome == "done"
        assert "1 change found since the gateway's start, 0 webhooks wait" in result.says


async def test_forwarding_paused_keeps_what_comes_and_the_undo_sends_it_on(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        planned = await here.lease.plan(PAUSED)
        assert planned.says.startswith(
            "poll for what webhooks do not bring and keep what webhooks bring, without sending it on"
        )
        assert (planned.touches, planned.warnings) == ("0 webhooks wait", ())
        result = await here.lease.act(PAUSED, {})
        assert result.started is not None
        assert result.started.says == (
            "gateway: webhooks polled, without comments and deletes; webhooks kept, not sent on"
        )
        here.maintainx.rows.add("/workorders", {"title": "Leak under Boiler 1"})
        watched = await here.watch.act(WATCH, {})
        while "1 webhook waits" not in watched.says:
            watched = await here.watch.act(WATCH, {})
        assert watched.says.endswith("nothing is sent on until forwarding is resumed by the undo")
        assert (await here.lease.plan(PAUSED)).touches == "1 webhook waits"
        assert here.there.calls == []
        undo = replace(PAUSED, run="run-2", undoes="run-1", leases=(result.started,))
        ended = await here.lease.undo(undo, {})
        assert ended is not None
        assert ended.outcome == "done"
        await until(lambda: len(here.there.calls) == 1)


async def test_polling_that_does_not_come_round_says_what_is_in_the_way(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        off = await here.watch.act(WATCH, {})
        assert (off.outcome, off.says) == ("failed", "the gateway does not poll: put its lease on first")
        here.maintainx.break_(Fault("error", path="/workorders", status=503))
        await here.lease.act(POLL, {})
        result = await here.watch.act(WATCH, {})
        assert result.outcome == "failed"
        assert "MaintainX answered 503 to /workorders" in result.says


async def test_sending_on_is_what_the_gateway_does_by_itself(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        assert here.lease.check({"forward": "on"}) != ()
        assert here.lease.check({"forward": "off", "poll": True}) == (
            'forward: \'off\' does not fit; write "on" or "paused"',
        )
        steps = by_kind(step_kinds(here.client, SystemClock()))
        book = shipped(steps)["webhook-failure"]
        for given, sent in (("on", None), ("paused", "paused")):
            first = book.filled({"forward": given})[0]
            about = StepContext(
                incident="mx-1", run=f"run-{given}", playbook=book.name, actor="slack:U1", values=first.values
            )
            assert (await here.lease.act(about, {})).outcome == "done"
            policy = await here.client.policy()
            assert isinstance(policy, dict)
            assert policy["forward"] == sent
