"""One look at the gateway's buffer and replay: what a person is shown of it, and what may be asked of it now. Pure."""

from datetime import datetime, tzinfo

from bot.domain.backlog import Backlog, BufferedWrite, Circuit, Control, ReplayProgress
from bot.domain.gateway import GatewayStatus
from bot.domain.readings import Frozen
from bot.domain.telling import hour, waits

PARKED_SHOWN = 3
"""Writes of unknown fate that a card asks about; the rest is named by ``mx buffer list``."""

UNASKED = "The gateway could not be asked whether writes wait there"


class Look(Frozen):
    """The gateway as it was at ``at``; ``trouble`` says why there is nothing newer."""

    at: datetime
    mode: str = "pass"
    buffer: Backlog = Backlog()
    replay: ReplayProgress = ReplayProgress()
    circuit: Circuit = Circuit()
    parked: tuple[BufferedWrite, ...] = ()
    """The first few that wait for a person's word."""
    planned: str = ""
    """The dry run's sentence, where a replay may be started."""
    trouble: str = ""

    @classmethod
    def of(cls, status: GatewayStatus, *, at: datetime) -> "Look":
        """What the gateway's status says of it."""
        return cls(
            at=at, mode=status.mode, buffer=status.buffer, replay=status.replay, circuit=status.circuit
        )

    @property
    def matters(self) -> bool:
        """Whether there is anything that a person should see."""
        return (
            self.mode in {"buffering", "draining"}
            or self.replay.under_way
            or bool(self.buffer.undelivered or self.buffer.parked or self.buffer.rejected or self.buffer.full)
        )

    @property
    def controls(self) -> tuple[Control, ...]:
        """What may be asked of the replay now. While writes are still being buffered, none is started."""
        if self.trouble:
            return ()
        if self.replay.state == "running":
            return ("pause", "cancel")
        if self.replay.state == "paused":
            return ("resume", "cancel")
        return ("start",) if self.mode == "draining" and self.buffer.waiting else ()

    def unmet(self, zone: tzinfo) -> tuple[str, ...]:
        """What stands in the way of calling the incident over."""
        buffer, found = self.buffer, []
        if buffer.undelivered:
            oldest = f" (the oldest since {hour(buffer.oldest, zone)})" if buffer.oldest else ""
            found.append(
                f"{waits(buffer.undelivered)} at the gateway{oldest}; deliver what waits: Replay on the card, or mx replay"
            )
        if buffer.parked:
            named = ", ".join(f"{write.buffer_id} ({write.label(zone)})" for write in self.parked)
            more = buffer.parked - len(self.parked)
            left = f"{' and ' if named else ''}{more} more" if more else ""
            found.append(
                f"{waits(buffer.parked, 'of unknown fate')} for a person's word: {named}{left}; "
                "decide on the card, or with mx buffer list --state unknown"
            )
        return tuple(found)

    @property
    def remark(self) -> str:
        """What is to be told where the gateway could not be asked; empty where it could."""
        return f"{UNASKED}: {self.trouble}" if self.trouble else ""

    def held_back(self, zone: tzinfo) -> tuple[str, ...]:
        """``unmet``; where the gateway cannot be asked, what it held back when it last could, and since when."""
        lines = self.unmet(zone)
        if not self.trouble or not lines:
            return lines
        return (*lines, f"{UNASKED}, so this is as of {hour(self.at, zone)}: {self.trouble}")


def refused(action: Control, now: ReplayProgress) -> str | None:
    """Why this is not to be asked of the replay as it is now; None where it may be."""
    who = f", started by {now.by}" if now.by else ""
    match action, now.state:
        case "start" | "resume", "running":
            return f"The replay is running already{who}: {now.line}."
        case "start", "paused":
            return f"A replay is held{who}: {now.line}. Resume it, or cancel it."
        case "pause", "paused":
            return f"The replay is held already{who}: {now.line}."
        case "pause" | "resume" | "cancel", "idle" | "done":
            ended = "is over" if now.state == "done" else "is not running"
            return f"The replay {ended}, so there is nothing to {action}."
        case _:
            return None
