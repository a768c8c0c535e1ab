"""The follower of the daily summaries: at its hour each incident that stays open is summed up on the timeline, once a day.

It keeps no timer: what is due is worked out from the fold and the time at every look, and each day has its key. So a
restart forgets nothing, and two processes write nothing twice.
"""

from datetime import time
from zoneinfo import ZoneInfo

from bot.domain.events import Draft
from bot.domain.summary import due_day, key, summed
from bot.ports import Clock
from bot.timeline import Timeline

LOOK_S = 20.0
ACTOR = "mx"


class DaySums:
    """Looks at every open incident, three times a minute. ``at`` None: there are no summaries."""

    def __init__(self, timeline: Timeline, clock: Clock, *, at: time | None, zone: ZoneInfo) -> None:
        self._timeline = timeline
        self._clock = clock
        self._at = at
        self._zone = zone

    async def follow(self) -> None:
        """Look for ever; started by the composition root in the leader. Raises StoreError."""
        while True:
            await self.step()
            await self._clock.sleep(LOOK_S)

    async def step(self) -> None:
        """Write down what is due."""
        if self._at is None:
            return
        for incident in (await self._timeline.book()).open_incidents():
            now = self._clock.now()
            day = due_day(incident, at=self._at, zone=self._zone, now=now)
            if day is None:
                continue
            history = await self._timeline.history(incident.id)
            fact = summed(incident, history, day=day, zone=self._zone, now=now)
            await self._timeline.append(
                Draft(stream=incident.id, actor=ACTOR, at=now, fact=fact, key=key(incident, day))
            )
