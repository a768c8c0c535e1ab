"""What the operator's pages are made of: one look at the process, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.supervisor import LoopState


@dataclass(frozen=True, slots=True)
class Look:
    """The process at one moment."""

    leader: bool = False
    loops: Mapping[str, LoopState] = field(default_factory=dict)
    waiting_for: tuple[str, ...] = ()
    """Why it is not ready yet, besides loops that are down."""
    events: int = 0
    open_incidents: Mapping[str, int] = field(default_factory=dict)
    """Open incidents by severity."""
    slack_calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Calls to Slack by method and outcome."""

    @property
    def faults(self) -> tuple[str, ...]:
        """Every reason for which the process is not ready."""
        down = [f"{name} is down: {loop.fault}" for name, loop in self.loops.items() if not loop.up]
        return (*self.waiting_for, *down)
