"""The mode: what leases, the circuit, the buffer and the replay make of traffic together."""

from collections.abc import Mapping
from typing import Literal

from pydantic import JsonValue

from bot.gateway.buffer.buffer import Buffer
from bot.gateway.buffer.control import Control
from bot.gateway.buffer.replay import Replay
from bot.gateway.buffer.writes import WRITES
from bot.gateway.leases import Effect
from bot.gateway.outage import Outage

Mode = Literal["pass", "limited", "buffering", "draining"]


class Modes:
    """Answers on every request, so it only looks at what is in memory."""

    def __init__(
        self, *, buffer: Buffer, control: Control, replay: Replay, outage: Outage, disk: JsonValue
    ) -> None:
        self.effect = Effect()
        """What all leases do together."""
        self.buffering = False
        """Whether nothing goes to MaintainX but what the gateway asks itself."""
        self._buffer = buffer
        self._control = control
        self._replay = replay
        self._outage = outage
        self._disk = disk

    def look_again(self, effect: Effect | None = None) -> bool:
        """Leases or the circuit have changed; True where buffering began or ended by that."""
        self.effect = self.effect if effect is None else effect
        buffering = self.effect.buffer == "on" or (self.effect.buffer == "auto" and self._outage.down)
        self._outage.ask = buffering
        self._outage.wake()
        changed, self.buffering = buffering != self.buffering, buffering
        return changed

    def must_queue(self, method: str, target: str) -> bool:
        """Whether a new write waits on the disk, so that it overtakes none that waits already."""
        return self.buffering or self._buffer.holds_up(method, target)

    def holds_up(self, method: str, target: str) -> bool:
        """Whether this request must not go to MaintainX now."""
        return self.must_queue(method, target) if method in WRITES else self.buffering

    @property
    def mode(self) -> Mode:
        """The contract's word for it."""
        if self.buffering:
            return "buffering"
        if self._buffer.tally.moving or self._control.state in ("running", "paused"):
            return "draining"
        return "limited" if self.effect.limited else "pass"

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        return {
            "mode": self.mode,
            "buffer": self._buffer.json(),
            "circuit": self._outage.json(),
            "replay": self._control.json(rate_per_s=self._replay.rate_per_s),
            "disk": self._disk,
        }

    def gauges(self) -> Mapping[str, tuple[str, float | None]]:
        """For ``/-/metrics``."""
        tally = self._buffer.tally
        return {
            "mx_gateway_buffer_waiting": ("Buffered writes that wait.", tally.of("waiting")),
            "mx_gateway_buffer_parked": (
                "Writes of unknown fate that wait for a person.",
                tally.of("parked"),
            ),
            "mx_gateway_buffer_rejected": ("Buffered writes that MaintainX refused.", tally.of("rejected")),
            "mx_gateway_buffer_bytes": ("Bytes of bodies that are not settled.", tally.held_bytes),
            "mx_gateway_buffering": ("1 while writes are buffered.", float(self.buffering)),
            "mx_gateway_upstream_down": ("1 while MaintainX is judged down.", float(self._outage.down)),
        }
