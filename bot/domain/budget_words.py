"""Who uses MaintainX's limit up, in the card's words, with percentages only of numbers that bear them. Pure."""

from collections.abc import Iterable, Mapping

from bot.domain.readings import BudgetShare, LaneTraffic, TrafficDetail

_LIMITED = "429"
_ENOUGH = 20
"""Of fewer, a percentage says more than is known."""
_MOSTLY = 0.5


def rate_limited(traffic: TrafficDetail) -> str | None:
    """``429 on 83% of 412 requests in 10 minutes; our share of ...``; None where MaintainX refused none."""
    latest = traffic.latest
    if latest is not None and _LIMITED in latest.by_status:
        seen = f"429 on {_part(latest.by_status)} requests in {latest.window_s // 60} minutes"
    elif _LIMITED in traffic.by_status:
        seen = f"429 on {_part(traffic.by_status)} requests in the last hour"
        if latest is not None and latest.by_status:
            seen += f", on none in the last {latest.window_s // 60} minutes"
    else:
        return None
    return "; ".join(line for line in (seen, budget_share(traffic)) if line)


def budget_share(traffic: TrafficDetail) -> str | None:
    """``our share of the organisation's budget is 20%: another client is eating it``; None where it is not known."""
    share = traffic.share
    if share is None:
        return None
    of = f"our share of the {share.of}'s budget is"
    if share.used < _ENOUGH:
        return f"{of} {round(share.ours * share.used)} of {share.used} requests"
    if others(share):
        return f"{of} {_percent(share.ours)}: another client is eating it"
    return f"{of} {_percent(share.ours)}: it is us{_busiest(traffic)}"


def others(share: BudgetShare | None) -> bool:
    """Most of what is used was sent by somebody else, and that is certain."""
    return share is not None and share.used >= _ENOUGH and share.ours < _MOSTLY


def busiest(lanes: Iterable[LaneTraffic]) -> tuple[str, int] | None:
    """The lane that sent most, and how many."""
    sent = [(sum(lane.by_status.values()), lane.lane) for lane in lanes]
    return max(((name, count) for count, name in sent), key=lambda one: one[1], default=None)


def unknown_writes(traffic: TrafficDetail | None) -> str | None:
    """``3 writes of unknown fate``; None where there is none."""
    count = traffic.fates.get("unknown", 0) if traffic else 0
    return f"{count} write{'' if count == 1 else 's'} of unknown fate" if count else None


def _busiest(traffic: TrafficDetail) -> str:
    latest = traffic.latest
    found = busiest(latest.lanes if latest is not None and latest.lanes else traffic.lanes)
    return f", {found[0]} first ({found[1]} requests)" if found else ""


def _part(by_status: Mapping[str, int]) -> str:
    count, total = by_status[_LIMITED], sum(by_status.values())
    return f"{count} of {total}" if total < _ENOUGH else f"{_percent(count / total)} of {total}"


def _percent(share: float) -> str:
    """Whole, but a few are not none and most are not all."""
    whole = round(100 * share)
    if whole == 0 and share > 0:
        return "under 1%"
    return "over 99%" if whole == 100 and share < 1 else f"{whole}%"  # noqa: PLR2004 - the whole
