"""Where the stand-in integration runs and what mx may do with it there: its container, its env file, its import address."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from bot.demo.docker import FakeContainer, FakeDocker
from bot.demo.integration import FakeIntegration

CONTAINER = "maintainx-sync"
_VARIABLE = "MAINTAINX_API_KEY"


@dataclass(frozen=True, slots=True)
class Plant:
    """The integration's host."""

    integration: FakeIntegration
    env_file: Path
    socket: Path

    @classmethod
    @asynccontextmanager
    async def start(
        cls, integration: FakeIntegration, *, key: str, folder: Path, now: Callable[[], datetime]
    ) -> AsyncIterator[Self]:
        """Run its container until the block ends; the env file begins with this key."""
        plant = cls(integration, folder / f"{CONTAINER}.env", folder / "docker.sock")
        plant.env_file.write_text(f"{_VARIABLE}={key}\n", "utf-8")
        plant.env_file.chmod(0o600)
        container = FakeContainer(CONTAINER, on_restart=plant.restarted)
        async with FakeDocker(container, now=now).serve(plant.socket):
            yield plant

    @property
    def settings(self) -> str:
        """Lines of ``[integrations.default]``."""
        return (
            f'service_container = "{CONTAINER}"\ndocker_socket = "{self.socket}"\n'
            f'key_env_file = "{self.env_file}"\nimport_url = "{self.integration.import_url}"\n'
        )

    def restarted(self) -> None:
        """A new process: what hung is gone, and the key is read anew."""
        self.integration.shape = "checks"
        self.integration.refuse(refused=False)
        self.integration.take_key(self._key())

    def _key(self) -> str:
        lines = self.env_file.read_text("utf-8").splitlines()
        found = [line.partition("=")[2] for line in lines if line.startswith(f"{_VARIABLE}=")]
        return found[-1].strip("'\"") if found else ""
