"""The monitor: what 10, 100 and 1,000 integrations cost the whole bot, and how soon a fault has its card.

The bot is a process of its own, whole (``mx serve``), and its share of a core and its memory are read from ``/proc``.
Everybody that it asks is in other processes, and each integration has a key of its own. Rounds
come three to ten times as often as by default, so that the bench ends; the share of a core at five minutes is that of a
bot that watches nobody, plus the rounds' own.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.outside import KEY, key_of
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.member import Member
from bot.demo.slack.limits import Limits
from bot.demo.slack.workspace import SlackWorkspace

SIZES = (10, 100, 1000)
SMALL_S, LARGE_S = 30.0, 100.0
"""Between two rounds, where few are watched and where many are."""
DEFAULT_S = 300.0
DELAY_S = 0.2
"""How long each answer takes."""
WARM_S = 3.0
CHANNELS = 12
FAULT_INTERVAL_S = 10.0
FAULT_OPEN_S = 2.0
_ROUNDS = re.compile(r'^mx_monitor_rounds_total\{outcome="(\w+)"\} (\d+)', re.MULTILINE)
_LATE = re.compile(r"^mx_monitor_rounds_late_total (\d+)", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a bot cost while it was looked at."""

    seconds: float
    cpu_s: float
    memory_mb: float
    rounds: dict[str, int]
    late: int


def main() -> None:
    """Print the table, then the times from a fault to its card, each beside its target."""
    asyncio.run(_main())


async def _main() -> None:
    with _outside() as addresses:
        idle = await _cost(addresses, 1, interval_s=10.0, watch=False)
        rest = idle.cpu_s / idle.seconds
        print(f"a bot that watches nobody: {rest:6.1%} of a core, {idle.memory_mb:5.0f} MB")
        print("integrations   interval   rounds   late   not well   CPU of a round   at 5 minutes   memory")
        # The small ones side by side: they leave most of both cores free.
        costs = await asyncio.gather(*(_cost(addresses, size, interval_s=SMALL_S) for size in SIZES[:-1]))
        costs.append(await _cost(addresses, SIZES[-1], interval_s=LARGE_S))
        for size, cost in zip(SIZES, costs, strict=True):
            count = sum(cost.rounds.values())
            each = (cost.cpu_s - rest * cost.seconds) / max(1, count)
            whole = rest + size * each / DEFAULT_S
            odd = count - cost.rounds.get("well", 0)
            print(
                f"{size:12}   {cost.seconds:6.0f} s   {count:6}   {cost.late:4}   {odd:8}   {each * 1000:11.1f} ms"
                f"   {whole:12.1%}   {cost.memory_mb:3.0f} MB",
                flush=True,
            )
    print(
        "targets for 1,000: at most 50% of a core at 5 minutes, 300 MB, no round late, a round's CPU the same"
    )
    took = sorted(await _faults())
    bound = FAULT_INTERVAL_S + FAULT_OPEN_S + 2
    print(
        f"from a fault to its card, {len(took)} integrations: median {took[len(took) // 2]:.1f} s, longest {took[-1]:.1f} s "
        f"(target: at most {FAULT_INTERVAL_S:g} s interval + {FAULT_OPEN_S:g} s second look + 2 s = {bound:g} s)"
    )


