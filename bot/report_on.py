"""What was switched on during an incident, by whom, from when to when, and how it ended. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.events import Event, LeaseEnded, StepFinished
from bot.domain.mitigation import Lease


@dataclass(frozen=True, slots=True)
class On:
    """A mitigation that was on; ``until`` is None while it is."""

    lease: Lease
    since: datetime
    until: datetime | None = None
    ended: str = ""
    """How it ended, in words; empty while it is on."""

    def overdue(self, now: datetime) -> datetime | None:
        """Its end, where it stayed on past that; None where it did not."""
        end = self.lease.expires_at
        return end if end is not None and (self.until or now) > end and self.ended != _EXPIRED else None


_EXPIRED = "by its own end"
_CAUSES = {"expired": _EXPIRED, "deleted": "at the gateway", "replaced": "by another one at the gateway"}


def switched_on(history: Sequence[Event]) -> tuple[On, ...]:
    """Everything that was on, in the order in which it came on; one that was kept on for longer is one."""
    found: dict[str, On] = {}
    past: list[On] = []
    for event in history:
        match event.fact:
            case StepFinished(started=started, ended=ended):
                if ended is not None and ended in found:
                    past.append(replace(found.pop(ended), until=event.at, ended="taken back"))
                if started is not None:
                    was = found.get(started.id)
                    found[started.id] = On(started, was.since if was else started.since)
            case LeaseEnded(lease=lease, cause=cause) if lease in found:
                past.append(replace(found.pop(lease), until=event.at, ended=_CAUSES[cause]))
            case _:
                pass
    return tuple(sorted((*past, *found.values()), key=lambda one: one.since))
