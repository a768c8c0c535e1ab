"""The suggested rate: what is left for us of the limits, with a margin, within bounds, and with its reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.gateway import GatewayStatus
from bot.domain.suggestion import HIGHEST, LOWEST, suggest

LIMITS: dict[str, Any] = {
    "left": 0,
    "limit": 100,
    "window_s": 60,
    "organisation_left": 200,
    "organisation_limit": 500,
}


def status(*, by_status: dict[str, int] | None = None, window_s: float = 120, **budget: Any) -> GatewayStatus:
    traffic: dict[str, Any] = {"window_s": window_s, "by_status": by_status or {}}
    return GatewayStatus.from_json({"mode": "pass", "traffic": traffic, "budget": {**LIMITS, **budget}})


def test_alone_it_is_four_fifths_of_the_users_limit() -> None:
    found = suggest(status())
    assert found is not None
    assert found.rate_per_s == pytest.approx(1.33)
    assert found.says == (
        "1.33 requests per second: nobody else is seen at the 100 requests in 60 s, and four fifths of them are safe"
    )


def test_others_part_of_the_organisation_is_left_to_them() -> None:
    found = suggest(status(our_share=0.2, used=500, our_share_of="organisation", by_status={"429": 300}))
    assert found is not None
    assert found.rate_per_s == pytest.approx(1.33)  # 100 of 500 are left: as much as the user's own limit
    less = suggest(status(our_share=0.1, used=500, our_share_of="organisation"))
    assert less is not None
    assert less.rate_per_s == pytest.approx(0.67)
    assert "others use about 450 of the organisation's 500 requests in 60 s" in less.says


def test_others_with_the_same_user_are_left_theirs() -> None:
    found = suggest(status(our_share=0.4, used=100, our_share_of="user"))
    assert found is not None
    assert found.rate_per_s == pytest.approx(0.53)
    assert found.says.startswith(
        "0.53 requests per second: others use about 60 of the user's 100 requests in 60 s"
    )


def test_where_nobody_says_who_asks_what_was_let_through_is_the_measure() -> None:
    found = suggest(status(by_status={"200": 72, "429": 500}))
    assert found is not None
    assert found.rate_per_s == pytest.approx(0.48)
    assert (
        "MaintainX let 0.6 a second of ours through in the last 2 minutes and refused the rest" in found.says
    )


def test_it_never_stops_the_integration_and_never_passes_a_users_limit() -> None:
    least = suggest(status(our_share=0.0, used=500, our_share_of="organisation"))
    assert least is not None
    assert least.rate_per_s == LOWEST
    assert least.says.endswith("less than 0.1 a second would stop the integration")
    most = suggest(status(limit=10_000, organisation_limit=50_000))
    assert most is not None
    assert most.rate_per_s == HIGHEST
    assert most.says.endswith("more than 1.67 a second is more than one user's limit")


def test_a_gateway_that_tells_of_no_limit_gives_none() -> None:
    assert suggest(GatewayStatus.from_json({"mode": "pass", "traffic": {}})) is None


@given(
    limit=st.integers(1, 10_000),
    organisation=st.integers(1, 50_000),
    share=st.floats(0, 1),
    used=st.integers(0, 60_000),
    of=st.sampled_from(["user", "organisation"]),
    good=st.integers(0, 10_000),
    refused=st.integers(0, 10_000),
    told=st.booleans(),
)
def test_it_is_within_its_bounds_whatever_is_told(
    *, limit: int, organisation: int, share: float, used: int, of: str, good: int, refused: int, told: bool
) -> None:
    budget: dict[str, Any] = {"our_share": share, "used": used, "our_share_of": of} if told else {}
    counts = {"200": good, "429": refused}
    found = suggest(status(by_status=counts, limit=limit, organisation_limit=organisation, **budget))
    assert found is not None
    assert LOWEST <= found.rate_per_s <= HIGHEST
