"""The ``mx`` command as a process of its own, as people start it."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TREE = Path(__file__).parent.parent.parent
SURROUNDINGS = {"PATH": os.defpath, "COLUMNS": "140", "PYTHONPATH": str(TREE)}
"""What the command finds around it: the code of this tree, whatever else is installed."""


@dataclass(frozen=True)
class Ended:
    """What a process left behind."""

    code: int
    out: str
    err: str


async def mx(*argv: str, env: Mapping[str, str], folder: Path) -> Ended:
    """Run the command to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *argv,
        cwd=folder,
        env={**SURROUNDINGS, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())
