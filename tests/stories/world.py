"""Both composition roots in one process, between stand-ins: what the stories about Slack run against."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import aiohttp

from bot import app, config
from bot.clock import SystemClock
from bot.demo.integration import FakeIntegration
from bot.demo.jobs import Job
from bot.demo.maintainx import FakeMaintainX
from bot.demo.slack.limits import Limits
from bot.demo.slack.records import Message, View
from bot.demo.slack.render import render, render_view
from bot.demo.slack.workspace import SlackWorkspace
from bot.demo.statuspage import FakeStatusPage
from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.gateway.serve import serve as serve_gateway
from bot.timeline import Timeline

KEY = "k-secret-0123456789"
TOKEN = "gateway-token-0123456789"
SPEED = 10.0
"""How many seconds pass for mx while one passes for the test."""
PATIENCE_S = 20.0
JOBS = (
    Job("work-order-sync", 6.0, (("GET", "/workorders?limit=1"),), names_itself=False),
    Job("asset-sync", 6.0, (("GET", "/assets?limit=1"),)),
)

Seen = TypeVar("Seen")


class QuickClock(SystemClock):
    """Time that passes quicker than the machine's; what is real (the network) stays real."""

    def __init__(self) -> None:
        self._began, self._began_monotonic = super().now(), super().monotonic()
        self._ahead = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic() - self._began_monotonic)

    def monotonic(self) -> float:
        passed = super().monotonic() - self._began_monotonic
        return self._began_monotonic + self._ahead + passed * SPEED

    def wind(self, seconds: float) -> None:
        """Move the hands forward; nobody who sleeps wakes."""
        self._ahead += seconds

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / SPEED)


