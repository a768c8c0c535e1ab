"""``mx demo`` without a terminal: one outage from the first 429 to the report, over real HTTP, in real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_the_demo_plays_one_outage_and_ends_with_0(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        cwd=tmp_path,
        env={"PATH": os.defpath, "PYTHONUTF8": "1", "TMPDIR": str(tmp_path)},
    )
    told = done.stdout
    assert done.returncode == 0, told + done.stderr
    assert not done.stderr
    chapters = re.findall(r"^(.+?) ─+$", told, re.MULTILINE)
    assert chapters == [
        "An ordinary day",
        "Somebody starts a full asset re-sync",
        "Ada asks what is wrong",
        "Two clicks",
        "mx checks that it helped",
        "The cause is mended, the limit goes",
        "It is over",
        "The report",
    ]
    for words in (
        "> /mx triage",
        "SEV-2",
        "[ Enable emergency rate limit ]",
        "free of 429",
        "> /mx resolve",
        "> /mx report",
    ):
        assert words in told
    fell = re.search(r"From ([\d.]+) to ([\d.]+) requests per second", told)
    assert fell is not None
    assert float(fell.group(1)) > 2 * float(fell.group(2))
    assert "\x1b" not in told
    assert not list(tmp_path.iterdir())
