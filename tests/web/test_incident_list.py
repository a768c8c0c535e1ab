"""The list of incidents: the open ones first, what is asked for, page by page, and figures without drills."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.assessment import Severity
from tests.facts import assessment
from tests.web.pages_scene import ANN, PagesScene, pages_scene
from tests.web.test_incident_page import let_in, read


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[PagesScene]:
    async with pages_scene(tmp_path) as scene:
        yield scene


async def incident(
    scene: PagesScene,
    name: str,
    *,
    integration: str = "default",
    severity: Severity = Severity.SEV2,
    days_ago: int = 0,
    resolved: bool = True,
    drill: bool = False,
) -> None:
    at = scene.clock.now() - timedelta(days=days_ago)
    await scene.write(e.IncidentOpened(integration=integration, drill=drill), incident=name, at=at)
    await scene.write(e.Assessed(assessment=assessment(severity, at=at)), incident=name, at=at)
    await scene.write(e.Acknowledged(), incident=name, actor=ANN, at=at + timedelta(minutes=5))
    if resolved:
        await scene.write(e.Resolved(), incident=name, actor=ANN, at=at + timedelta(hours=1))


async def shown(scene: PagesScene, query: str = "") -> tuple[list[str], str]:
    async with let_in(scene.links.list()) as http:
        status, text = await read(http, f"{scene.url}/incidents{query}")
    assert status == 200
    return re.findall(r'(?s)<li class="incident.*?href="incidents/([\w-]+)"', text), text


async def test_the_open_ones_come_first_by_how_grave_they_are_then_the_latest(scene: PagesScene) -> None:
    await incident(scene, "mx-old", days_ago=40)
    await incident(scene, "mx-new", days_ago=2)
    await incident(scene, "mx-mild", integration="b", severity=Severity.SEV3, days_ago=30, resolved=False)
    await incident(scene, "mx-grave", integration="a", severity=Severity.SEV1, days_ago=1, resolved=False)
    names, text = await shown(scene)
    assert names == ["mx-grave", "mx-mild", "mx-new", "mx-old"]
    assert "Ann Abel has it" in text
    assert "4 incidents since 2025-12, 2 of them open." in text
    assert re.search(r'<th scope="row">2026-10</th><td class="figure">2 ', text)


async def test_only_what_is_asked_for_and_nonsense_asks_for_nothing(scene: PagesScene) -> None:
    await incident(scene, "mx-a1", integration="a", severity=Severity.SEV1, days_ago=3)
    await incident(scene, "mx-a2", integration="a", days_ago=2, resolved=False)
    await incident(scene, "mx-b2", integration="b", days_ago=1)
    assert (await shown(scene, "?integration=a"))[0] == ["mx-a2", "mx-a1"]
    assert (await shown(scene, "?state=resolved&severity=SEV-2"))[0] == ["mx-b2"]
    assert "Figures of a" in (await shown(scene, "?integration=a"))[1]
    assert len((await shown(scene, "?state=x&severity=%3Cb%3E&page=-3"))[0]) == 3
    names, text = await shown(scene, "?integration=%3Cscript%3E")
    assert (names, "<script>" in text, "No incident is like that" in text) == ([], False, True)


async def test_many_come_page_by_page(scene: PagesScene) -> None:
    for number in range(53):
        await incident(scene, f"mx-{number:03}", days_ago=60 - number)
    first, text = await shown(scene, "?state=resolved")
    assert (len(first), first[0]) == (50, "mx-052")
    assert 'href="incidents?state=resolved&amp;page=2" rel="next"' in text
    second, text = await shown(scene, "?state=resolved&page=2")
    assert second == ["mx-002", "mx-001", "mx-000"]
    assert (await shown(scene, "?state=resolved&page=99"))[0] == second


async def test_a_drill_is_marked_and_counts_for_nothing(scene: PagesScene) -> None:
    await incident(scene, "mx-real", days_ago=2)
    await incident(scene, "mx-drill", days_ago=1, drill=True)
    names, text = await shown(scene)
    assert names == ["mx-drill", "mx-real"]
    assert "1 incident since 2025-12; 1 drill left out." in text
    async with let_in(scene.links.list()) as http:
        _, page = await read(http, f"{scene.url}/incidents/mx-drill")
    assert "Drill: not real" in page
    assert "<title>Drill: " in page
    assert 'href="../incidents"' in page, "whoever came through the list finds back"


async def test_with_no_incident_there_is_no_figure(scene: PagesScene) -> None:
    names, text = await shown(scene)
    assert (names, "There has been no incident." in text, "<table>" in text) == ([], True, False)
