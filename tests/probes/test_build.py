"""All probes of an integration together: guarded, concurrent, secret."""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain.integration import Integration
from bot.domain.readings import HttpDetail, Reading, Status
from bot.meter import Meter
from bot.ports import Probe
from bot.probes.build import Outside, probes_for
from bot.probes.guard import Guarded
from bot.scrub import Scrubber
from tests.keys import HeldKey
from tests.probes.conftest import KEY


async def read_all(probes: tuple[Probe, ...], *, samples: int = 1) -> list[Reading]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(probe.read(samples=samples)) for probe in probes]
    return [task.result() for task in tasks]


async def test_there_is_one_reading_per_question(maintainx: FakeMaintainX) -> None:
    integration = Integration(base_url=maintainx.base_url, status_url=f"{maintainx.origin}/none")
    async with Outside.open(clock=SystemClock(), scrub=Scrubber([KEY])) as outside:
        probes = probes_for(integration, key=HeldKey(KEY), outside=outside)
        asked = [(r.probe, r.target) for r in await read_all(probes)]
    assert asked == [
        ("api", "/users"),
        ("api", "/workorders"),
        ("api", "/assets"),
        ("api", "/locations"),
        ("versions", "/versions"),
        ("service", "/health"),
        ("key", "API key"),
        ("status_page", "status page"),
        ("logs", "log"),
        ("traffic", "gateway traffic"),
    ]


@dataclass(frozen=True, slots=True)
class Clumsy:
    """A probe with a bug, or with a secret in its mouth."""

    reading: Reading | None = None

    async def read(self, *, samples: int) -> Reading:
        if self.reading is None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._stumble())
        assert self.reading is not None
        return self.reading

    async def _stumble(self) -> None:
        raise ZeroDivisionError(f"dividing {KEY} by nothing")


async def test_a_fault_of_ours_is_a_reading_without_the_secret() -> None:
    reading = await Guarded(Clumsy(), "api", "/users", Scrubber([KEY]), SystemClock(), Meter()).read(
        samples=1
    )
    assert (reading.status, reading.probe, reading.target) == (Status.UNKNOWN, "api", "/users")
    assert "ZeroDivisionError: dividing [redacted] by nothing" in reading.says


async def test_every_text_of_a_reading_goes_through_the_scrubber() -> None:
    detail = HttpDetail.model_validate(
        {"url": f"http://x/{KEY}", "samples": [{"at_ms": 0, "code": 400, "error": f"Bearer {KEY} is odd"}]}
    )
    leaky = Reading(probe="api", target=KEY, status=Status.FAILING, says=f"said {KEY}", detail=detail)
    reading = await Guarded(Clumsy(leaky), "api", "/users", Scrubber([KEY]), SystemClock(), Meter()).read(
        samples=1
    )
    assert KEY not in reading.model_dump_json()
    assert cast(HttpDetail, reading.detail).samples[0].code == 400


async def test_all_are_asked_at_once(maintainx: FakeMaintainX) -> None:
    """Ten questions that take 0.4 s each are answered in far less than their sum."""
    maintainx.break_(Fault("slow", seconds=0.4))
    integration = Integration(base_url=maintainx.base_url, status_url=f"{maintainx.origin}/none")
    async with Outside.open(clock=SystemClock(), scrub=Scrubber([KEY])) as outside:
        probes = probes_for(integration, key=HeldKey(KEY), outside=outside)
        began = time.perf_counter()
        await read_all(probes)
        assert time.perf_counter() - began < 1.6
