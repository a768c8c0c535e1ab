"""An incident, a MaintainX, the integration that imports, and what steps may know of them: for this folder's tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue, SecretStr

from bot.demo.integration import FakeIntegration
from bot.demo.maintainx import FakeMaintainX
from bot.domain.gap import Gap
from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.oncall_state import OnCall
from bot.ports import StepContext
from bot.steps.surroundings import Surroundings
from tests.wound_clock import START, WoundClock

KEY = "demo-maintainx-key"
OPENED = START - timedelta(minutes=30)


@dataclass
class Key:
    """Implements the port ``RotatingKey``, in memory."""

    value: str | None = KEY
    name: str = "MAINTAINX_API_KEY"

    def current(self) -> str | None:
        return self.value

    def take(self, key: SecretStr) -> str:
        self.value = key.get_secret_value()
        return "in memory"

    def back(self) -> str:
        return "in memory"


def incident(*gaps: Gap, **changes: Any) -> Incident:
    made: dict[str, Any] = {
        "id": "mx-20261123-7f3a",
        "integration": "default",
        "version": 1,
        "channel": None,
        "opened_at": OPENED,
        "opened_by": "slack:U1",
        "requested_at": None,
        "requested_by": None,
        "oncall": OnCall(clock_from=OPENED),
        "gaps": gaps,
    }
    return Incident(**{**made, **changes})


def context(about: Incident | None = None, *, run: str = "run-1", **values: JsonValue) -> StepContext:
    return StepContext(
        incident="mx-20261123-7f3a",
        run=run,
        playbook="sync-gap",
        actor="slack:U1",
        values=values,
        about=about or incident(),
    )


def gap(entity: str, since: datetime, *, direction: Any = "in") -> Gap:
    return Gap(id=f"run-1:{direction}:{entity}", entity=entity, direction=direction, since=since)


@dataclass
class Outside:
    """Both ends of a backfill."""

    maintainx: FakeMaintainX
    there: FakeIntegration
    around: Surroundings
    key: Key

    def with_settings(self, **changes: Any) -> Surroundings:
        """The same integration, described otherwise."""
        [one] = self.around.integrations.values()
        return Surroundings(
            integrations={"default": one.model_copy(update=changes)}, keys={"default": self.key}
        )

    def asked(self, path: str) -> list[str]:
        """The queries of a list that MaintainX was asked, in order."""
        return [r.query for r in self.maintainx.requests if r.path == f"/v1{path}"]


@asynccontextmanager
async def outside(clock: WoundClock, **changes: Any) -> AsyncIterator[Outside]:
    """A plant whose rows are old, and an integration that imports."""
    async with (
        FakeMaintainX.start(key=KEY, now=clock.now, monotonic=clock.monotonic, **changes) as maintainx,
        FakeIntegration.start(base_url="http://127.0.0.1:9", jobs=()) as there,
    ):
        made = Integration(
            base_url=maintainx.base_url, status_url="http://127.0.0.1:9", import_url=there.import_url
        )
        key = Key()
        around = Surroundings(integrations={"default": made}, keys={"default": key})
        yield Outside(maintainx, there, around, key)
