"""The flight simulator's world: the stand-ins, and the real gateway and bot beside them as processes of their own."""

import asyncio
import os
import re
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bot.demo.integration import FakeIntegration
from bot.demo.jobs import JOBS
from bot.demo.maintainx import FakeMaintainX
from bot.demo.slack.workspace import SlackWorkspace
from bot.demo.statuspage import FakeStatusPage

READY_S = 40.0
"""How long a process may take until it is ready; a cold start on a slow machine takes some seconds."""

LIMIT, LIMIT_WINDOW_S = 30, 12.0
"""Requests that the stand-in MaintainX allows a key in so many seconds; the real one allows 100 in 60."""

UP_SINCE_S = 500_000.0
"""The story's service claims to be up for some days: that it was started with the story is no clue."""

_PORT = re.compile(r"https?://[^\s/:]+:(\d+)")
_PACE = {"work-order-sync": 0.9, "asset-sync": 0.25, "report-generator": 0.1}
SLOW_PACE = {"work-order-sync": 0.4, "asset-sync": 0.15, "report-generator": 0.05}
"""Calls per second that stay under MaintainX's 100 a minute even where each is tried twice."""
_KEY_BYTES = 16


class StoryFault(Exception):  # noqa: N818 - it is the reason that the story stops with
    """Something that the story needs did not happen; the text says what, and what was found."""


class Process:
    """One of mx's own processes, with its output in a file of the world's folder."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @classmethod
    @asynccontextmanager
    async def run(
        cls, name: str, *words: str, env: Mapping[str, str], folder: Path
    ) -> AsyncIterator["Process"]:
        """``mx WORDS`` with this environment and nothing else of ours, until the block ends."""
        log = folder / f"{name}.log"
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *words),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder,
                env=dict(env),
            )
        try:
            yield cls(name, process, log)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    async with asyncio.timeout(5):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()

    def check(self) -> None:
        """Raises StoryFault with its last words where it has ended."""
        if self._process.returncode is not None:
            raise StoryFault(f"{self.name} ended with {self._process.returncode}:\n{self.last_lines()}")

    def last_lines(self, count: int = 12) -> str:
        """The end of its output; nothing where the world's folder is gone."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-count:])

    async def port(self) -> int:
        """The port it says it listens on. Raises StoryFault when it does not say so in time."""
        try:
            async with asyncio.timeout(READY_S):
                while True:
                    self.check()
                    if found := _PORT.search(self.log.read_text("utf-8", errors="replace")):
                        return int(found.group(1))
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise StoryFault(
                f"{self.name} printed no address within {READY_S:.0f} s:\n{self.last_lines()}"
            ) from None


@dataclass(frozen=True, slots=True)
class World:
    """Everything that is running, and where."""

    folder: Path
    slack: SlackWorkspace
    maintainx: FakeMaintainX
    integration: FakeIntegration
    statuspage: FakeStatusPage
    gateway: Process
    bot: Process
    gateway_url: str
    bot_url: str
    gateway_token: str
    channel: str
    people: Mapping[str, str]
    """First name -> user id."""
    web: aiohttp.ClientSession

    def check(self) -> None:
        """Raises StoryFault where one of the two processes has ended."""
        self.gateway.check()
        self.bot.check()

    async def gateway_status(self, window_s: float) -> dict[str, object]:
        """``GET /-/status`` of the gateway."""
        headers = {"Authorization": f"Bearer {self.gateway_token}"}
        url = f"{self.gateway_url}/-/status?window_s={window_s:g}"
        async with self.web.get(url, headers=headers) as answer:
            body = await answer.json()
        if not isinstance(body, dict):
            raise StoryFault(f"the gateway's status is {body!r}, an object was expected")
        return body


@asynccontextmanager
async def start_world() -> AsyncIterator[World]:
    """Start everything, wait until it is ready, and end all of it with the block."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mx-demo-")))
        enter = stack.enter_async_context
        key = secrets.token_hex(_KEY_BYTES)
        # A smaller limit over a shorter window than the real one's, so that the story need not wait for a minute;
        # and no rate headers, as people have seen it live: the gateway goes by the documented limit.
        maintainx = await enter(
            FakeMaintainX.start(key=key, user_limit=LIMIT, window_s=LIMIT_WINDOW_S, rate_headers=False)
        )
        statuspage = await enter(FakeStatusPage.start())
        slack = await enter(SlackWorkspace.start())
        people = {name: slack.add_user(name) for name in ("Ada", "Ben")}
        channel = slack.create_channel("maintainx-incidents", list(people.values()))
        log = folder / "maintainx-sync.log"
        token = secrets.token_hex(_KEY_BYTES)
        # In this story it is a person who notices and asks; and nothing outside this machine is asked.
        (folder / "mx.toml").write_text(
            f'[bot]\nonline_urls = []\n[integrations.default]\nwatch = false\nlog_file = "{log}"\n', "utf-8"
        )
        env = {
            "PATH": os.defpath,
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            "MX_CONFIG": str(folder / "mx.toml"),
            "MAINTAINX_API_KEY": key,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MX_GATEWAY_TOKEN": token,
            "MX_GATEWAY_PORT": "0",
            "MX_GATEWAY_DATABASE_URL": f"sqlite:///{folder / 'gateway.db'}",
        }
        web = await enter(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        gateway = await enter(Process.run("gateway", "gateway", env=env, folder=folder))
        gateway_url = f"http://127.0.0.1:{await gateway.port()}"
        await _ready(web, f"{gateway_url}/-/healthz", gateway)
        jobs = tuple(
            type(job)(job.name, _PACE[job.name], job.calls, names_itself=job.names_itself) for job in JOBS
        )
        integration = await enter(
            FakeIntegration.start(
                base_url=f"{gateway_url}/v1",
                key=key,
                jobs=jobs,
                log=log,
                retries=1,
                memory_s=8.0,
                up_since_s=UP_SINCE_S,
            )
        )
        env |= {
            "PORT": "0",
            "DATABASE_URL": f"sqlite:///{folder / 'mx.db'}",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "MX_INCIDENT_CHANNEL": channel,
            "MX_GATEWAY_URL": gateway_url,
            "MX_STATUS_URL": statuspage.url,
            "INTEGRATION_HEALTH_URL": integration.health_url,
        }
        bot = await enter(Process.run("bot", "serve", env=env, folder=folder))
        bot_url = f"http://127.0.0.1:{await bot.port()}"
        await _ready(web, f"{bot_url}/readyz", bot)
        slack.request_url = f"{bot_url}/slack/events"
        yield World(
            folder=folder,
            slack=slack,
            maintainx=maintainx,
            integration=integration,
            statuspage=statuspage,
            gateway=gateway,
            bot=bot,
            gateway_url=gateway_url,
            bot_url=bot_url,
            gateway_token=token,
            channel=channel,
            people=people,
            web=web,
        )


async def _ready(web: aiohttp.ClientSession, url: str, process: Process) -> None:
    """Wait until ``url`` answers 200; raises StoryFault with what it answered last."""
    last = "nothing"
    try:
        async with asyncio.timeout(READY_S):
            while True:
                process.check()
                try:
                    async with web.get(url) as answer:
                        if answer.ok:
                            return
                        last = f"{answer.status} {(await answer.text())[:200]}"
                except (aiohttp.ClientError, TimeoutError) as fault:
                    last = type(fault).__name__
                await asyncio.sleep(0.1)
    except TimeoutError:
        says = f"{process.name} was not ready within {READY_S:.0f} s; {url} answered {last}"
        raise StoryFault(f"{says}\n{process.last_lines()}") from None
