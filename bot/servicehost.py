"""The host of the integration's own process, Docker or systemd, behind one Protocol."""

from typing import Protocol

from bot.docker import DockerHost
from bot.domain.integration import ServiceSpec
from bot.domain.readings import Made, ServiceState
from bot.systemd import SystemdHost

CONFIGURE = (
    "mx does not know where the integration's own process runs; set service_container (Docker) or service_unit "
    "(systemd) in mx.toml"
)
"""What to say where an integration names no service."""


class ServiceHost(Protocol):
    """What can be asked of the host of one service. Both raise OutsideError."""

    async def look(self) -> ServiceState:
        """How the process is; only reads."""
        ...

    async def restart(self) -> str:
        """Stop it if it runs, start it, and say so; what came of it is for ``look`` to tell."""
        ...

    async def made_with(self) -> Made:
        """What of its surroundings was fixed when it was set up, and no restart reads anew."""
        ...


def host_of(spec: ServiceSpec) -> ServiceHost:
    """The host that the settings name; cheap to make, opens nothing."""
    match spec.kind:
        case "docker":
            return DockerHost(spec.name, socket=spec.socket)
        case "systemd":
            return SystemdHost(spec.name)
