"""Requests that wait for their answer. Pure."""

from bot.domain.drilling import DrillRequested
from bot.domain.events import Event, TriageRequested
from bot.domain.showing import ReportRequested
from bot.domain.watching import VerifyRequested


def unanswered(pending: tuple[Event, ...], request: str) -> tuple[Event, ...]:
    """The requests that wait still, when this one is answered."""
    return tuple(
        event
        for event in pending
        if not (
            isinstance(event.fact, TriageRequested | ReportRequested | VerifyRequested | DrillRequested)
            and event.fact.request == request
        )
    )
