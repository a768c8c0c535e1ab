"""The rate that mx would choose while MaintainX answers 429, and why. Pure."""

from typing import NamedTuple

from bot.domain.gateway import GatewayStatus, Traffic
from bot.domain.limits import Limits

HIGHEST = 1.67
"""100 requests in 60 s: MaintainX's limit for one user."""
LOWEST = 0.1
_PART = 0.8
"""Of what is left; the rest is for what mx asks itself and for clocks that differ."""


class Suggestion(NamedTuple):
    """A rate in requests per second, and the sentence that says where it is from."""

    rate_per_s: float
    says: str


def suggest(status: GatewayStatus) -> Suggestion | None:
    """A rate that leaves the others their part; None where the gateway does not tell of any limit.

    ``status`` is asked for the latest minute, so that its traffic is that of now (MaintainX counts 60 s).
    """
    limits = status.limits
    if limits is None or limits.window_s <= 0:
        return None
    room, why = _room(limits, status)
    rate = min(HIGHEST, max(LOWEST, _PART * room))
    rate = round(rate, 2)
    bound = ""
    if rate >= HIGHEST:
        bound = f"; more than {HIGHEST:g} a second is more than one user's limit"
    elif _PART * room < LOWEST:
        bound = f"; less than {LOWEST:g} a second would stop the integration"
    return Suggestion(rate, f"{rate:g} requests per second: {why}{bound}")


def _room(limits: Limits, status: GatewayStatus) -> tuple[float, str]:
    """Requests per second that are left for us, and the reason."""
    user = limits.limit
    organisation = limits.organisation_limit or limits.limit
    tighter = min(user, organisation) / limits.window_s
    share = status.share
    if share is not None:
        others = share.used * (1 - share.ours)
        whose, limit = ("organisation", organisation) if share.of == "organisation" else ("user", user)
        room = min(tighter, max(0.0, limit - others) / limits.window_s)
        used = (
            f"others use about {others:.0f} of the {whose}'s {limit:.0f} requests in {limits.window_s:.0f} s"
        )
        return room, f"{used}, and four fifths of what is left are ours to take"
    if (passed := _let_through(status.traffic)) is not None:
        room = min(tighter, passed)
        return room, (
            f"MaintainX let {passed:.2g} a second of ours through in the last {_span(status.traffic)} and refused "
            "the rest, and does not say who else asks; four fifths of that keep clear of its limit"
        )
    says = f"nobody else is seen at the {user:.0f} requests in {limits.window_s:.0f} s, and four fifths of them are safe"
    return tighter, says


def _let_through(traffic: Traffic) -> float | None:
    """Answers per second that were no 429, where there were 429s: that much MaintainX granted."""
    if not traffic.rate_limited or traffic.window_s <= 0:
        return None
    return (traffic.answered - traffic.rate_limited) / traffic.window_s


def _span(traffic: Traffic) -> str:
    return f"{traffic.window_s:.0f} s" if traffic.window_s < 120 else f"{traffic.window_s / 60:.0f} minutes"  # noqa: PLR2004 - two minutes
