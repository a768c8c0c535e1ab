"""What data may have been missed, for the report: filled with the counts, accepted by whom and why, or still open."""

from collections.abc import Callable, Iterator
from datetime import tzinfo

from bot.domain.gap import window
from bot.domain.incident import Incident
from bot.report_words import clock_time


def gaps(incident: Incident, *, zone: tzinfo, names: Callable[[str], str]) -> Iterator[str]:
    """A line for each gap, in the order in which they were closed; those that are open last."""
    for one in incident.closed_gaps:
        about, at, who = one.gap.name, clock_time(one.at, zone), names(one.actor)
        told = (
            f"{one.says} (by {who} at {at})"
            if one.how == "filled"
            else f"accepted by {who} at {at}: {one.says}"
        )
        told = told.removeprefix(f"{about}: ")
        yield f"{about}, {window(one.gap, zone)}: {told}"
    for gap in incident.gaps:
        counted = [end.says.removeprefix(f"{gap.name}: ") for end in incident.gap_ends if end.gap == gap.id]
        tried = f"; the last backfill: {counted[-1]}" if counted else ""
        yield f"{gap.name}, {window(gap, zone)}: still open{tried}"
