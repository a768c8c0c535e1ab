"""The rota: who is looked at when, spread at the start, quicker while an incident is open, nobody twice or never."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.integration import Integration
from bot.domain.rota import APART_S, Rota, Turn
from tests.domain.made import INTEGRATION

NOBODY: frozenset[str] = frozenset()


def specs(count: int, **changes: float) -> list[Integration]:
    """So many integrations, ``i0`` and so on."""
    return [INTEGRATION.model_copy(update={"name": f"i{number}", **changes}) for number in range(count)]


def rota(
    count: int,
    *,
    ages: dict[str, float] | None = None,
    open_: frozenset[str] = NOBODY,
    **changes: float,
) -> Rota:
    return Rota(specs(count, **changes), now=0.0, ages=ages or {}, open_=open_, chance=lambda: 0.5)


def run(made: Rota, seconds: float, *, open_: frozenset[str] = NOBODY) -> list[tuple[float, str]]:
    """Who began when, with rounds that take no time."""
    begun: list[tuple[float, str]] = []
    at = 0.0
    while at <= seconds:
        for turn in made.begin(at, open_=open_):
            turn.began = at
            begun.append((at, turn.spec.name))
            made.ended(turn)
        at += max(0.01, made.wait_s(at))
    return begun


def names(turns: list[Turn]) -> list[str]:
    return [turn.spec.name for turn in turns]


def test_one_integration_is_looked_at_at_once_and_then_each_interval() -> None:
    times = [at for at, _ in run(rota(1), 1000)]
    assert times[0] <= APART_S
    assert [round(b - a) for a, b in itertools.pairwise(times)] == [300, 300, 300]


def test_a_thousand_do_not_begin_at_the_same_moment() -> None:
    begun = run(rota(1000), 299.9)
    assert len(begun) == len({name for _, name in begun}) == 1000
    most = max(Counter(int(at) for at, _ in begun).values())
    assert most <= 5


def test_with_a_short_interval_they_are_still_spread_within_it() -> None:
    begun = run(rota(1000, interval_s=10.0), 9.99)
    assert len({name for _, name in begun}) >= 999
    assert max(Counter(int(at) for at, _ in begun).values()) <= 102


def test_whoever_has_an_open_incident_comes_first_then_whoever_waited_longest() -> None:
    made = rota(4, ages={"i0": 400.0, "i1": 5000.0, "i2": 40.0}, open_=frozenset({"i2"}))
    assert [name for _, name in run(made, 10, open_=frozenset({"i2"}))] == ["i2", "i3", "i1", "i0"]


def test_a_restart_keeps_the_place_of_whoever_is_not_due_yet() -> None:
    begun = run(rota(2, ages={"i0": 250.0, "i1": 100.0}), 299)
    assert begun == [(50.0, "i0"), (200.0, "i1")]


def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_an_interval() -> None:
    assert run(rota(1, ages={"i0": -9999.0}), 301) == [(300.0, "i0")]


def test_an_incident_makes_it_quicker_at_once_and_its_end_slower() -> None:
    made = rota(1)
    (turn,) = made.begin(1.0, open_=NOBODY)
    turn.began = 1.0
    made.ended(turn)
    assert made.begin(100.0, open_=NOBODY) == []
    (turn,) = made.begin(100.0, open_=frozenset({"i0"}))
    turn.began = 100.0
    made.ended(turn)
    assert made.wait_s(100.0) == 30.0
    assert made.begin(101.0, open_=NOBODY) == []
    assert made.begin(131.0, open_=NOBODY) == []
    assert names(made.begin(400.0, open_=NOBODY)) == ["i0"]


def test_a_round_that_goes_on_is_not_begun_again() -> None:
    made = rota(1)
    (turn,) = made.begin(1.0, open_=NOBODY)
    turn.began = 1.0
    assert made.begin(1000.0, open_=NOBODY) == []
    assert made.begin(1000.0, open_=frozenset({"i0"})) == []
    made.ended(turn)
    assert names(made.begin(1000.0, open_=frozenset({"i0"}))) == ["i0"]


def test_an_incident_of_somebody_who_is_not_watched_is_nobodys_turn() -> None:
    made = rota(1)
    assert names(made.begin(1.0, open_=frozenset({"stranger"}))) == ["i0"]
    assert Rota([], now=0.0, ages={}, open_=NOBODY, chance=lambda: 0.5).begin(1.0, open_=NOBODY) == []


@given(
    st.lists(st.tuples(st.floats(0, 400), st.sets(st.integers(0, 4))), min_size=1, max_size=60),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_nobody_waits_longer_than_an_interval(
    looks: list[tuple[float, set[int]]], seen_before: list[bool]
) -> None:
    """Whatever opens and closes: whoever was not begun at a look was begun less than an interval ago."""
    ages = {f"i{n}": 10.0 * n for n, seen in enumerate(seen_before) if seen}
    made = rota(5, ages=ages)
    last = {f"i{n}": -ages.get(f"i{n}", 0.0) for n in range(5)}
    now = 0.0
    for after, numbers in looks:
        now += after
        open_ = frozenset(f"i{n}" for n in numbers)
        for turn in made.begin(now, open_=open_):
            turn.began = last[turn.spec.name] = now
            made.ended(turn)
        assert all(now - at <= 300.0 + APART_S for at in last.values())
        assert all(now - last[name] <= 30.0 + 300.0 * (last[name] <= 0) for name in open_)
