"""From a restart to caught-up followers over 100,000 facts: what each of them takes for its first look.

The whole bot as ``mx serve`` builds it, on a timeline of 2,000 incidents of 1,000 integrations, five of them open,
with a stand-in Slack beside it that does not know the channel, and no gateway. The followers take their turn one after another, since they share one
event loop; each has caught up when it first comes round.
"""

import asyncio
import contextlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from benchmarks.outages import FACTS, incident, outage
from bot import config
from bot.clock import SystemClock
from bot.demo.slack.workspace import SlackWorkspace
from bot.engine import open_engine
from bot.followers import followers
from bot.pulse import Pulse
from bot.scrub import Scrubber
from bot.slack.replies import Replies
from bot.slackside import slack_side
from bot.supervisor import Supervisor
from bot.timeline import Timeline

TOTAL = 100_000
INTEGRATIONS = 1000
OPEN = 5
TARGET_S = 3.0


class Rounds:
    """The machine's clock, which tells when a follower first sleeps: it has looked at everything then."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.round = asyncio.Event()

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.round.set()
        await self._clock.sleep(seconds)


async def _filled(folder: Path) -> None:
    """The timeline, and what the last life of the bot had noted of its cards and answers."""
    clock = SystemClock()
    incidents = TOTAL // FACTS
    async with Timeline.open(folder / "mx.db", clock=clock, scrub=Scrubber()) as timeline:
        for number in range(incidents):
            over = number < incidents - OPEN
            await timeline.append(*outage(number, integrations=INTEGRATIONS, over=over))
        versions = {one.id: one.version for one in (await timeline.book()).incidents()}
    async with Replies.open(folder / "mx.db", clock=clock) as replies:
        for number in range(incidents):
            name = incident(number)
            await replies.note(f"card:{name}", f'{{"version": {versions[name]}, "digest": "{number:016x}"}}')
        await replies.note("answers", str(TOTAL))
        await replies.note("posts", json.dumps({"seen": TOTAL, "left": []}))


def _settings(folder: Path, slack: SlackWorkspace) -> config.Settings:
    tables = "".join(f"[integrations.i{number}]\nwatch = false\n" for number in range(INTEGRATIONS))
    (folder / "mx.toml").write_text(tables, "utf-8")
    env = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_SIGNING_SECRET": slack.signing_secret,
        "SLACK_API_URL": slack.api_url,
        "MX_GATEWAY_URL": "http://127.0.0.1:9",
    }
    return config.load(env=env, folder=folder)


async def _first_look(follow: Callable[[], Awaitable[None]], clock: Rounds) -> float:
    """The seconds until the follower first comes round."""
    clock.round.clear()
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_quietly(follow))
        await clock.round.wait()
        took = time.perf_counter() - began
        task.cancel()
    return took


async def _quietly(follow: Callable[[], Awaitable[None]]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await follow()


async def measured(folder: Path) -> dict[str, float]:
    """Seconds of each part of a restart."""
    took: dict[str, float] = {}
    async with SlackWorkspace.start() as workspace, AsyncExitStack() as stack:
        settings = _settings(folder, workspace)
        assert settings.slack is not None
        clock = Rounds()
        began = time.perf_counter()
        engine = await stack.enter_async_context(open_engine(settings, clock=clock))
        slack = await stack.enter_async_context(slack_side(engine, settings.slack))
        supervisor = Supervisor(
            engine.clock, scrub=engine.scrub, pulse=Pulse(clock, stopwatch=clock.monotonic)
        )
        took["open"] = time.perf_counter() - began
        began = time.perf_counter()
        head = (await engine.timeline.book()).head.seq
        took["fold"] = time.perf_counter() - began
        if head != TOTAL:
            raise SystemExit(f"the timeline holds {head} facts")
        await engine.term.lead()
        for name, follow in followers(engine, slack, supervisor).items():
            took[name] = await _first_look(follow, clock)
    return took


def floor(folder: Path) -> float:
    """Seconds that any program in Python needs to read these rows and to parse their JSON."""
    began = time.perf_counter()
    with contextlib.closing(sqlite3.connect(folder / "mx.db")) as database:
        for _, data in database.execute("SELECT seq, data FROM facts ORDER BY seq"):
            json.loads(data)
    return time.perf_counter() - began


async def _run() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await _filled(folder)
        least = floor(folder)
        busy = time.process_time()
        took = await measured(folder)
        busy = time.process_time() - busy
    whole = sum(took.values())
    for part, seconds in took.items():
        print(f"{part:<16} {seconds:7.3f} s  {seconds / whole:5.0%}")
    print(f"{'all':<16} {whole:7.3f} s   (target: under {TARGET_S:g} s), {busy:.3f} s of it at work")
    print(
        f"{'the JSON alone':<16} {least:7.3f} s   by which this machine's pace can be told: {whole / least:.1f}x"
    )


def main() -> None:
    """Print the seconds of each part, and of all of them."""
    asyncio.run(_run())


if __name__ == "__main__":
    main()
