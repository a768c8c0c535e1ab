"""The facts of the watch, the pages and the clocks as one sentence each. Pure."""

from typing import assert_never

from bot.domain.gap import told
from bot.domain.oncall import (
    AckLapsed,
    AckReminded,
    AnyOnCall,
    PageFailed,
    PageOverdue,
    PageRequested,
    PagerReported,
    PageSent,
    ResponseReminded,
    Snoozed,
    SnoozeEnded,
)
from bot.domain.watching import (
    AnyWatching,
    GapsAccepted,
    GapsOpened,
    RecoveryChecked,
    VendorReported,
    VerifyRequested,
    WatchMoved,
)

_ACTIONS = {
    "trigger": "Page asked for",
    "acknowledge": "Pager to be told that somebody has it",
    "resolve": "Page to be called off",
}


def told_oncall(fact: AnyOnCall) -> str:
    """What happened around a page or a clock."""
    match fact:
        case PageRequested(action=action, says=says):
            return f"{_ACTIONS[action]}: {says}"
        case PageFailed(says=says, again_at=None):
            return f"Page not sent, and not tried again: {says}"
        case PageFailed(says=says):
            return f"Page not sent yet: {says}"
        case Snoozed(until=until, reason=reason):
            return f"Quiet until {until:%H:%M} UTC: {reason}"
        case (
            PageSent(says=says)
            | PagerReported(says=says)
            | PageOverdue(says=says)
            | ResponseReminded(says=says)
            | AckReminded(says=says)
            | AckLapsed(says=says)
            | SnoozeEnded(says=says)
        ):
            return says
        case _:
            assert_never(fact)


def told_watching(fact: AnyWatching) -> str:
    """What the watch saw."""
    match fact:
        case GapsOpened(gaps=gaps):
            over = [gap for gap in gaps if gap.until is not None]
            going = [gap for gap in gaps if gap.until is None]
            parts = [f"Data may be missing: {told(going)}"] if going else []
            parts += [f"It comes again, and what was missed is still missing: {told(over)}"] if over else []
            return ". ".join(parts)
        case GapsAccepted(gaps=gaps, reason=reason, says=says):
            count = f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'}"
            return f"Accepted as not filled: {says or count}: {reason}"
        case VerifyRequested(resolve=True, anyway=reason):
            how = f"with what is open accepted: {reason}" if reason else "if recovery is proved"
            return f"To be resolved, {how}"
        case VerifyRequested():
            return "Proof of recovery asked for"
        case VendorReported(says=says):
            return f"Changed at MaintainX: {says}"
        case WatchMoved(says=says) | RecoveryChecked(says=says):
            return says
        case _:
            assert_never(fact)
