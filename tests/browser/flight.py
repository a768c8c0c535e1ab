"""A pilot in front of the simulator's page: a world, its page, and what somebody does with mouse and keys."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from bot.demo.cockpit import page_of
from bot.demo.world import Plan, World, start_world

PATIENCE_MS = 20_000
CARD = "Enable emergency rate limit"


@dataclass
class Flight:
    """The page of a world."""

    world: World
    page: Page
    url: str

    @property
    def composer(self) -> Locator:
        """Where one types in the channel."""
        return self.page.locator("#composer")

    @property
    def dialog(self) -> Locator:
        """The modal on top."""
        return self.page.locator("dialog.modal")

    async def open(self) -> None:
        """Load the page and wait until it follows the workspace."""
        await self.page.goto(self.url)
        await expect(self.page.get_by_role("heading", name="#maintainx-incidents")).to_be_visible()

    async def type(self, text: str) -> None:
        """Type a line and send it by Enter."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    async def triage(self) -> Locator:
        """Ask for a triage; the card."""
        await self.type("/mx triage")
        card = self.page.locator("article").filter(has=self.page.get_by_role("button", name="Acknowledge"))
        await expect(card).to_be_visible(timeout=PATIENCE_MS)
        stamp = await card.get_attribute("data-ts")  # its buttons change, its place does not
        return self.page.locator(f'article[data-ts="{stamp}"]')

    async def says(self, text: str, *, within_ms: int = PATIENCE_MS) -> None:
        """Wait until a message of the channel says so."""
        await expect(self.page.locator("article").filter(has_text=text).last).to_be_visible(timeout=within_ms)

    async def well(self) -> None:
        """Wait until the integration's own health page is content again."""
        async with asyncio.timeout(20):
            while self.world.integration.health()[0] != 200:  # noqa: ASYNC110 - the stand-in tells nobody
                await asyncio.sleep(0.1)


@asynccontextmanager
async def flying(page: Page, plan: Plan | None = None) -> AsyncIterator[Flight]:
    """A world and its page, loaded."""
    async with start_world(plan or Plan(host=True)) as world, page_of(world) as url:
        flight = Flight(world, page, url)
        await flight.open()
        yield flight
