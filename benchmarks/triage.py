"""Triage at 200 ms per answer: a person's curl script, ``mx triage`` from a cold start, and a warm triage in process."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.outside import KEY
from bot.clock import SystemClock
from bot.domain.integration import Integration
from bot.ports import Probe
from bot.probes.build import Outside, probes_for
from bot.scrub import Scrubber
from bot.triage import read_all

DELAY_S = 0.2
ROUNDS = 7
SCRIPT = Path(__file__).with_name("serial_triage.sh")


@dataclass(frozen=True, slots=True)
class Key:
    """The key of the stand-in, as a source."""

    name: str = "MAINTAINX_API_KEY"

    def current(self) -> str:
        """The key."""
        return KEY


def main() -> None:
    """Print the medians, their ratios, and the targets."""
    with _outside() as addresses, tempfile.TemporaryDirectory() as folder:
        env = {
            "PATH": os.defpath,
            "MAINTAINX_BASE_URL": addresses["maintainx"],
            "MAINTAINX_API_KEY": KEY,
            "INTEGRATION_HEALTH_URL": addresses["health"],
            "MX_STATUS_URL": addresses["status"],
            "DATABASE_URL": f"sqlite:///{folder}/mx.db",
        }
        mx = [str(Path(sys.executable).with_name("mx")), "triage", "--samples", "1"]
        serial, cold = [], []
        for _ in range(ROUNDS):
            serial.append(_timed(lambda: _run([str(SCRIPT)], env, folder)))
            cold.append(_timed(lambda: _run(mx, env, folder)))
        warm, slowest = asyncio.run(_warm(addresses))
    script_s, cold_s = statistics.median(serial), statistics.median(cold)
    for name, seconds in (
        ("a person's script, one after the other", script_s),
        ("mx triage --samples 1, cold start", cold_s),
        ("a warm triage, one sample", warm),
        ("its slowest probe alone", slowest),
    ):
        print(f"{name:<40} {seconds * 1000:7.1f} ms")
    print(f"cold start beside the script: {script_s / cold_s:5.2f}x faster   (target: at least 2x)")
    print(f"warm beside the script:       {script_s / warm:5.2f}x faster   (target: at least 3.5x)")
    print(f"warm beside its slowest probe: {warm / slowest:4.2f}x          (target: at most 1.10x)")


async def _warm(addresses: dict[str, str]) -> tuple[float, float]:
    """Seconds of a whole triage, and of its slowest probe alone, in turns in one process."""
    integration = Integration(
        base_url=addresses["maintainx"],
        health_url=addresses["health"],
        health_configured=True,
        status_url=addresses["status"],
    )
    whole: list[float] = []
    async with Outside.open(clock=SystemClock(), scrub=Scrubber((KEY,))) as outside:
        probes = probes_for(integration, key=Key(), outside=outside)
        await read_all(probes, samples=1)
        alone: dict[int, list[float]] = {index: [] for index in range(len(probes))}
        for _ in range(ROUNDS):
            whole.append(await _read(probes))
            for index, probe in enumerate(probes):
                alone[index].append(await _read((probe,)))
    return statistics.median(whole), max(statistics.median(times) for times in alone.values())


async def _read(probes: Sequence[Probe]) -> float:
    begun = time.perf_counter()
    await read_all(probes, samples=1)
    return time.perf_counter() - begun


@contextmanager
def _outside() -> Iterator[dict[str, str]]:
    words = [sys.executable, "-m", "benchmarks.outside", str(DELAY_S)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def _run(words: list[str], env: dict[str, str], folder: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, env=env, cwd=folder)


def _timed(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
