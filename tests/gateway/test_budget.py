"""MaintainX's own limits: its headers where it sends them, our own count else, and what mx itself spends."""

from bot.gateway.budget import Budget, Caller
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
