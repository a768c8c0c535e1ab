"""A person's word about one write sends on what it held up, and begins nothing else."""

from pathlib import Path

from bot.demo.maintainx import Fault
from tests.gateway.test_buffering import BUFFERING, PASS, replayed, until_replay, world

ANN = {"owner": "cli:ann@host", "reason": "looked into MaintainX"}


async def test_a_word_about_an_old_write_does_not_begin_the_replay_of_a_new_outage(tmp_path: Path) -> None:
    """The first replay is done, one write of it is parked. Whether the second one starts is another decision."""
    async with world(tmp_path) as (mx, gw):
        await gw.admin("PUT", "policy", BUFFERING)
        parked = (await gw.post("/v1/assets", {"name": "Pump"}, key=mx.key)).json()["buffer_id"]
        await gw.admin("PUT", "policy", PASS)
        mx.break_(Fault("drop", "/assets", times=1))
        assert (await replayed(gw))["parked"] == 1
        await gw.admin("PUT", "policy", BUFFERING)
        for number in range(3):
            await gw.post("/v1/workorders", {"title": f"of the second outage {number}"}, key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        before = len(mx.requests)

        await gw.admin("POST", f"buffer/{parked}", {**ANN, "action": "arrived"})

        assert (await gw.admin("GET", "replay")).json()["state"] != "running"
        assert len(mx.requests) == before
        assert (await gw.admin("GET", "buffer")).json()["counts"]["waiting"] == 3
        await replayed(gw)
        assert (await until_replay(gw, "done"))["parked"] == 0


async def test_after_a_restart_what_stands_behind_a_parked_write_holds_up_no_other_entity(
    tmp_path: Path,
) -> None:
    async with world(tmp_path) as (mx, gw):
        order = next(iter(mx.workorders))
        await gw.admin("PUT", "policy", BUFFERING)
        await gw.post(f"/v1/workorders/{order}/comments", {"content": "hi"}, key=mx.key)
        await gw.post(f"/v1/workorders/{order}", {"title": "behind"}, method="PATCH", key=mx.key)
        await gw.admin("PUT", "policy", PASS)
        mx.break_(Fault("drop", methods=("POST",), times=1))
        replay = await replayed(gw)
        assert (replay["done"], replay["parked"], replay["left"]) == (0, 1, 1)
        assert (await gw.post("/v1/assets", {"name": "Pump"}, key=mx.key)).status == 201
    async with world(tmp_path) as (mx, gw):
        assert (await gw.admin("GET", "policy")).json()["mode"] == "pass"
        assert (await gw.post("/v1/assets", {"name": "Pump"}, key=mx.key)).status == 201
        behind = await gw.post(f"/v1/workorders/{order}", {"title": "later"}, method="PATCH", key=mx.key)
        assert behind.status == 202