@dataclass(slots=True)
class World:
    """Slack, MaintainX, an integration, the gateway, the bot, and the people Ann and Ben."""

    folder: Path
    slack: SlackWorkspace
    maintainx: FakeMaintainX
    clock: QuickClock
    env: dict[str, str]
    channel: str
    ann: str
    ben: str
    http: aiohttp.ClientSession
    url: str = ""
    gateway_url: str = ""
    said: list[str] = field(default_factory=list)

    async def mx(self, text: str, *, user: str | None = None, channel: str | None = None) -> str:
        """Type ``/mx TEXT`` and read the acknowledgement."""
        outcome = await self.slack.command(user or self.ann, channel or self.channel, "/mx", text)
        assert outcome.status == 200, (text, outcome)
        assert outcome.error is None, (text, outcome)
        assert outcome.seconds < 3
        return outcome.text or ""

    def cards(self, channel: str | None = None) -> list[Message]:
        """The cards in a channel."""
        found = self.slack.messages(channel or self.channel)
        return [one for one in found if (one.now.metadata or {}).get("event_type") == "mx_incident"]

    def text(self, message: Message) -> str:
        """A message as a person reads it."""
        return "\n".join(render(message, width=10_000))

    async def card(self, *words: str, without: tuple[str, ...] = (), channel: str | None = None) -> Message:
        """The one card, once it shows these words and none of the others."""

        def look() -> Message | None:
            cards = self.cards(channel)
            assert len(cards) <= 1, "there is a second card"
            shown = self.text(cards[0]) if cards else ""
            good = all(word in shown for word in words) and not any(word in shown for word in without)
            return cards[0] if cards and good else None

        try:
            found = await self.slack.until(look, timeout_s=PATIENCE_S, what=f"a card with {words}")
        except TimeoutError:
            shown = [self.text(card) for card in self.cards(channel)]
            raise AssertionError(f"no card with {words} and without {without}; there is: {shown}") from None
        assert found is not None
        return found

    async def heard(self, words: str, *, user: str | None = None, channel: str | None = None) -> str:
        """What this person was told privately, once it has these words."""
        who, where = user or self.ann, channel or self.channel

        def look() -> str | None:
            texts = [self.text(message) for message in self.slack.ephemerals(who, where)]
            return next((text for text in texts if words in text), None)

        found = await self.slack.until(look, timeout_s=PATIENCE_S, what=f"{words!r} to be told privately")
        assert found is not None
        return found

    async def press(
        self,
        label: str,
        *,
        user: str | None = None,
        values: Mapping[str, str] | None = None,
        shows: str = "",
        send: bool = True,
    ) -> View:
        """Click this button of the card and send in the dialog that it opens, which shows these words; the dialog."""
        who = user or self.ann
        (card,) = self.cards()
        click = await self.slack.click(who, self.channel, card.ts, label)
        assert (click.status, click.error) == (200, None), (label, click)
        dialog = await self.slack.dialog(who)
        text = "\n".join(render_view(dialog, width=10_000))
        assert shows in text, text
        if send:
            sent = await self.slack.submit_view(who, dialog.id, values)
            assert (sent.error, dict(sent.errors), sent.view) == (None, {}, None), (
                label,
                sent,
                sent.view and render_view(sent.view),
            )
        return dialog

    async def policy(self) -> dict[str, object]:
        """What the gateway does now."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.get(f"{self.gateway_url}/-/policy", headers=headers) as answer:
            found: dict[str, object] = await answer.json()
            return found

    async def until(self, look: Callable[[], Seen], what: str) -> Seen:
        """Wait in real time until ``look()`` is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not (seen := look()):  # noqa: ASYNC110 - the stand-ins that are looked at tell nobody of a change
                await asyncio.sleep(0.05)
        return seen

    def work_goes_on(self) -> None:
        """Somebody at the plant makes a work order: traffic by which recovery can be judged."""
        self.maintainx.rows.add("/workorders", {"title": "Leak under Filler 3"})

    async def recovered(self) -> None:
        """Wait until the integration has forgotten what was held back and says that it is well."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.http.get(self.env["INTEGRATION_HEALTH_URL"]) as answer:
                    if answer.ok:
                        return
                await asyncio.sleep(0.05)

    async def facts(self) -> tuple[Event, ...]:
        """The whole timeline, read by another process's eyes."""
        async with self._timeline() as timeline:
            return await timeline.since(0)

    async def incident(self) -> Incident:
        """The latest incident."""
        async with self._timeline() as timeline:
            found = (await timeline.book()).latest()
        assert found is not None
        return found

    def _timeline(self) -> AbstractAsyncContextManager[Timeline]:
        return Timeline.open(self.folder / "mx.db", clock=self.clock, scrub=str)

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[None]:
        """The gateway's process, for as long as the block runs."""
        loaded = config.load(env=self.env, folder=self.folder)
        settings = loaded.gateway.model_copy(update={"host": "127.0.0.1", "port": 0, "drain_s": 0.5})
        heard: asyncio.Queue[str] = asyncio.Queue()
        async with _until_left(
            lambda stop: serve_gateway(
                settings, clock=self.clock, stop=stop, ready=heard.put_nowait, key=loaded.gateway_key
            )
        ):
            self.gateway_url = await asyncio.wait_for(heard.get(), PATIENCE_S)
            self.env["MX_GATEWAY_URL"] = self.gateway_url
            yield

    @asynccontextmanager
    async def bot(self, *, ready: bool = True) -> AsyncIterator[None]:
        """The bot's process, for as long as the block runs; ``ready``: wait until /readyz is content."""
        settings = config.load(needs_slack=True, env=self.env, folder=self.folder)
        heard: asyncio.Queue[str] = asyncio.Queue()
        async with _until_left(
            lambda stop: app.serve(
                settings, clock=self.clock, stop=stop, ready=heard.put_nowait, host="127.0.0.1"
            )
        ):
            self.url = await asyncio.wait_for(heard.get(), PATIENCE_S)
            if "SLACK_SIGNING_SECRET" in self.env:
                self.slack.request_url = f"{self.url}/slack/events"
            if ready:
                await self.readiness(200)
            yield

    async def readiness(self, expected: int) -> str:
        """Wait until /readyz answers so; what it says."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with self.http.get(f"{self.url}/readyz") as answer:
                    text = await answer.text()
                    if answer.status == expected:
                        return text
                await asyncio.sleep(0.05)


def configure(folder: Path, *, bot: str = "online_urls = []", integration: str = "watch = false") -> None:
    """Write mx.toml: unless a story says otherwise, only what a person asks about is looked at, and nobody outside."""
    # Stories begin at the machine's time of day: a summary would come in some of them, by the hour at which they run.
    quiet = "" if "summary_at" in bot else 'summary_at = "off"\n'
    (folder / "mx.toml").write_text(f"[bot]\n{quiet}{bot}\n[integrations.default]\n{integration}\n", "utf-8")


@asynccontextmanager
async def started(
    folder: Path,
    *,
    bot_member: bool = True,
    own_channel: bool = True,
    limits: Limits | None = None,
    user_limit: int = 1000,
    clock: QuickClock | None = None,
) -> AsyncIterator[World]:
    """Everything but the bot and the gateway, which a story starts and stops as it needs.

    ``user_limit``: requests that MaintainX takes of a key within a real minute, in which a wound night has hours.
    """
    configure(folder)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        slack = await enter(SlackWorkspace.start(limits=limits or Limits(rates=False)))
        # Without rate headers, as people have seen it live: a "new window in 60 s" would hold the gateway back as long.
        clock = clock or QuickClock()
        maintainx = await enter(
            FakeMaintainX.start(
                key=KEY,
                user_limit=user_limit,
                organisation_limit=5 * user_limit,
                rate_headers=False,
                now=clock.now,
            )
        )
        page = await enter(FakeStatusPage.start())
        ann, ben = slack.add_user("Ann"), slack.add_user("Ben")
        channel = slack.create_channel("incidents", [ann, ben], bot_member=bot_member)
        env = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_SIGNING_SECRET": slack.signing_secret,
            "SLACK_API_URL": slack.api_url,
            "PORT": "0",
            "MX_GATEWAY_TOKEN": TOKEN,
            "MAINTAINX_API_KEY": KEY,
            "MAINTAINX_BASE_URL": maintainx.base_url,
            "MX_STATUS_URL": page.url,
        }
        if own_channel:
            env["MX_INCIDENT_CHANNEL"] = channel
        http = await enter(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        yield World(folder, slack, maintainx, clock, env, channel, ann, ben, http)


@asynccontextmanager
async def whole(folder: Path, **changes: bool) -> AsyncIterator[World]:
    """Everything, running: the integration's jobs go through the gateway, and the bot is ready."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(started(folder, **changes))  # type: ignore[arg-type] # its flags
        await stack.enter_async_context(world.gateway())
        integration = await stack.enter_async_context(
            FakeIntegration.start(base_url=f"{world.gateway_url}/v1", key=KEY, jobs=JOBS, retries=0)
        )
        world.env["INTEGRATION_HEALTH_URL"] = integration.health_url
        await stack.enter_async_context(world.bot())
        yield world


@asynccontextmanager
async def _until_left(run: Callable[[asyncio.Event], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    stop = asyncio.Event()
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as group:
        group.create_task(run(stop))
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - raised again outside the group, which would wrap it
            failure = error
        finally:
            stop.set()
    if failure is not None:
        raise failure
