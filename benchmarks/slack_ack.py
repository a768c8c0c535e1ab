"""How soon ``/mx`` is acknowledged: beside a bare Bolt listener, and at 50 commands a second while triages run."""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck

from benchmarks.outside import KEY
from bot import app, config
from bot.clock import SystemClock
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.demo.slack.limits import Limits
from bot.demo.slack.workspace import SlackWorkspace
from bot.domain.events import Draft, IncidentOpened, NoteAdded
from bot.timeline import Timeline

CALLS = 400
PER_S = 50
SECONDS = 8
SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - opens nothing
_IDS = itertools.count()


def main() -> None:
    """Print medians, tails, their ratios, and the targets."""
    if sys.argv[1:] == ["bare"]:
        asyncio.run(_bare())
    elif sys.argv[1:] == ["bot"]:
        asyncio.run(_bot())
    else:
        asyncio.run(_compare())


async def _compare() -> None:
    bare, bot, busy = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        append = await _appends(Path(folder) / "append.db")
        async with _outside(folder) as (slack, channel, user, env):
            with _process("bare", env) as bare_url, _process("bot", env) as bot_url:
                async with aiohttp.ClientSession() as session:
                    who = {"channel_id": channel, "user_id": user}
                    await _say(session, bot_url, who, "triage", slack)
                    await _settled(slack, channel)
                    for _ in range(5):
                        bare += [
                            await _say(session, bare_url, who, "note x", slack) for _ in range(CALLS // 5)
                        ]
                        bot += [await _say(session, bot_url, who, "note x", slack) for _ in range(CALLS // 5)]
                    busy = await _open_loop(session, bot_url, who, slack)
    for name, times in (
        ("a bare Bolt listener", bare),
        ("one durable append", append),
        ("/mx note, one connection", bot),
        (f"/mx note at {PER_S}/s, triages running", busy),
    ):
        print(f"{name:<40} p50 {_at(times, 0.50):7.2f} ms   p99 {_at(times, 0.99):7.2f} ms")
    most = 2 * _at(bare, 0.5) + _at(append, 0.5)
    print(
        f"p50 beside twice the bare listener plus an append: {_at(bot, 0.5) / most:4.2f}x (target: at most 1.00x)"
    )
    print(f"p99 at {PER_S}/s: {_at(busy, 0.99):.1f} ms (target: under 50 ms)")


async def _open_loop(
    session: aiohttp.ClientSession, url: str, who: dict[str, str], slack: SlackWorkspace
) -> list[float]:
    """Commands that start by the clock, whatever the earlier ones do; a triage is asked for every second."""
    times: list[float] = []

    async def one(text: str, *, counted: bool) -> None:
        took = await _say(session, url, who, text, slack)
        if counted:
            times.append(took)

    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(PER_S * SECONDS):
            await asyncio.sleep(max(0.0, begun + number / PER_S - loop.time()))
            if number % PER_S == 0:
                group.create_task(one("triage", counted=False))
            group.create_task(one(f"note {number}", counted=True))
    return times


async def _say(
    session: aiohttp.ClientSession, url: str, who: dict[str, str], text: str, slack: SlackWorkspace
) -> float:
    """Milliseconds until a signed command is acknowledged."""
    number = next(_IDS)
    fields = {
        "command": "/mx",
        "text": text,
        "trigger_id": f"{number}.1",
        "response_url": f"{slack.api_url}none",
    }
    body = urlencode(fields | who).encode()
    at = str(int(SystemClock().now().timestamp()))
    digest = hmac.new(SECRET.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={digest}",
    }
    begun = time.perf_counter()
    async with session.post(f"{url}/slack/events", data=body, headers=headers) as answer:
        await answer.read()
        assert answer.status == 200, await answer.text()
    return (time.perf_counter() - begun) * 1000


async def _appends(path: Path) -> list[float]:
    clock, times = SystemClock(), []
    async with Timeline.open(path, clock=clock, scrub=str) as timeline:
        await timeline.append(
            Draft(stream="mx-1", actor="mx", at=clock.now(), fact=IncidentOpened(integration="default"))
        )
        for _ in range(CALLS):
            begun = time.perf_counter()
            await timeline.append(Draft(stream="mx-1", actor="x", at=clock.now(), fact=NoteAdded(text="x")))
            times.append((time.perf_counter() - begun) * 1000)
    return times


async def _settled(slack: SlackWorkspace, channel: str) -> None:
    await slack.until(lambda: slack.messages(channel), what="the card")


@asynccontextmanager
async def _outside(folder: str) -> AsyncIterator[tuple[SlackWorkspace, str, str, dict[str, str]]]:
    async with (
        SlackWorkspace.start(limits=Limits(rates=False)) as slack,
        FakeMaintainX.start(key=KEY) as maintainx,
    ):
        maintainx.break_(Fault("limited"))
        user = slack.add_user("Ann")
        channel = slack.create_channel("incidents", [user])
        env = {
            "PATH": os.defpath,
            "PYTHONPATH": str(Path.cwd()),
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": slack.api_url,
            "MX_INCIDENT_CHANNEL": channel,
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MX_STATUS_URL": f"{maintainx.base_url}/none",
            "MX_GATEWAY_URL": "http://127.0.0.1:1",
            "DATABASE_URL": f"sqlite:///{folder}/mx.db",
            "PORT": "0",
        }
        yield slack, channel, user, env


@contextmanager
def _process(which: str, env: dict[str, str]) -> Iterator[str]:
    words = [sys.executable, "-m", "benchmarks.slack_ack", which]
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("http://"):
                    yield line.strip()
                    break
        finally:
            process.terminate()


def _one_core() -> None:
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


async def _bot() -> None:
    _one_core()
    settings = config.load(needs_slack=True)
    await app.serve(
        settings,
        clock=SystemClock(),
        stop=asyncio.Event(),
        ready=lambda url: print(url, flush=True),
        host="127.0.0.1",
    )


async def _bare() -> None:
    _one_core()

    async def authorize(**_: object) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-nobody")  # noqa: S106 - opens nothing

    made = AsyncApp(signing_secret=SECRET, authorize=authorize, process_before_response=True)

    async def listener(ack: AsyncAck) -> None:
        await ack("noted")

    made.command("/mx")(listener)
    runner = web.AppRunner(made.web_app(path="/slack/events"), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def _at(times: list[float], share: float) -> float:
    return statistics.quantiles(times, n=100)[round(share * 100) - 1]


if __name__ == "__main__":
    main()