async def _cost(addresses: dict[str, str], size: int, *, interval_s: float, watch: bool = True) -> Cost:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        slack = await stack.enter_async_context(SlackWorkspace.start(limits=Limits(rates=False)))
        channel = slack.create_channel("incidents", [slack.add_user("Ann")])
        settings = "".join(
            f"[integrations.plant-{number:04}]\napi_key = {json.dumps(key_of(number))}\nbase_url = {json.dumps(addresses['maintainx'])}\n"
            f"health_url = {json.dumps(addresses['health'])}\nstatus_url = {json.dumps(addresses['status'])}\n"
            f"incident_channel = {json.dumps(channel)}\ninterval_s = {interval_s}\nwatch = {str(watch).lower()}\n"
            for number in range(size)
        )
        process, url, http = await stack.enter_async_context(_bot(folder, slack, settings))
        await asyncio.sleep(WARM_S)
        before, begun = _cpu_s(process.pid), time.perf_counter()
        rounds, late = await _counted(http, url)
        await asyncio.sleep(interval_s)
        after, took = _cpu_s(process.pid), time.perf_counter() - begun
        now, late_now = await _counted(http, url)
        process.check()
        new = {name: count - rounds.get(name, 0) for name, count in now.items()}
        return Cost(took, after - before, _memory_mb(process.pid), new, late_now - late)


async def _faults() -> list[float]:
    """Seconds from the moment at which everything breaks to each integration's card."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        slack = await stack.enter_async_context(SlackWorkspace.start(limits=Limits(rates=False)))
        maintainx = await stack.enter_async_context(
            FakeMaintainX.start(key=KEY, user_limit=10_000_000, organisation_limit=10_000_000)
        )
        ann = slack.add_user("Ann")
        channels = [slack.create_channel(f"plant-{number}", [ann]) for number in range(CHANNELS)]
        settings = "".join(
            f"[integrations.{channel}]\napi_key = {json.dumps(KEY)}\nbase_url = {json.dumps(maintainx.base_url)}\n"
            f'status_url = "http://127.0.0.1:1/"\nincident_channel = "{channel}"\n'
            f"interval_s = {FAULT_INTERVAL_S}\ninterval_open_s = {FAULT_OPEN_S}\n"
            for channel in channels
        )
        process, _, _ = await stack.enter_async_context(_bot(folder, slack, settings))
        await asyncio.sleep(FAULT_INTERVAL_S + WARM_S)
        maintainx.break_(Fault("error", status=503))
        begun = time.perf_counter()
        found: dict[str, float] = {}
        while len(found) < len(channels):
            process.check()
            if time.perf_counter() - begun > 10 * FAULT_INTERVAL_S:
                sys.exit(f"only {len(found)} of {len(channels)} cards came:\n{process.last_lines()}")
            await asyncio.sleep(0.02)
            for channel in channels:
                if channel not in found and slack.messages(channel):
                    found[channel] = time.perf_counter() - begun
        return list(found.values())


@asynccontextmanager
async def _bot(
    folder: Path, slack: SlackWorkspace, settings: str
) -> AsyncIterator[tuple[Member, str, aiohttp.ClientSession]]:
    (folder / "mx.toml").write_text(f"[bot]\nonline_urls = []\n{settings}", "utf-8")
    env = {
        "PATH": os.defpath,
        "PYTHONUNBUFFERED": "1",
        "MX_CONFIG": str(folder / "mx.toml"),
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "PORT": "0",
        "DATABASE_URL": f"sqlite:///{folder / 'mx.db'}",
        "MX_GATEWAY_URL": "http://127.0.0.1:1",
    }
    async with (
        Member.run("bot", ("bot", "serve"), env=env, folder=folder, port="PORT", ready="/healthz") as process,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http,
    ):
        url = process.url
        slack.request_url = f"{url}/slack/events"
        yield process, url, http


async def _counted(http: aiohttp.ClientSession, url: str) -> tuple[dict[str, int], int]:
    """Rounds by outcome, and how many were late."""
    async with http.get(f"{url}/metrics") as answer:
        text = await answer.text()
    late = _LATE.search(text)
    return {name: int(count) for name, count in _ROUNDS.findall(text)}, int(late[1]) if late else 0


def _cpu_s(pid: int) -> float:
    """Seconds of processor time, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory_mb(pid: int) -> float:
    """Resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6


@contextmanager
def _outside() -> Iterator[dict[str, str]]:
    words = [sys.executable, "-m", "benchmarks.outside", str(DELAY_S), str(max(SIZES))]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


if __name__ == "__main__":
    main()
