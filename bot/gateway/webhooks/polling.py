"""Polling: where webhooks do not come, MaintainX is asked what changed since a watermark, and that is delivered.

The watermark is kept on the disk and moves after the last page of a round alone, to the newest change that was seen;
each round begins some minutes before it. What was told already is not told again.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from pydantic import JsonValue

from bot.errors import StoreError
from bot.gateway.asking import Asking
from bot.gateway.feed import GATEWAY, report
from bot.gateway.pausing import until
from bot.gateway.upstream import Lost
from bot.gateway.webhooks import changes
from bot.gateway.webhooks.changes import BLIND_SPOTS, COLLECTIONS, Collection
from bot.gateway.webhooks.inbox import Inbox
from bot.gateway.webhooks.settings import WebhookSettings
from bot.journal.sqlite import Database, Transaction
from bot.ports import Clock

LANE = "poll"
"""The lane of the gateway's own questions for changes."""
_GONE_FOR = timedelta(hours=24)
"""How long ago the last webhook may have come for the search to begin there."""


class Polling:
    """Asks while it is switched on. ``run`` is started once."""

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        asking: Asking,
        *,
        settings: WebhookSettings,
        organisation: str,
        clock: Clock,
        log: logging.Logger,
    ) -> None:
        self.found = 0
        """Changes that were delivered, since the start."""
        self._database = database
        self._inbox = inbox
        self._asking = asking
        self._settings = settings
        self._organisation = organisation
        self._clock = clock
        self._log = log
        self._on = False
        self._changed = asyncio.Event()
        self._marks: dict[str, datetime] = {}
        self._says = ""
        self._asked_at: datetime | None = None
        """When a round last reached its end, every page of it."""
        self._told_refused = False

    async def load(self) -> None:
        """Take up the watermarks that were kept. Raises StoreError."""
        rows = await self._database.read("SELECT collection, at FROM watermark")
        self._marks = {str(path): datetime.fromisoformat(at) for path, at in rows}

    def switch(self, *, on: bool) -> None:
        """Leases have changed."""
        if on != self._on:
            self._on = on
            self._changed.set()

    async def run(self) -> None:
        """Ask round by round while it is on, for ever."""
        while True:
            self._changed.clear()
            if not self._on and not self._marks:
                await self._changed.wait()
                continue
            try:
                await (self._round() if self._on else self._end())
            except StoreError as error:
                self._says = str(error)
                self._log.error("polling for changes: %s", error)
            if self._on or self._marks:
                await until(self._clock, self._settings.poll_every_s, self._changed)

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        return {
            "on": self._on,
            "watermark": {path: at.isoformat() for path, at in self._marks.items()},
            "found": self.found,
            "asked_at": self._asked_at.isoformat() if self._on and self._asked_at else None,
            "says": self._says if self._on else "",
            "blind_spots": list(BLIND_SPOTS) if self._on else [],
        }

    async def _round(self) -> None:
        await self._begin()
        if not self._asking.has_key:
            self._says = "the gateway has no MaintainX key to ask with; set MAINTAINX_API_KEY or MAINTAINX_API_KEY_FILE for it"
            return
        self._says = ""
        for path in self._settings.poll_paths:
            trouble = await self._walk(COLLECTIONS[path])
            self._says = trouble or self._says
        if self._on and not self._says:
            self._asked_at = self._clock.now()

    async def _begin(self) -> None:
        """A first watermark for what has none: now, or where the webhooks stopped."""
        missing = [path for path in self._settings.poll_paths if path not in self._marks]
        if not missing:
            return
        now, last = self._clock.now(), self._inbox.last_received
        since = last if last is not None and now - last <= _GONE_FOR else now
        says = (
            f"{' and '.join(missing)}: changes since {since:%Y-%m-%d %H:%M} UTC are asked for every "
            f"{self._settings.poll_every_s:g} s and delivered; comments and deletes do not show that way"
        )
        async with self._database.write() as tx:
            await report(tx, now, actor=GATEWAY, what="polling_started", says=says)
            await self._mark(tx, dict.fromkeys(missing, since))
        self._marks |= dict.fromkeys(missing, since)

    async def _end(self) -> None:
        """Forget the watermarks: the next time begins where the webhooks have stopped then."""
        says = "changes are no longer asked for: MaintainX's webhooks are waited for"
        async with self._database.write() as tx:
            await tx.execute("DELETE FROM watermark")
            await report(tx, self._clock.now(), actor=GATEWAY, what="polling_ended", says=says)
        self._marks, self._asked_at = {}, None

    async def _walk(self, collection: Collection) -> str:
        """Every page of what changed; what was in the way, empty where nothing was."""
        mark = newest = self._marks[collection.path]
        since = mark - timedelta(seconds=self._settings.overlap_s)
        cursor, seen = None, set[str]()
        while self._on:
            if self._inbox.full:
                return "the inbox is full; polling goes on when some of it is delivered or dropped"
            found = await self._page(collection, since, cursor)
            if isinstance(found, str):
                return found
            await self._deliver(collection, found, since)
            newest = max([newest, *(datetime.fromisoformat(row.at) for row in found.rows)])
            if found.cursor is None:
                self._marks[collection.path] = max(mark, min(newest, self._clock.now()))
                async with self._database.write() as tx:
                    await self._mark(tx, self._marks)
                return ""
            if found.cursor in seen:
                return (
                    f"MaintainX's pages of {collection.path} go round in circles; the next round tries again"
                )
            cursor = found.cursor
            seen.add(cursor)
        return ""

    async def _page(self, collection: Collection, since: datetime, cursor: str | None) -> changes.Page | str:
        target = changes.target(collection, since=since, cursor=cursor)
        turn = await self._asking.turn(lane=LANE, organisation=self._organisation)
        try:
            answered = await self._asking.ask("GET", target, turn=turn, organisation=self._organisation)
        except Lost as lost:
            return f"{lost}; the next round tries again"
        if answered.status == HTTPStatus.UNAUTHORIZED:
            await self._tell_refused()
            return "MaintainX refuses the gateway's key (401); put the new key in place"
        self._told_refused = False
        if answered.status != HTTPStatus.OK:
            return f"MaintainX answered {answered.status} to {collection.path}; the next round tries again"
        read = changes.page(collection, answered.body) if answered.whole else None
        return (
            read
            or f"MaintainX's answer about {collection.path} is not a whole list; the next round tries again"
        )

    async def _deliver(self, collection: Collection, page: changes.Page, since: datetime) -> None:
        if not page.rows:
            return
        told = await self._inbox.told([row.entity for row in page.rows])
        secret = self._inbox.signed_with.get(
            collection.changed, self._inbox.signed_with.get(collection.created, 0)
        )
        found = [
            changes.delivery(
                collection,
                row,
                since=since.isoformat(timespec="milliseconds"),
                told=told.get(row.entity, set()),
                organisation=self._organisation,
                now=self._clock.now(),
                signed_with=secret,
            )
            for row in page.rows
        ]
        news = [new for new in found if new is not None]
        if news:
            self.found += await self._inbox.take_polled(news)

    async def _mark(self, tx: Transaction, marks: Mapping[str, datetime]) -> None:
        for path, at in marks.items():
            await tx.execute(
                "INSERT OR REPLACE INTO watermark (collection, at) VALUES (?, ?)", (path, at.isoformat())
            )

    async def _tell_refused(self) -> None:
        if not self._told_refused:
            says = "MaintainX refuses the gateway's key (401), so changes are not polled; put the new key in place"
            await self._inbox.tell("polling_refused", says)
            self._told_refused = True
