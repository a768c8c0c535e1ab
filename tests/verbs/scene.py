"""An open incident, own playbooks and a gateway's admin side, for the verbs that act."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.clock import SystemClock
from bot.domain import events as e
from bot.domain.incident import Incident
from bot.domain.run import Run
from bot.scrub import Scrubber
from bot.timeline import Timeline
from tests.gateway_standin import TOKEN, GatewayStandIn

INCIDENT = "mx-20261123-7f3a"
HEAD = 'name = "{name}"\ntitle = "T of {name}"\nbutton = "B"\nfits = ["rate-limited"]\nwhen = "Ever."\n'
GATEWAY = '[[steps]]\nkind = "gateway"\ntitle = "Slow down"\nrate_per_s = {rate}\nttl_s = 600\n'
VERIFY = '[[steps]]\nkind = "verify-traffic"\ntitle = "See"\nanswered = 1\nwithin_s = 5\n'


class Scene:
    """What a test sets up and looks at."""

    def __init__(self, folder: Path, gateway: GatewayStandIn) -> None:
        self.folder = folder
        self.gateway = gateway
        self.env = {
            "MX_GATEWAY_URL": gateway.url,
            "MX_GATEWAY_TOKEN": TOKEN,
            "NO_PROXY": "127.0.0.1",
        }

    def playbook(self, name: str, *steps: str, head: str = "") -> None:
        """A playbook of the team's own."""
        own = self.folder / "playbooks"
        own.mkdir(exist_ok=True)
        (own / f"{name}.toml").write_text(HEAD.format(name=name) + head + "".join(steps), "utf-8")

    @asynccontextmanager
    async def timeline(self) -> AsyncIterator[Timeline]:
        """The timeline of the incident."""
        async with Timeline.open(self.folder / "mx.db", clock=SystemClock(), scrub=Scrubber()) as timeline:
            yield timeline

    async def write(self, *facts: e.AnyFact, actor: str = "mx") -> None:
        """Append to the incident."""
        async with self.timeline() as timeline:
            at = SystemClock().now()
            await timeline.append(
                *(e.Draft(stream=INCIDENT, actor=actor, at=at, fact=fact) for fact in facts)
            )

    async def incident(self) -> Incident:
        """The incident as it is now."""
        async with self.timeline() as timeline:
            found = (await timeline.book()).incident(INCIDENT)
        assert found is not None
        return found

    async def runs(self) -> tuple[Run, ...]:
        """Its runs, in order."""
        return (await self.incident()).runs

    async def facts(self) -> int:
        """How many facts there are."""
        async with self.timeline() as timeline:
            return (await timeline.book()).head.seq


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """One open incident, and traffic without 429 that passes the gateway all the time."""
    async with GatewayStandIn(SystemClock()).serve() as gateway, asyncio.TaskGroup() as group:

        async def traffic() -> None:
            with contextlib.suppress(asyncio.CancelledError):
                while True:
                    gateway.traffic(200)
                    await asyncio.sleep(0.1)

        passing = group.create_task(traffic())
        made = Scene(folder, gateway)
        at = SystemClock().now()
        await made.write(
            e.IncidentOpened(
                integration="default", request="r1", requested_by="cli:me@here", requested_at=at, channel=None
            )
        )
        yield made
        passing.cancel()
