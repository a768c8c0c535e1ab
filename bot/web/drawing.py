"""The picture of an incident for its page, from what is kept of its lanes and from the timeline."""

from collections.abc import Sequence

import structlog

from bot.domain.events import Event
from bot.domain.incident import Incident
from bot.domain.reminders import Duty
from bot.errors import StoreError
from bot.lanes import Lanes
from bot.picture import picture_of, svg
from bot.ports import Clock
from bot.templating import Templates
from bot.web.people import People


class Drawing:
    """Draws it as SVG. Without kept lanes it has less detail, and is never missing for that."""

    def __init__(
        self, lanes: Lanes, templates: Templates, clock: Clock, *, duty: Duty, people: People
    ) -> None:
        self._lanes = lanes
        self._templates = templates
        self._clock = clock
        self._zone = duty.zone
        self._people = people
        self._log = structlog.get_logger("mx.web")

    async def __call__(self, incident: Incident, history: Sequence[Event]) -> str:
        try:
            kept = await self._lanes.of(incident.id)
        except StoreError as error:
            self._log.warning("lanes not read for the picture", incident=incident.id, because=str(error))
            kept = None
        found = picture_of(
            incident,
            history,
            lane=kept.lane if kept else None,
            zone=self._zone,
            now=self._clock.now(),
            names=self._people.who,
        )
        return svg(found, self._templates).text
