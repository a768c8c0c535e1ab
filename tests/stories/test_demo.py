"""``mx demo`` without a terminal: one outage from the first 429 to the report, over real HTTP, in real processes."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}


def test_a_demo_that_is_told_to_stop_takes_everything_with_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "demo"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path),
    ) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if "ready after" in line:
                break
        (folder,) = tmp_path.iterdir()
        gateway = re.search(r":(\d+)", (folder / "gateway.log").read_text())
        assert gateway is not None
        socket.create_connection(("127.0.0.1", int(gateway.group(1)))).close()
        demo.terminate()
        assert "Everything is stopped." in demo.stdout.read()
        assert demo.wait(30) == 1
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(gateway.group(1))))


def test_the_demo_plays_one_outage_and_ends_with_0(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "demo"],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        cwd=tmp_path,
        env=environment(tmp_path),
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
        "Recovery is proved, not declared",
        "The report",
    ]
    for words in (
        "> /mx triage",
        "SEV-2",
        "[ Enable emergency rate limit ]",
        "free of 429",
        "> /mx verify",
        "Recovery is proved",
        "fresh data: /workorders: newest change",
        "> /mx resolve",
        "> /mx report",
    ):
        assert words in told
    fell = re.search(r"From ([\d.]+) to ([\d.]+) requests per second", told)
    assert fell is not None
    assert float(fell.group(1)) > 2 * float(fell.group(2))
    assert "\x1b" not in told
    assert not list(tmp_path.iterdir())
