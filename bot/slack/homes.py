"""The follower that keeps App Home true for everybody who had it open lately; whoever opens it has it within a second.

Who opened it stands beside the timeline, as any process of the bot may hear of it and only the leader publishes, and
so that a restart goes on with the same people. What they were shown is not kept: after a restart each gets it once.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.domain.reminders import Duty
from bot.domain.telling import moment
from bot.gateway_watch import Watch
from bot.page_links import PageLinks
from bot.ports import Clock
from bot.slack import homeview
from bot.slack.api import SlackApi, SlackError
from bot.slack.homeview import Board
from bot.slack.members import Members
from bot.slack.modals import View
from bot.slack.replies import Replies
from bot.timeline import Timeline

LOOK_S = 0.5
PEOPLE = 50
"""So many are kept true, those who opened it last."""
LATELY = timedelta(hours=24)
_SPACE_S = 0.7
"""Slack takes 100 publications a minute of an app; with many people each one's comes so much more rarely."""
_AT_LEAST_S = 2.0
"""What happens within that is shown by the next publication."""
_AT_ONCE = 10
_DRAW_S = 10.0
"""How old what was drawn may be while the timeline stands still: ages and the gateway's buffer move all the same."""
_LONGEST_WAIT_S = 60.0
_NOTE = "home:"


@dataclass(slots=True)
class _Shown:
    """What is known of one person's tab."""

    opened: str = ""
    digest: str = ""
    not_before: float = 0.0
    wait_s: float = _AT_LEAST_S


class Homes:
    """Publishes App Home. Slack being down loses nothing: the last state is published once it answers again."""

    def __init__(
        self,
        timeline: Timeline,
        api: SlackApi,
        replies: Replies,
        members: Members,
        *,
        watch: Watch,
        integrations: Mapping[str, Integration],
        clock: Clock,
        duty: Duty,
        pages: PageLinks,
        link: Callable[[Incident], str | None],
        titles: Mapping[str, str],
    ) -> None:
        self._timeline = timeline
        self._api = api
        self._replies = replies
        self._members = members
        self._watch = watch
        self._integrations = integrations
        self._clock = clock
        self._duty = duty
        self._pages = pages
        self._link = link
        self._titles = titles
        self._shown: dict[str, _Shown] = {}
        self._drawn = ("", "")
        """The digest of what is shown now, and since when it has been so."""
        self._latest: tuple[int, float, View] | None = None
        """What was drawn last, of which head of the timeline and when."""
        self._log = structlog.get_logger("mx.slack.home")

    async def opened(self, user: str, *, bare: bool = False) -> None:
        """Somebody opened the tab; ``bare``: Slack has nothing to show them. Raises StoreError."""
        at = self._clock.now().isoformat(timespec="microseconds")
        await self._replies.note(_NOTE + user, json.dumps({"at": at, "bare": bare}))

    async def follow(self) -> None:
        """Keep every tab true, for ever; started by the composition root in the leader. Raises StoreError."""
        self._shown = {}  # while another process led, it published
        while True:
            await self.step()
            head = (await self._timeline.book()).head.seq
            await self._timeline.changed(head, timeout_s=LOOK_S)
            await self._clock.sleep(LOOK_S / 5)

    async def step(self) -> int:
        """Publish what is due; how many people are kept true."""
        people = await self._people()
        full = await self._full() if people else {}
        digest = _digest(full)
        due = [user for user in people if self._due(user, digest)]
        for user in due[:_AT_ONCE]:
            await self._publish(user, full, digest, people=len(people))
        return len(people)

    async def _people(self) -> tuple[str, ...]:
        """Who opened it lately, the latest first; the others are forgotten."""
        noted = await self._replies.all_shown(_NOTE)
        known = {name.removeprefix(_NOTE): json.loads(value) for name, value in noted.items()}
        oldest = (self._clock.now() - LATELY).isoformat(timespec="microseconds")
        latest = sorted(known, key=lambda user: str(known[user]["at"]), reverse=True)
        kept = tuple(user for user in latest[:PEOPLE] if known[user]["at"] > oldest)
        if gone := [_NOTE + user for user in latest if user not in kept]:
            await self._replies.forget(gone)
        self._shown = {user: self._shown.get(user) or _Shown() for user in kept}
        for user, shown in self._shown.items():
            if shown.opened != known[user]["at"]:
                shown.opened, shown.not_before = known[user]["at"], 0.0
                if known[user]["bare"]:
                    shown.digest = ""
        return kept

    def _due(self, user: str, digest: str) -> bool:
        shown = self._shown[user]
        return shown.digest != digest and self._clock.monotonic() >= shown.not_before

    async def _full(self) -> View:
        book, at = await self._timeline.book(), self._clock.monotonic()
        known = self._latest
        if known is not None and known[0] == book.head.seq and at - known[1] < _DRAW_S:
            return known[2]
        now = self._clock.now()
        board = Board(
            book,
            self._integrations,
            self._duty,
            now,
            look=self._watch.latest(self._watch.integration),
            link=self._link,
            titles=self._titles,
            page=lambda incident: self._pages.incident(incident.id),
            all_pages=self._pages.list(),
        )
        digest = _digest(homeview.home(board, drawn=""))
        if digest != self._drawn[0]:
            self._drawn = (digest, _of(now, self._duty))
        view = homeview.home(board, drawn=self._drawn[1])
        self._latest = (book.head.seq, at, view)
        return view

    async def _publish(self, user: str, full: View, digest: str, *, people: int) -> None:
        shown = self._shown[user]
        try:
            outsider = await self._members.outsider(user)
            view = full
            if outsider is not None:
                view = homeview.plain(outsider, self._members.authority, self._channels())
            await self._api.call(
                "views.publish",
                {"user_id": user, "view": view},
                doing=f"publishing App Home of {user}",
                again=True,
            )
        except SlackError as error:
            self._log.warning("home not published", user=user, because=str(error))
            shown.wait_s = min(shown.wait_s * 2, _LONGEST_WAIT_S)
            wait_s = error.wait_s if error.wait_s is not None else shown.wait_s
            shown.not_before = self._clock.monotonic() + wait_s
            return
        shown.digest, shown.wait_s = digest, _AT_LEAST_S
        shown.not_before = self._clock.monotonic() + max(_AT_LEAST_S, people * _SPACE_S)

    def _channels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.channel for one in self._integrations.values() if one.channel))


def _of(now: datetime, duty: Duty) -> str:
    return f"{moment(now, duty.zone, beside=now)}, {now.astimezone(duty.zone):%d %b}"


def _digest(view: View) -> str:
    return hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()[:16]
