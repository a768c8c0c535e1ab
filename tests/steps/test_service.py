"""The steps about the integration's own process, against an engine on a real socket and a real health page."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.demo.docker import Start
from bot.domain.integration import KeyStoreSpec, ServiceSpec
from bot.errors import OutsideError
from bot.servicehost import CONFIGURE, host_of
from bot.steps.restart import Restart
from bot.steps.restarting import Restarting
from bot.steps.service import ServiceLook, Services
from bot.steps.servicecheck import ServiceCheck
from bot.steps.surroundings import Surroundings
from bot.systemd import SystemdHost
from tests.steps.services import NAME, Room, a_room, context
from tests.systemctl import RUNS, Systemctl
from tests.wound_clock import START, WoundClock

WATCH = {"answered": 3, "within_s": 20}


@pytest.fixture
async def room(tmp_path: Path, clock: WoundClock) -> AsyncIterator[Room]:
    async with a_room(tmp_path, clock) as made:
        yield made


def nowhere(room: Room) -> Services:
    """The same without a container in the settings."""
    integration = room.integration.model_copy(update={"service": None})
    return Services(Surroundings(integrations={"default": integration}), room.clock)


def test_their_values_are_checked(clock: WoundClock) -> None:
    services = Services(Surroundings(), clock)
    assert ServiceLook(services).check({}) == ()
    assert Restart(services).check({"force": True}) == (
        "force: there is no such value; this kind takes none, so leave it out",
    )
    assert ServiceCheck(services).check(WATCH) == ()
    assert ServiceCheck(services).check({"answered": 0}) == (
        "answered: 0 does not fit; write a whole number from 1 to 100",
        "within_s: it is missing; write a whole number from 5 to 3600",
    )


async def test_a_look_says_what_was_seen(room: Room) -> None:
    room.crash(oom=True, restarts=4)
    step = ServiceLook(room.services)
    plan = await step.plan(context())
    assert (plan.says, plan.undo_says, plan.warnings) == (
        "ask Docker how maintainx-sync is: exit code, memory, restarts",
        "",
        (),
    )
    result = await step.act(context(), {})
    assert (result.outcome, result.says) == (
        "done",
        (
            "the container maintainx-sync exited with code 137 at 12:00 UTC: killed for memory (OOM) at a limit of "
            "256 MB, after 4 restarts"
        ),
    )
    assert result.evidence == (
        "it ran out of memory: the container maintainx-sync was killed at a limit of 256 MB",
        "the container maintainx-sync has the restart policy on-failure",
    )
    assert await step.undo(context(), {}) is None
    assert (await step.observe(context())) == result
    assert not any(asked.startswith("POST") for asked in room.docker.asked)


async def test_what_the_machine_runs_out_of_is_said(room: Room) -> None:
    full = "the disk of / on mx's own machine is 99 % full (12 MB free)"
    services = Services(room.around, room.clock, scarce=lambda: (full,))
    assert full in (await ServiceLook(services).act(context(), {})).evidence
    assert full in (await Restart(services).plan(context())).warnings


async def test_nothing_configured_says_what_to_set(room: Room) -> None:
    services = nowhere(room)
    look = await ServiceLook(services).act(context(), {})
    assert (look.outcome, look.says) == ("inconclusive", CONFIGURE)
    assert "service_container" in CONFIGURE
    assert "service_unit" in CONFIGURE
    assert (await ServiceLook(services).plan(context())).warnings == (CONFIGURE,)
    assert (await Restart(services).plan(context())).warnings == (CONFIGURE,)
    for act in (Restart(services).before(context()), Restart(services).act(context(), {})):
        with pytest.raises(OutsideError, match="service_container"):
            await act
    with pytest.raises(OutsideError, match=r"no integration default in the settings"):
        await ServiceLook(Services(Surroundings(), room.clock)).act(context(), {})


async def test_the_plan_of_a_restart_names_its_state_and_cannot_be_taken_back(room: Room) -> None:
    step = Restart(room.services)
    plan = await step.plan(context())
    assert plan.says == "restart maintainx-sync; what it is working on is cut off"
    assert plan.touches == ("the container maintainx-sync runs since 12:00 UTC, with 120 of 256 MB of memory")
    assert plan.undo_says is None
    assert len(plan.warnings) == 1
    assert plan.warnings[0].startswith("it runs and http://127.0.0.1:")
    assert plan.warnings[0].endswith('answers 200 and says "healthy": a restart may be of no use')
    assert await step.undo(context(), {}) is None

    room.crash(oom=True)
    plan = await step.plan(context())
    assert plan.warnings == ("it will meet the same memory limit again; what lasts is a higher one",)

    room.service.refuse(refused=False)
    room.container.name, room.docker.containers = "other", {"other": room.container}
    plan = await step.plan(context())
    assert "There is: other" in plan.warnings[0]


async def test_a_restart_brings_it_back(room: Room) -> None:
    room.crash()
    step = Restart(room.services)
    before = await step.before(context())
    assert before["running"] is False
    result = await step.act(context(), before)
    assert (result.outcome, result.says) == (
        "done",
        (
            "Docker has restarted the container maintainx-sync: the container maintainx-sync runs since 12:00 UTC, "
            "with 120 of 256 MB of memory"
        ),
    )
    assert result.evidence == ("before: the container maintainx-sync exited with code 1 at 12:00 UTC",)
    assert room.container.starts == ["restart"]


@pytest.mark.parametrize("how", ["crashes", "loops"])
async def test_a_restart_that_does_not_help_says_what_was_seen(room: Room, how: Start) -> None:
    room.crash(restarts=4)
    room.container.next_start = how
    step = Restart(room.services)
    result = await step.act(context(), await step.before(context()))
    assert result.outcome == "failed"
    assert result.says.startswith(
        "it was restarted and did not stay up: the container maintainx-sync exited with code 1 at 12:00 UTC"
    )
    assert result.says.endswith("The reason is in its log")
    assert any("exit code 1" in line for line in result.evidence)


async def test_a_start_that_is_refused_says_so_and_how_it_is_now(room: Room) -> None:
    room.crash()
    room.container.next_start = "refused"
    step = Restart(room.services)
    with pytest.raises(
        OutsideError, match=r"port is already allocated\. Now the container maintainx-sync exited with code 1"
    ):
        await step.act(context(), await step.before(context()))


async def test_after_a_crash_the_start_tells_whether_it_took_effect(room: Room, clock: WoundClock) -> None:
    room.crash()
    step = Restart(room.services)
    before = await step.before(context())
    began = clock.monotonic()
    seen = await step.observe(context(before=before))
    assert seen is not None
    assert seen.outcome == "failed"
    assert seen.says.startswith("mx stopped before the restart: the container maintainx-sync exited")
    assert clock.monotonic() - began >= 20, "the old process may still be stopping"

    await host_of(room.integration.service or ServiceSpec(kind="docker", name=NAME)).restart()
    seen = await step.observe(context(before=before))
    assert seen is not None
    assert (seen.outcome, room.container.starts) == ("done", ["restart"])
    assert seen.says.startswith("the container maintainx-sync was started anew: the container")


async def test_a_restart_that_is_still_stopping_is_waited_for(room: Room, clock: WoundClock) -> None:
    step = Restart(room.services)
    before = await step.before(context())
    room.container.stop_s = 0.3
    async with asyncio.TaskGroup() as group:
        group.create_task(
            host_of(room.integration.service or ServiceSpec(kind="docker", name=NAME)).restart()
        )
        await asyncio.sleep(0.1)
        assert room.container.status == "running"
        seen = None
        while seen is None or seen.outcome == "failed":
            seen = await step.observe(context(before=before))
    assert (seen.outcome, room.container.starts) == ("done", ["restart"])


async def test_the_check_waits_until_health_stays_good(room: Room, clock: WoundClock) -> None:
    room.service.refuse()
    clock.on_tick = lambda _: room.service.refuse(refused=clock.monotonic() < 1006)
    step = ServiceCheck(room.services)
    plan = await step.plan(context(WATCH))
    assert (plan.waits, plan.undo_says) == (True, "")
    result = await step.act(context(WATCH), {})
    assert result.outcome == "done"
    assert result.says.startswith("the service is back: http://127.0.0.1:")
    assert result.says.endswith('says "healthy", 3 times in a row')
    assert clock.monotonic() == 1010
    assert await step.undo(context(WATCH), {}) is None


async def test_the_check_knows_the_other_shapes(room: Room) -> None:
    step = ServiceCheck(room.services)
    room.service.shape = "named"
    assert (await step.act(context(WATCH), {})).outcome == "done"
    room.service.shape = "metrics"
    assert (await step.observe(context(WATCH))) is not None
    room.service.shape = "text"
    result = await step.act(context(WATCH), {})
    assert result.outcome == "inconclusive"
    assert "whether it is well it does not tell" in result.says


async def test_a_service_that_stays_ill_is_told_with_what_health_said(room: Room, clock: WoundClock) -> None:
    room.service.shape = "broken"
    began = clock.monotonic()
    result = await ServiceCheck(room.services).act(context(WATCH), {})
    assert result.outcome == "failed"
    assert result.says.startswith("the service is not healthy within 20 s: http://127.0.0.1:")
    assert "answers 500, which is no health answer; the container maintainx-sync runs" in result.says
    assert clock.monotonic() - began == 20


async def test_a_service_that_ended_again_is_not_waited_for(room: Room, clock: WoundClock) -> None:
    room.crash(exit_code=139)
    began = clock.monotonic()
    result = await ServiceCheck(room.services).act(context(WATCH), {})
    assert result.outcome == "failed"
    assert result.says.startswith("the service has ended again: nothing can be reached at")
    assert "exited with code 139 at 12:00 UTC: SIGSEGV" in result.says
    assert clock.monotonic() == began


async def test_a_process_that_its_host_starts_again_is_waited_for(room: Room, clock: WoundClock) -> None:
    room.crash()
    room.container.status = "restarting"
    result = await ServiceCheck(room.services).act(context(WATCH), {})
    assert result.outcome == "failed"
    assert "its host is about to start it again" in result.says
    assert "not healthy within 20 s" in result.says


async def test_a_check_without_a_container_looks_at_health_alone(room: Room) -> None:
    assert (await ServiceCheck(nowhere(room)).act(context(WATCH), {})).outcome == "done"
    room.service.refuse()
    result = await ServiceCheck(nowhere(room)).act(context(WATCH), {})
    assert (result.outcome, result.evidence) == ("failed", ())


async def test_a_unit_of_systemd_is_restarted_in_the_same_way(
    room: Room, clock: WoundClock, tmp_path: Path
) -> None:
    systemctl = Systemctl(tmp_path)
    systemctl.shows(RUNS, ActiveState="failed", SubState="failed", ExecMainCode="1", ExecMainStatus="1")
    systemctl.after_restart(RUNS, InvocationID="b2")
    services = Services(
        room.around, clock, hosts=lambda _: SystemdHost("sync.service", systemctl=systemctl.path)
    )
    step = Restart(services)
    before = await step.before(context())
    result = await step.act(context(), before)
    assert (result.outcome, before["life"]) == ("done", "a1")
    assert result.says.startswith("systemd has restarted the unit sync.service: the unit sync.service runs")
    seen = await step.observe(context(before=before))
    assert seen is not None
    assert seen.outcome == "done"
    assert sum(call.startswith("restart") for call in systemctl.calls()) == 1


async def test_a_rotation_restarts_what_reads_its_key_from_a_file(room: Room) -> None:
    store = KeyStoreSpec(kind="env-file", file="/etc/sync.env")
    integration = room.integration.model_copy(update={"key_store": store})
    restart = Restarting(room.services)

    assert (await restart(integration)).startswith("Docker has restarted the container maintainx-sync: ")

    room.container.next_start = "crashes"
    with pytest.raises(OutsideError, match="it was restarted and did not stay up"):
        await restart(integration)
    with pytest.raises(OutsideError, match="service_container"):
        await restart(integration.model_copy(update={"service": None}))


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    file = tmp_path / "sync.env"
    file.write_text("MAINTAINX_API_KEY=new-secret-0123456789\n")
    os.utime(file, (START.timestamp(), START.timestamp()))
    return file


async def test_a_container_that_was_made_with_its_key_is_not_restarted_in_vain(
    room: Room, env_file: Path
) -> None:
    room.container.environment = ("MAINTAINX_API_KEY=old-secret-0123456789",)
    store = KeyStoreSpec(kind="env-file", file=str(env_file))
    integration = room.integration.model_copy(update={"key_store": store})
    with pytest.raises(OutsideError) as caught:
        await Restarting(room.services)(integration)
    assert "was created with MAINTAINX_API_KEY in it: a restart would bring back that key" in str(
        caught.value
    )
    assert "docker compose up -d --force-recreate maintainx-sync" in str(caught.value)
    assert "old-secret" not in str(caught.value)

    room.container.created_at = "2026-11-23T12:05:00.000000001Z"  # somebody has done so, five minutes after
    says = await Restarting(room.services)(integration)

    assert (
        says
        == f"the container maintainx-sync was created after {env_file} had changed, and runs with that key"
    )
    assert room.container.starts == []
    gone = store.model_copy(update={"file": f"{env_file}.gone"})
    with pytest.raises(OutsideError, match="no such file or directory; let key_env_file"):
        await Restarting(room.services)(room.integration.model_copy(update={"key_store": gone}))
