"""An engine with one container, the integration that it runs, and the steps about it; systemd takes its place."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from pydantic import JsonValue

from bot.demo.docker import FakeContainer, FakeDocker
from bot.demo.integration import FakeIntegration
from bot.domain.fact import Address
from bot.domain.incident import Incident
from bot.domain.integration import Integration, ServiceSpec
from bot.domain.oncall_state import OnCall
from bot.domain.run import Run, StepState
from bot.ports import Clock, StepContext
from bot.steps.service import Services
from bot.steps.surroundings import Surroundings
from tests.wound_clock import START

NAME = "maintainx-sync"


@dataclass
class Room:
    """Where the service stands."""

    docker: FakeDocker
    container: FakeContainer
    service: FakeIntegration
    integration: Integration
    clock: Clock

    @property
    def around(self) -> Surroundings:
        """The settings that name the container."""
        return Surroundings(integrations={"default": self.integration})

    @property
    def services(self) -> Services:
        """What the steps share; the machine of the test has all it needs."""
        return Services(self.around, self.clock, scarce=lambda: ())

    def crash(self, *, exit_code: int = 1, oom: bool = False, restarts: int = 0) -> None:
        """The container ends, and the service does not answer; a restart that succeeds brings it back."""
        self.docker.crash(NAME, exit_code=exit_code, oom=oom, restarts=restarts)
        self.service.refuse()


@asynccontextmanager
async def a_room(folder: Path, clock: Clock) -> AsyncIterator[Room]:
    """A service in a container behind a socket in this folder."""
    container = FakeContainer(NAME, memory_limit=256 * 2**20, policy="on-failure")
    docker = FakeDocker(container, now=clock.now)
    socket = folder / "docker.sock"
    async with (
        docker.serve(socket),
        FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as service,
    ):
        container.on_restart = lambda: service.refuse(refused=container.status != "running")
        integration = Integration(
            base_url="http://127.0.0.1:9",
            status_url="http://127.0.0.1:9",
            health_url=service.health_url,
            health_configured=True,
            service=ServiceSpec(kind="docker", name=NAME, socket=str(socket)),
        )
        yield Room(docker, container, service, integration, clock)


def context(
    values: Mapping[str, JsonValue] | None = None, *, before: Mapping[str, JsonValue] | None = None
) -> StepContext:
    """A step of the run ``run-1``, whose second step has found this before it began."""
    given = StepContext(
        incident="mx-20261123-7f3a",
        run="run-1",
        playbook="service-down",
        actor="slack:U1",
        values=values or {},
    )
    if before is None:
        return given
    run = Run(
        id="run-1",
        playbook="service-down",
        mode="apply",
        undoes=None,
        requested_by="slack:U1",
        requested_at=START - timedelta(minutes=1),
        address=Address(),
        steps=(
            StepState(index=0, state="done", before={}),
            StepState(index=1, state="started", before=before),
        ),
    )
    about = Incident(
        id="mx-20261123-7f3a",
        integration="default",
        channel=None,
        opened_at=START,
        oncall=OnCall(clock_from=START),
        opened_by="mx",
        requested_at=START,
        requested_by="slack:U1",
        version=7,
        runs=(run,),
    )
    return replace(given, about=about, index=1)
