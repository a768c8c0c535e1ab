"""The key is rejected: the card says who revoked it before anybody asks, what data may be missing since, and who takes that so."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx.rows import stamp
from bot.domain.events import desk
from bot.domain.watching import GapsOpened, VendorReported
from tests.stories.world import JOBS, KEY, World, started

REVOKED = "API_TOKEN_REVOKED"


def revoke(world: World, *, copies: int = 1) -> None:
    """Somebody revokes the key in MaintainX, which tells it some minutes later."""
    hooks = world.maintainx.webhooks
    hooks.subscriptions[REVOKED] = f"{world.gateway_url}/-/webhooks/{REVOKED}"
    at = world.clock.now() - timedelta(minutes=4)
    for _ in range(copies):
        hooks.tell(REVOKED, {"orgId": 4711, "actorId": 7, "occurredAt": stamp(at)})


async def test_it_stands_on_the_card_and_the_gap_is_accepted_with_a_reason(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(tmp_path))
        world.env["MAINTAINX_WEBHOOK_SECRET"] = world.maintainx.webhooks.secret
        await stack.enter_async_context(world.gateway())
        integration = await stack.enter_async_context(
            FakeIntegration.start(base_url=f"{world.gateway_url}/v1", key=KEY, jobs=JOBS, retries=0)
        )
        world.env["INTEGRATION_HEALTH_URL"] = integration.health_url
        async with world.bot():
            await world.until(
                lambda: (
                    {one.path for one in world.maintainx.requests if one.status == 200}
                    >= {"/v1/workorders", "/v1/assets"}
                ),
                "the jobs to be answered",
            )
            world.maintainx.revoke_key(KEY)
            await world.mx("triage")
            await world.card("SEV-1", "The fault is our API key", "Data may be missing:", "workorders")

            revoke(world, copies=2)
            await world.card("Changed at MaintainX: user 7 revoked an API token at", "before the first 401")
            await world.mx("triage")
            await world.card("Likely cause: user 7 revoked an API token at", "and it may be this one")

            listed = await world.mx("gap")
            assert "the last good answer at the gateway before the incident" in listed
            assert "no backfill can be run" in listed

        async with world.bot():  # a restart reads the whole feed again, and opens no gap twice
            await world.mx("gap accept all the plant was closed, compared by hand")
            await world.card("Changed at MaintainX", without=("Data may be missing",))
            found = await world.incident()
            assert found.gaps == ()
            assert {one.gap.entity for one in found.closed_gaps} == {
                "/users",
                "/workorders",
                "/assets",
                "/locations",
            }
            assert {(one.how, one.says) for one in found.closed_gaps} == {
                ("accepted", "the plant was closed, compared by hand")
            }
        facts = await world.facts()
        told = [(one.stream, one.actor) for one in facts if isinstance(one.fact, VendorReported)]
        assert sorted(told) == [(desk("default"), "maintainx"), (found.id, "maintainx")]
        assert sum(isinstance(one.fact, GapsOpened) for one in facts) == 1
