"""Several processes on one file, for real: their facts interleave without a gap and without a loss."""

import asyncio
import json
import sys
from pathlib import Path

from bot.domain.events import NoteAdded
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.clock import FakeClock
from tests.facts import INCIDENT, opening

EACH = 60


async def test_processes_append_to_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mx.db"
    async with Timeline.open(path, clock=FakeClock(), scrub=Scrubber()) as timeline:
        await timeline.append(opening())
        seen = await timeline.book()
        async with asyncio.timeout(90):
            children = [
                await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.timeline_writer", str(path), name, str(EACH)),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                for name in ("a", "b", "c")
            ]
            outputs = []
            for child in children:
                out, complaint = await child.communicate()
                assert child.returncode == 0, complaint.decode()
                outputs.append(json.loads(out))

        assert seen.head.seq == 1
        history = await timeline.history(INCIDENT)
        verification = await timeline.verify()
        incident = (await timeline.book()).incident(INCIDENT)

    assert verification.ok
    assert verification.head_seq == 1 + 3 * EACH
    assert [event.version for event in history] == list(range(1, 3 * EACH + 2))
    acknowledged = {(version, text) for output in outputs for version, text in output["written"]}
    stored = {(e.version, e.fact.text) for e in history if isinstance(e.fact, NoteAdded)}
    assert stored == acknowledged, "what was acknowledged, each once, under the number that was told"
    assert incident is not None
    assert incident.version == 3 * EACH + 1
    assert sum(output["races_won"] for output in outputs) == 1, "one of those who expected the same version"
