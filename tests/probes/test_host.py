"""The probe of the integration's own process: what the host says, and what it leaves unknown."""

from pathlib import Path

from bot.clock import SystemClock
from bot.demo.docker import FakeContainer, FakeDocker
from bot.demo.maintainx import FakeMaintainX
from bot.docker import DockerHost
from bot.domain.integration import Integration, ServiceSpec
from bot.domain.readings import ServiceState, Status
from bot.probes.build import Outside, probes_for
from bot.probes.host import HostProbe
from bot.scrub import Scrubber
from tests.keys import HeldKey
from tests.probes.conftest import KEY


def probe(socket: Path, *, deadline_s: float = 10.0) -> HostProbe:
    return HostProbe(
        host=DockerHost("maintainx-sync", socket=str(socket)), clock=SystemClock(), deadline_s=deadline_s
    )


async def test_a_process_that_runs_and_one_that_does_not(tmp_path: Path) -> None:
    docker = FakeDocker(FakeContainer("maintainx-sync", memory_limit=2**28))
    async with docker.serve(tmp_path / "s"):
        runs = await probe(tmp_path / "s").read(samples=1)
        docker.crash("maintainx-sync", oom=True, restarts=4)
        dead = await probe(tmp_path / "s").read(samples=1)
    assert (runs.probe, runs.target, runs.status) == ("host", "process", Status.OK)
    assert "the container maintainx-sync runs since" in runs.says
    assert dead.status is Status.FAILING
    assert "killed for memory (OOM) at a limit of 256 MB, after 4 restarts" in dead.says
    assert isinstance(dead.detail, ServiceState)
    assert (dead.detail.exit_code, dead.detail.restarts) == (137, 4)


async def test_what_cannot_be_looked_at_is_unknown_and_says_what_to_do(tmp_path: Path) -> None:
    none = await probe(tmp_path / "none").read(samples=1)
    assert (none.status, none.detail) == (Status.UNKNOWN, None)
    assert "there is no such socket" in none.says
    docker = FakeDocker(FakeContainer("maintainx-sync"))
    docker.hangs = True
    async with docker.serve(tmp_path / "s"):
        slow = await probe(tmp_path / "s", deadline_s=0.2).read(samples=1)
    assert (slow.status, slow.says) == (
        Status.UNKNOWN,
        "looking at the service's process: not done within 0.2 s",
    )


async def test_it_is_built_only_where_a_container_or_unit_is_named(
    maintainx: FakeMaintainX, tmp_path: Path
) -> None:
    integration = Integration(base_url=maintainx.base_url, status_url=f"{maintainx.origin}/none")
    spec = ServiceSpec(kind="docker", name="maintainx-sync", socket=str(tmp_path / "s"))
    async with (
        FakeDocker(FakeContainer("maintainx-sync", error=f"cannot use {KEY}", status="exited")).serve(
            tmp_path / "s"
        ),
        Outside.open(clock=SystemClock(), scrub=Scrubber([KEY])) as outside,
    ):
        built = [
            [
                probe
                for probe in probes_for(
                    integration.model_copy(update={"service": service}), key=HeldKey(KEY), outside=outside
                )
                if getattr(probe, "kind", "") == "host"
            ]
            for service in (None, spec)
        ]
        assert [len(found) for found in built] == [0, 1]
        reading = await built[1][0].read(samples=1)
    assert "it says: cannot use [redacted]" in reading.says
    assert isinstance(reading.detail, ServiceState)
    assert (reading.detail.error, reading.detail.runs_in) == ("cannot use [redacted]", "docker")
