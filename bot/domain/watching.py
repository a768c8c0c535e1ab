"""What the watch writes down: how an integration is, what its vendor changed, gaps, and whether recovery is proved. Pure."""

from datetime import datetime
from typing import Literal

from bot.domain.fact import Address, Fact
from bot.domain.gap import Gap
from bot.domain.readings import Frozen

WatchState = Literal["well", "bad", "maintenance", "offline"]
"""``maintenance``: bad while the vendor announced work; ``offline``: mx itself has no way out, so nobody is blamed."""

Proof = Literal["proved", "not_proved", "no_traffic"]
LineState = Literal["met", "unmet", "no_traffic", "unknown"]
"""``no_traffic``: nothing to judge by, which is not green; ``unknown``: it could not be looked at, or is not set up."""


class WatchMoved(Fact):
    """The monitor's rounds of an integration changed from one state to another; told once for each change."""

    kind = "watch_moved"
    integration: str
    was: WatchState | None
    """None: the first that is known."""
    now: WatchState
    since: datetime
    """When the first round of the new state was."""
    says: str


class VendorReported(Fact):
    """MaintainX told by webhook that somebody changed what an integration stands on: a token, a user, a webhook."""

    kind = "vendor_reported"
    event: str
    """MaintainX's name of it, such as ``API_TOKEN_REVOKED``."""
    delivery: str
    """The gateway's id of the delivery: one delivery is told once."""
    says: str


class GapsOpened(Fact):
    """From here on data may be missing; also a gap that is open already, with an earlier beginning or an end."""

    kind = "gaps_opened"
    gaps: tuple[Gap, ...]


class GapsAccepted(Fact):
    """A person takes it that these gaps are not filled, and says why."""

    kind = "gaps_accepted"
    gaps: tuple[str, ...]
    """Their ids."""
    reason: str
    says: str = ""
    """Which they are, in words; empty from a version of before that was written."""


class VerifyRequested(Fact):
    """Somebody asked whether recovery is proved; its follower looks and answers once."""

    kind = "verify_requested"
    request: str
    address: Address = Address()
    resolve: bool = False
    """Resolve in the asker's name where it is proved, or where ``anyway`` gives a reason."""
    anyway: str | None = None


class RecoveryLine(Frozen):
    """One thing that recovery needs: what, how it is, and the evidence in a sentence."""

    name: str
    state: LineState
    says: str


class RecoveryChecked(Fact):
    """Whether recovery is proved, line by line."""

    kind = "recovery_checked"
    request: str | None = None
    """None: the monitor looked by itself."""
    verdict: Proof
    lines: tuple[RecoveryLine, ...]
    says: str
    address: Address = Address()
    was_proved: bool = False
    """It had been, by the look before."""


AnyWatching = WatchMoved | VendorReported | GapsOpened | GapsAccepted | VerifyRequested | RecoveryChecked


def verdict_of(lines: tuple[RecoveryLine, ...]) -> Proof:
    """Not proved where a line is unmet; without traffic to judge by, that is the verdict; else proved."""
    states = {line.state for line in lines}
    if "unmet" in states:
        return "not_proved"
    return "no_traffic" if "no_traffic" in states else "proved"
