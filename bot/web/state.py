"""What the operator's pages are made of: one look at the process, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.meter import Family
from bot.supervisor import LoopState

LATE_S = 120.0
"""A loop that has not come round for so long makes the process unready: no single wait of ours is that long."""
HUNG_S = 900.0
"""After so long it will not come round any more: the process is to be started anew, which loses nothing."""


@dataclass(frozen=True, slots=True)
class Look:
    """The process at one moment."""

    leader: bool = False
    loops: Mapping[str, LoopState] = field(default_factory=dict)
    waiting_for: tuple[str, ...] = ()
    """Why it is not ready besides its loops, each with what to do."""
    families: tuple[Family, ...] = ()
    """Figures that others have counted."""

    @property
    def hung(self) -> tuple[str, ...]:
        """Every reason for which the process had better be started anew."""
        return tuple(
            f"{name} has not come round for {loop.late_s / 60:.0f} minutes: start this process anew; what was "
            "acknowledged is on the timeline and goes on from there"
            for name, loop in self.loops.items()
            if loop.late_s > HUNG_S
        )

    @property
    def faults(self) -> tuple[str, ...]:
        """Every reason for which the process is not ready, each with what to do."""
        down = tuple(
            f"{name} is down: {loop.fault}; it is started again within 30 s. If it stays so, look at the log's "
            "`loop fell`"
            for name, loop in self.loops.items()
            if not loop.up
        )
        late = tuple(
            f"{name} has not come round for {loop.late_s:.0f} s: see what it waits for in the log; start this "
            "process anew if it stays so"
            for name, loop in self.loops.items()
            if loop.up and LATE_S < loop.late_s <= HUNG_S
        )
        return (*self.waiting_for, *down, *late, *self.hung)
