"""MaintainX's own limits: its headers where it sends them, our own count else, and what mx itself spends."""

from bot.gateway.budget import Budget, Caller, Share
from bot.maintainx import RateHeaders

ANN, BOB = Caller("ann", "1"), Caller("bob", "1")


def budget(user: int = 3, organisation: int = 5) -> Budget:
    return Budget(user_limit=user, organisation_limit=organisation)


def test_users_and_organisations_each_have_their_own() -> None:
    made = budget()
    for _ in range(3):
        made.take(ANN, 0.0)
    assert made.free_at(ANN, 1.0) > 60
    assert made.free_at(BOB, 1.0) == 1.0
    made.take(BOB, 1.0)
    made.take(BOB, 1.0)
    assert made.free_at(BOB, 2.0) > 60
    assert made.free_at(Caller("eve", "2"), 2.0) == 2.0
    assert made.left(2.0) == (0, 3)
    assert made.organisation_left(2.0) == 0
    assert made.free_at(ANN, 61.0) == 61.0


def test_headers_count_more_than_our_count_until_they_run_out() -> None:
    made = budget(organisation=500)
    made.take(ANN, 0.0)
    made.answered(ANN, 0.1, told=RateHeaders(limit=100, remaining=40, reset_s=10))
    assert made.left(0.2) == (40, 100)
    for _ in range(10):
        made.take(ANN, 1.0)
    assert made.left(1.0) == (30, 100)
    made.answered(ANN, 2.0, told=RateHeaders(limit=100, remaining=0, reset_s=8))
    assert 9.9 <= made.free_at(ANN, 2.0) <= 10.1


def test_what_is_in_flight_is_not_yet_in_what_they_say() -> None:
    made = budget(user=100)
    for _ in range(10):
        made.take(ANN, 0.0)
    made.answered(ANN, 0.1, told=RateHeaders(limit=100, remaining=20, reset_s=30))
    assert made.left(0.1)[0] == 11
    made.answered(ANN, 0.2, told=RateHeaders(limit=100, remaining=25, reset_s=30))
    assert made.left(0.2)[0] == 11


def test_a_429_with_retry_after_closes_the_door_and_a_bare_one_does_not() -> None:
    made = budget(user=100)
    made.take(ANN, 0.0)
    made.answered(ANN, 0.0, told=RateHeaders(), refused=True)
    assert made.free_at(ANN, 0.0) == 0.0
    made.take(ANN, 0.0)
    made.answered(ANN, 0.0, told=RateHeaders(retry_after_s=10), refused=True)
    assert made.free_at(ANN, 0.0) == 10.0


def test_a_long_reset_does_not_close_the_door_for_longer_than_the_window() -> None:
    made = budget()
    made.take(ANN, 0.0)
    made.answered(ANN, 0.0, told=RateHeaders(remaining=0, reset_s=1_700_000_000))
    assert made.free_at(ANN, 0.0) == 60.0


def test_what_mx_spent_counts_for_everybody() -> None:
    made = budget(user=10, organisation=20)
    made.spent(4, 0.0)
    assert made.left(0.0) == (6, 10)
    made.take(ANN, 0.0)
    assert made.left(0.0) == (5, 10)
    assert made.organisation_left(0.0) == 15
    made.answered(ANN, 0.0, told=RateHeaders(limit=10, remaining=5, reset_s=30))
    made.spent(2, 0.1)
    assert made.left(0.1) == (3, 10)
    assert made.left(61.0) == (10, 10)


def test_strange_callers_are_forgotten_before_memory_grows() -> None:
    made = budget()
    for _ in range(3):
        made.take(ANN, 0.0)
    for n in range(3000):
        made.take(Caller(str(n), str(n)), 0.0)
    assert len(made._users) <= 1000
    assert len(made._organisations) <= 1000
    assert made.free_at(ANN, 0.0) > 60


def said(limit: int, remaining: int, *, reset_s: float = 30.0) -> RateHeaders:
    return RateHeaders(limit=limit, remaining=remaining, reset_s=reset_s)


def sent(
    made: Budget, caller: Caller, now: float, told: RateHeaders | None = None, *, times: int = 1
) -> None:
    """So many requests, and what MaintainX said with the last one's answer."""
    for left in reversed(range(times)):
        made.take(caller, now)
        made.answered(caller, now, told=None if left else told)


def test_our_share_is_of_what_maintainx_counts_as_used() -> None:
    made = Budget(user_limit=100, organisation_limit=500)
    assert made.share(0.0) is None
    sent(made, ANN, 0.0, times=20)  # in MaintainX's window before this one
    sent(made, ANN, 40.0, times=9)
    assert made.share(40.0) is None  # it said nothing yet
    sent(made, ANN, 41.0, said(100, 60, reset_s=30))
    assert made.share(41.5) == Share(ours=10, used=40, whose="user")
    made.spent(5, 42.0)  # mx is us too
    assert made.share(42.0) == Share(ours=15, used=45, whose="user")
    assert made.share(71.0) is None  # a new window, of which it said nothing


def test_a_limit_of_the_organisation_counts_all_its_users() -> None:
    made = Budget(user_limit=100, organisation_limit=500)
    sent(made, BOB, 1.0, times=30)
    sent(made, ANN, 2.0, said(500, 400), times=10)
    assert made.share(2.0) == Share(ours=40, used=100, whose="organisation")


def test_what_was_refused_used_nothing_up() -> None:
    """Ten got through before another client had taken the rest; knocking on does not make it ours."""
    made = Budget(user_limit=100, organisation_limit=500)
    sent(made, ANN, 10.0, said(100, 40, reset_s=50), times=10)
    for n in range(60):
        made.take(ANN, 20.0 + n / 10)
        made.answered(ANN, 20.0 + n / 10, told=said(100, 0, reset_s=40 - n / 10), refused=True)
    assert made.share(26.0) == Share(ours=10, used=100, whose="user")


def test_the_share_is_of_the_limit_that_has_least_left() -> None:
    made = Budget(user_limit=100, organisation_limit=500)
    sent(made, ANN, 1.0, said(100, 90), times=5)
    sent(made, BOB, 1.0, said(100, 10), times=2)
    assert made.share(1.0) == Share(ours=2, used=90, whose="user")


def test_a_bare_retry_after_tells_no_share() -> None:
    made = Budget(user_limit=100, organisation_limit=500)
    made.take(ANN, 0.0)
    made.answered(ANN, 0.0, told=RateHeaders(retry_after_s=10), refused=True)
    assert made.share(1.0) is None


def test_what_left_the_window_is_forgotten_while_maintainx_keeps_telling() -> None:
    made = Budget(user_limit=100, organisation_limit=500)
    for n in range(5000):
        sent(made, ANN, n / 5, said(100, 50))
    assert len(made._users["ann"].sent.ends()) <= 601
