"""The card's words for who uses the limit up, and no more certainty than the numbers bear."""

from typing import Literal

import pytest

from bot.domain.budget_words import others, rate_limited, unknown_writes
from bot.domain.readings import BudgetShare, LaneTraffic, LatestTraffic, TrafficDetail

OFTEN = "429 on 83% of 412 requests in 10 minutes"


def traffic(ok: int, refused: int, share: BudgetShare | None = None) -> TrafficDetail:
    """Ten minutes, within an hour that had more."""
    by_status = {"200": ok, "429": refused} if refused else {"200": ok}
    lanes = (
        LaneTraffic(lane="critical", by_status={"200": ok}),
        LaneTraffic(lane="asset-sync", by_status={"429": refused}),
    )
    latest = LatestTraffic(window_s=600, by_status=by_status, lanes=lanes)
    hour = {"200": ok + 900, "429": refused + 1}
    return TrafficDetail(total=ok + refused + 901, by_status=hour, lanes=lanes, latest=latest, share=share)


def share(
    ours: float, *, used: int = 500, of: Literal["user", "organisation"] = "organisation"
) -> BudgetShare:
    return BudgetShare(ours=ours, used=used, of=of)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            traffic(70, 342, share(0.2)),
            f"{OFTEN}; our share of the organisation's budget is 20%: another client is eating it",
        ),
        (
            traffic(70, 342, share(0.97, of="user")),
            f"{OFTEN}; our share of the user's budget is 97%: it is us, asset-sync first (342 requests)",
        ),
        (traffic(70, 342), OFTEN),
        (
            traffic(3, 2, share(0.5, used=4)),
            "429 on 2 of 5 requests in 10 minutes; our share of the organisation's budget is 2 of 4 requests",
        ),
        (traffic(999, 1), "429 on under 1% of 1000 requests in 10 minutes"),
        (traffic(1, 999), "429 on over 99% of 1000 requests in 10 minutes"),
        (traffic(0, 40), "429 on 100% of 40 requests in 10 minutes"),
        (traffic(50, 0), "429 on under 1% of 951 requests in the last hour, on none in the last 10 minutes"),
        (
            TrafficDetail(total=8, by_status={"200": 5, "429": 3}, latest=LatestTraffic()),
            "429 on 3 of 8 requests in the last hour",
        ),
        (TrafficDetail(total=8, by_status={"200": 8}, share=share(0.2)), None),
        (TrafficDetail(), None),
    ],
)
def test_whose_requests_use_the_limit_up(found: TrafficDetail, says: str | None) -> None:
    assert rate_limited(found) == says


@pytest.mark.parametrize(
    ("ours", "used", "certain"), [(0.49, 20, True), (0.5, 20, False), (0.1, 19, False), (0.0, 500, True)]
)
def test_another_client_is_blamed_only_where_it_is_certain(ours: float, used: int, certain: bool) -> None:
    assert others(share(ours, used=used)) is certain


def test_no_share_blames_nobody() -> None:
    assert not others(None)


def test_writes_of_unknown_fate_are_counted_and_reads_are_not() -> None:
    assert unknown_writes(TrafficDetail(fates={"answered": 9, "unknown": 1})) == "1 write of unknown fate"
    assert unknown_writes(TrafficDetail(fates={"unknown": 3, "unread": 5})) == "3 writes of unknown fate"
    assert unknown_writes(TrafficDetail(fates={"unread": 5, "unsent": 2})) is None
    assert unknown_writes(None) is None
