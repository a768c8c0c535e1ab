"""The follower of the clocks: reminds before and at a response deadline, asks whoever has it, lets silence lapse, ends quiet.

It keeps no timer: what is due is worked out from the fold and the time at every look, so a restart forgets nothing
and tells nothing twice.
"""

from datetime import datetime

from bot.domain.events import Draft, Event
from bot.domain.incident import Incident
from bot.domain.reminders import Due, Duty, due_now
from bot.errors import Conflict
from bot.ports import Clock
from bot.timeline import Timeline

LOOK_S = 2.0
ACTOR = "mx"
_AT_ONCE = 4
"""Facts of one incident that one look brings about: the end of quiet, then what was held back by it."""


class Clocks:
    """Looks at every open incident, each few seconds."""

    def __init__(self, timeline: Timeline, clock: Clock, *, duty: Duty) -> None:
        self._timeline = timeline
        self._clock = clock
        self._duty = duty

    async def follow(self) -> None:
        """Look for ever; started by the composition root in the leader. Raises StoreError."""
        while True:
            await self.step()
            await self._clock.sleep(LOOK_S)

    async def step(self) -> None:
        """Write down what is due."""
        for incident in (await self._timeline.book()).open_incidents():
            now, known = self._clock.now(), incident
            for _ in range(_AT_ONCE):
                due = due_now(known, self._duty, now=now)
                if due is None or await self._write(known, due, at=now) is None:
                    break
                found = (await self._timeline.book()).incident(known.id)
                assert found is not None
                known = found

    async def _write(self, incident: Incident, due: Due, *, at: datetime) -> Event | None:
        """The fact as it stands; None where something else happened first: what is due is worked out anew then."""
        draft = Draft(
            stream=incident.id, actor=ACTOR, at=at, fact=due.fact, key=due.key, expect=incident.version
        )
        try:
            (event,) = await self._timeline.append(draft)
        except Conflict:
            return None
        return event
