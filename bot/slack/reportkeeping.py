"""Keeps posted reports true: what people make of the action items, or redact, is edited into the message and the canvas."""

import hashlib

import structlog

from bot.domain.incident import Incident
from bot.ports import Clock
from bot.slack.api import AWAY, SlackError
from bot.slack.canvas import Canvases
from bot.slack.chat import SlackChat
from bot.slack.replies import Replies
from bot.slack.reportmaking import Maker
from bot.timeline import Timeline

_BACK = 2000
"""So many facts back a started process looks for what no message shows yet."""
_WAIT_S = 5.0


class ReportKeeper:
    """Edits the latest report of each incident; a message that is gone is left alone."""

    def __init__(
        self,
        timeline: Timeline,
        chat: SlackChat,
        replies: Replies,
        canvases: Canvases,
        *,
        clock: Clock,
        maker: Maker,
    ) -> None:
        self._timeline = timeline
        self._chat = chat
        self._replies = replies
        self._canvases = canvases
        self._clock = clock
        self._maker = maker
        self._seen: int | None = None
        self._not_before = 0.0
        self._log = structlog.get_logger("mx.slack.reporting")

    async def posted(self, incident: Incident) -> None:
        """Note that this incident's latest report shows it as it is here. Raises StoreError."""
        await self._replies.note(_name(incident), _print(incident))

    async def step(self) -> int:
        """Edit what is behind; how many are still to be edited. Raises StoreError."""
        if self._clock.monotonic() < self._not_before:
            return 1
        book = await self._timeline.book()
        after = max(0, book.head.seq - _BACK) if self._seen is None else self._seen
        left = 0
        for found in book.moved(after):
            last = found.report
            if last is None or last.version is None or last.channel is None or last.message is None:
                continue
            if await self._replies.shown(_name(found)) == _print(found):
                continue
            try:
                view, text = await self._maker.again(found, last)
                await self._chat.update(last.channel, last.message, view)
                if last.canvas is not None:
                    await self._canvases.rewrite(last.canvas, text)
            except SlackError as error:
                self._log.warning("report not kept true", incident=found.id, because=str(error))
                if error.code in AWAY or not error.permanent:
                    self._not_before = self._clock.monotonic() + (error.wait_s or _WAIT_S)
                    left += 1
                    continue
            await self.posted(found)
        if not left:
            self._seen = book.head.seq
        return left


def _name(incident: Incident) -> str:
    return f"report:{incident.id}"


def _print(incident: Incident) -> str:
    """A fingerprint of what the message shows that may change after it was posted."""
    last = incident.report.request if incident.report else ""
    seen = repr((last, incident.notebook.items, sorted(incident.redacted)))
    return hashlib.sha256(seen.encode()).hexdigest()[:16]
