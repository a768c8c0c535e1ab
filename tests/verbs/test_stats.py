"""``mx stats`` and ``/mx stats``: the same figures in a terminal, for machines, and on a phone."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli import mx
from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.assessment import Severity
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.facts import assessment


async def incidents(timeline: Timeline) -> None:
    """One that was taken after 4 minutes and resolved after 40, one drill, one that is open."""
    now = SystemClock().now()

    async def write(stream: str, ago: float, fact: e.AnyFact) -> None:
        at = now - timedelta(minutes=ago)
        await timeline.append(e.Draft(stream=stream, actor="mx", at=at, fact=fact))

    for stream, drill in (("mx-1", False), ("mx-2", True), ("mx-3", False)):
        await write(stream, 60, e.IncidentOpened(integration=stream, drill=drill))
        await write(stream, 60, e.Assessed(assessment=assessment(Severity.SEV1)))
        await write(stream, 56, e.Acknowledged())
        if stream != "mx-3":
            await write(stream, 20, e.Resolved())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def write() -> None:
        async with Timeline.open(tmp_path / "mx.db", clock=SystemClock(), scrub=Scrubber()) as timeline:
            await incidents(timeline)

    asyncio.run(write())
    monkeypatch.chdir(tmp_path)
    for variable in ("MX_CONFIG", "DATABASE_URL"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path


def test_the_table_has_what_was_counted_and_says_what_the_columns_are(folder: Path) -> None:
    found = CliRunner().invoke(mx, ["stats"])
    assert found.exit_code == 0
    assert "2 incidents since" in found.output
    assert "1 of them open; 1 drill left out. The first response came in time in 2 of 2." in found.output
    assert "SEV-1      2       4m        -      40m" in found.output
    assert "From opened to the first acknowledgement" in found.output


def test_for_machines_it_is_seconds_and_pairs_and_of_one_integration_where_that_is_asked(
    folder: Path,
) -> None:
    data = json.loads(CliRunner().invoke(mx, ["stats", "--json", "--months", "3"]).output)
    assert data["total"]["acknowledge"]["median_s"] == 240
    assert data["total"]["response_deadlines"] == {"due": 2, "met": 2, "share": 1.0}
    assert {(p["incident"], p["measure"], p["seconds"]) for p in data["pairs"]} == {
        ("mx-1", "acknowledge", 240.0),
        ("mx-1", "resolve", 2400.0),
        ("mx-3", "acknowledge", 240.0),
    }
    one = json.loads(CliRunner().invoke(mx, ["stats", "--json", "--integration", "mx-3"]).output)
    assert (one["total"]["incidents"], one["total"]["open"], one["drills"]) == (1, 1, 0)


def test_without_a_timeline_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(mx, ["stats"])
    assert found.exit_code == 1
    assert not (tmp_path / "mx.db").exists()
