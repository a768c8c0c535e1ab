"""The edge's rig as a fixture."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.slack import rig as rigs


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[rigs.Rig]:
    async with rigs.rig(tmp_path) as made:
        yield made
