"""``mx gap``: the gaps and their acceptance from a terminal, without Slack and without a bot that runs."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import mx
from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.gap import Gap
from bot.domain.watching import GapsAccepted, GapsOpened
from bot.errors import Refused
from bot.scrub import Scrubber
from bot.timeline import Timeline

SINCE = datetime(2026, 11, 23, 2, 40, tzinfo=UTC)
GAP = Gap(
    id="in:/assets",
    entity="/assets",
    direction="in",
    since=SINCE,
    until=SINCE + timedelta(minutes=51),
    says="the first failed round (02:45 UTC), 5 minutes earlier",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def timeline(folder: Path, *facts: e.AnyFact) -> tuple[e.Event, ...]:
    """The facts are appended; the whole incident."""

    async def run() -> tuple[e.Event, ...]:
        async with Timeline.open(folder / "mx.db", clock=SystemClock(), scrub=Scrubber()) as opened:
            at = SystemClock().now()
            if facts:
                await opened.append(*(e.Draft(stream="mx-1", actor="mx", at=at, fact=fact) for fact in facts))
            return await opened.history("mx-1")

    return asyncio.run(run())


def typed(*words: str) -> Result:
    return CliRunner().invoke(mx, ["gap", *words])


def test_they_are_listed_accepted_and_listed_as_that(folder: Path) -> None:
    timeline(folder, e.IncidentOpened(integration="default"), GapsOpened(gaps=(GAP,)))
    listed = typed()
    assert listed.exit_code == 0, listed.output
    assert "mx-1: data may be missing" in listed.output
    assert "assets from MaintainX 2026-11-23 02:40 to 03:31 UTC (the first failed round" in listed.output
    assert "compare by hand, then: mx gap accept assets REASON" in listed.output
    done = typed("accept", "assets", "compared", "every", "night")
    assert done.exit_code == 0, done.output
    assert "Accepted in mx-1, in your name: assets from MaintainX" in done.output
    [fact] = [event for event in timeline(folder) if isinstance(event.fact, GapsAccepted)]
    assert fact.actor.startswith("cli:")
    after = typed()
    assert "mx-1: no gap is open" in after.output
    assert "accepted by cli:" in after.output
    assert "compared every night" in after.output


def test_one_that_a_backfill_can_fill_is_refused(folder: Path) -> None:
    (folder / "mx.toml").write_text('[integrations.default]\nimport_url = "http://127.0.0.1:9/import"\n')
    timeline(folder, e.IncidentOpened(integration="default"), GapsOpened(gaps=(GAP,)))
    refused = typed("accept", "all", "too", "late")
    assert refused.exit_code == 1
    assert isinstance(refused.exception, Refused)
    assert "A backfill can fill assets from MaintainX" in str(refused.exception)
    assert typed("accept", "all", "anyway", "too", "late").exit_code == 0


def test_without_an_incident_or_with_odd_words_it_says_what_to_type(folder: Path) -> None:
    assert "There is no timeline at" in str(typed().exception)
    assert typed("fill").exit_code == 2
    timeline(folder, e.IncidentOpened(integration="default"))
    assert "mx-1: no gap is open" in typed().output
    assert "No gap is open" in str(typed("accept", "all", "enough").exception)
    assert typed("--integration", "other").exit_code == 2
