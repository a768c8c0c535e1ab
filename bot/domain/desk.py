"""An integration's desk: what is asked and told of it that belongs to no incident. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.asked import unanswered
from bot.domain.drilling import DrillFinished, DrillRequested, DrillStarted
from bot.domain.events import Event, TriageFinished, TriageRequested, desk
from bot.domain.showing import DeliveryFailed
from bot.domain.watching import RecoveryChecked, VendorReported, VerifyRequested, WatchMoved

STREAM = desk("")
"""With what the stream of every desk begins."""

_CHANGES = 20
"""So many changes at MaintainX a desk remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An integration's requests that belong to no incident."""

    integration: str
    version: int = 0
    triages_pending: tuple[Event, ...] = ()
    verifies_pending: tuple[Event, ...] = ()
    drills_pending: tuple[Event, ...] = ()
    """Drills that were asked for and are not over, oldest first."""
    drill: DrillStarted | None = None
    """The one that runs."""
    delivery_failed: DeliveryFailed | None = None
    """The latest answer that could not be shown, until one was."""
    changes: tuple[Event, ...] = ()
    """The latest changes at MaintainX that its audit webhooks told, oldest first."""
    watch: WatchMoved | None = None
    """The latest change of the monitor's rounds while no incident was open."""
    watch_at: datetime | None = None
    """When that was written down."""


def at_desk(was: Desk | None, event: Event) -> Desk:  # noqa: PLR0911 - one case per kind of fact
    """The desk after one more event; it holds requests only, so what else is said there just counts."""
    was = was or Desk(integration=event.stream.removeprefix(STREAM))
    match event.fact:
        case TriageRequested():
            return replace(was, version=event.version, triages_pending=(*was.triages_pending, event))
        case TriageFinished(request=request):
            pending = unanswered(was.triages_pending, request)
            return replace(was, version=event.version, triages_pending=pending, delivery_failed=None)
        case VerifyRequested():
            return replace(was, version=event.version, verifies_pending=(*was.verifies_pending, event))
        case RecoveryChecked(request=request):
            waiting = unanswered(was.verifies_pending, request or "")
            return replace(was, version=event.version, verifies_pending=waiting)
        case DrillRequested():
            return replace(was, version=event.version, drills_pending=(*was.drills_pending, event))
        case DrillStarted() as drill:
            return replace(was, version=event.version, drill=drill)
        case DrillFinished(request=request):
            others = unanswered(was.drills_pending, request)
            runs = was.drill if was.drill and was.drill.request != request else None
            return replace(was, version=event.version, drills_pending=others, drill=runs)
        case DeliveryFailed() as failed:
            return replace(was, version=event.version, delivery_failed=failed)
        case VendorReported():
            return replace(was, version=event.version, changes=(*was.changes[1 - _CHANGES :], event))
        case WatchMoved() as moved:
            return replace(was, version=event.version, watch=moved, watch_at=event.at)
        case _:
            return replace(was, version=event.version)
