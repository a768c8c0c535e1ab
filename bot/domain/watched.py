"""The fold of what the watch writes down: gaps, the vendor's changes, the proof of recovery. Pure."""

from collections.abc import Iterable
from typing import assert_never

from bot.domain.change import Change
from bot.domain.changed import changed
from bot.domain.events import Event
from bot.domain.gap import ClosedGap, Gap, GapEnd
from bot.domain.gap import after as gaps_after
from bot.domain.incident import Checked, Incident
from bot.domain.watching import (
    AnyWatching,
    GapsAccepted,
    GapsOpened,
    RecoveryChecked,
    VendorReported,
    VerifyRequested,
    WatchMoved,
)


def watched(was: Incident, event: Event, fact: AnyWatching, version: int) -> Incident:
    """The incident after one more of these facts."""
    match fact:
        case GapsOpened():
            return changed(was, version=version, gaps=gaps_after(was.gaps, fact.gaps, ()))
        case GapsAccepted():
            left = tuple(gap for gap in was.gaps if gap.id not in fact.gaps)
            taken = tuple(
                ClosedGap(gap, event.at, event.actor, "accepted", fact.reason)
                for gap in was.gaps
                if gap.id in fact.gaps
            )
            return changed(was, version=version, gaps=left, closed_gaps=(*was.closed_gaps, *taken))
        case VendorReported():
            change = Change(event.at, fact.event, fact.says, fact.delivery)
            return changed(was, version=version, changes=(*was.changes, change))
        case VerifyRequested():
            return changed(was, version=version, verifies_pending=(*was.verifies_pending, event))
        case RecoveryChecked():
            pending = tuple(
                one
                for one in was.verifies_pending
                if not (isinstance(one.fact, VerifyRequested) and one.fact.request == fact.request)
            )
            return changed(was, version=version, recovery=Checked(event.at, fact), verifies_pending=pending)
        case WatchMoved():
            return changed(was, version=version, watch=fact, watch_at=event.at)
        case _:
            assert_never(fact)


def filled(gaps: tuple[Gap, ...], event: Event, settled: Iterable[GapEnd]) -> tuple[ClosedGap, ...]:
    """Which of the open gaps this look closed, with what it counted."""
    says = {end.gap: end.says for end in settled if end.closed}
    return tuple(
        ClosedGap(gap, event.at, event.actor, "filled", says[gap.id]) for gap in gaps if gap.id in says
    )
