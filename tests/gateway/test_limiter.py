"""The limiter: never more than the rate in any window, the critical lane first and never starved, nobody forgotten."""

import math
from dataclasses import dataclass, field
from itertools import pairwise
from operator import itemgetter

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.gateway.budget import Budget, Caller
from bot.gateway.limiter import Limiter, Pace, Ticket, Verdict
from bot.maintainx import WINDOW_S

ANN, BOB = Caller("ann", ""), Caller("bob", "")


@dataclass
class Simulation:
    """Drives a limiter as its loop does: looks when the limiter said, and whenever somebody comes."""

    limiter: Limiter
    settled: list[tuple[float, Verdict, str, float]] = field(default_factory=list)
    """When, the verdict, the lane, and since when it waited."""
    next_at: float | None = None
    paces: list[tuple[float, float | None]] = field(default_factory=list)
    """When one went, and the rate in force then."""
    critical: list[Caller] = field(default_factory=list)
    """Who waits in the critical lane."""
    overtaken: list[Caller] = field(default_factory=list)
    """Who waited there, free to go by its budget, while another lane's request went."""

    def until(self, now: float) -> None:
        while self.next_at is not None and self.next_at <= now:
            at = self.next_at
            self.now = at
            self.next_at = self.limiter.turn(at)
            assert self.next_at is None or self.next_at > at

    def come(self, now: float, lane: str, caller: Caller = ANN, *, gone: bool = False) -> None:
        self.until(now)
        self.now = now

        def note(verdict: Verdict) -> None:
            self.settled.append((self.now, verdict, lane, now))
            if verdict == "go":
                self.paces.append((self.now, self.limiter.rate_per_s))

            if verdict == "go" and lane != "critical":
                free_at = self.limiter._budget.free_at
                self.overtaken += [
                    who for who in self.critical if who == caller or free_at(who, self.now) <= self.now
                ]

        def settle(verdict: Verdict) -> None:
            if lane == "critical":
                self.critical.remove(caller)
            note(verdict)

        verdict = self.limiter.at_once(lane, caller, now)
        if verdict is not None:
            note(verdict)
            return
        if lane == "critical":
            self.critical.append(caller)
        ticket = Ticket(lane, caller, first=lane == "critical", settle=settle, gone=lambda: gone)
        self.next_at = self.limiter.join(ticket, now)

    def lease(self, now: float, rate: float | None) -> None:
        """From now on this rate is in force."""
        self.until(now)
        self.now = now
        self.next_at = self.limiter.set_policy(rate_per_s=rate, paused=frozenset(), now=now)

    now: float = 0.0

    def went(self, lane: str | None = None) -> list[float]:
        return [at for at, verdict, of, _ in self.settled if verdict == "go" and lane in (None, of)]


def simulation(
    rate: float | None, *, max_wait_s: float = 20, room: int = 1000, user: int = 10**9
) -> Simulation:
    limiter = Limiter(Budget(user_limit=user, organisation_limit=10**9), max_wait_s=max_wait_s, room=room)
    limiter.set_policy(rate_per_s=rate, paused=frozenset(), now=0.0)
    return Simulation(limiter)


arrivals = st.lists(
    st.tuples(
        st.floats(0, 3, allow_nan=False),
        st.sampled_from(["critical", "default", "asset-sync"]),
        st.booleans(),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(arrivals, st.floats(0.05, 200), st.floats(0, 30))
def test_never_more_than_the_rate_in_any_window(
    coming: list[tuple[float, str, bool]], rate: float, max_wait_s: float
) -> None:
    found, now = simulation(rate, max_wait_s=max_wait_s), 0.0
    for gap, lane, gone in coming:
        now += gap
        found.come(now, lane, gone=gone)
    found.until(math.inf)
    went = found.went()
    assert went == sorted(went)
    for n, first in enumerate(went):  # every window that could hold too many begins and ends with a request
        for more, last in enumerate(went[n:]):
            assert last - first >= more / rate - 1e-9


rates = st.none() | st.floats(0.05, 50)
leases = st.lists(st.tuples(st.floats(0, 60), rates), max_size=8)


def play(
    rate: float | None,
    coming: list[tuple[float, str, bool]],
    changes: list[tuple[float, float | None]],
    *,
    user: int = 10**9,
) -> Simulation:
    """Two callers by turns, while leases change the rate; until everybody is settled."""
    found, now = simulation(rate, max_wait_s=1000, user=user), 0.0
    changes = sorted(changes, key=itemgetter(0))
    for n, (gap, lane, gone) in enumerate(coming):
        now += gap
        while changes and changes[0][0] <= now:
            found.lease(*changes.pop(0))
        found.come(now, lane, (ANN, BOB)[n % 2], gone=gone)
    for change in changes:
        found.lease(*change)
    found.until(math.inf)
    return found


@settings(deadline=None)
@given(arrivals, leases, rates)
@example([(0.0, "default", False)] * 2, [(0.5, 0.05)], 0.05)
def test_never_more_than_the_rate_in_force_while_leases_come_and_go(
    coming: list[tuple[float, str, bool]], changes: list[tuple[float, float | None]], first: float | None
) -> None:
    found = play(first, coming, changes)
    for (before, _), (at, rate) in pairwise(found.paces):
        assert rate is None or at - before >= 1 / rate - 1e-9


@settings(deadline=None)
@given(arrivals, st.floats(0.05, 200), st.floats(0, 30))
def test_everybody_is_settled_once_and_in_time(
    coming: list[tuple[float, str, bool]], rate: float, max_wait_s: float
) -> None:
    found, now = simulation(rate, max_wait_s=max_wait_s), 0.0
    for gap, lane, gone in coming:
        now += gap
        found.come(now, lane, gone=gone)
    found.until(math.inf)
    assert len(found.settled) == len(coming)
    assert found.limiter.waiting == 0
    for at, verdict, _, since in found.settled:
        assert at - since <= max_wait_s + 1e-6
        if verdict == "rate":
            assert at - since >= max_wait_s - 1e-6


@settings(deadline=None)
@given(arrivals, st.floats(0.2, 5))
def test_the_critical_lane_never_waits_for_another(
    coming: list[tuple[float, str, bool]], rate: float
) -> None:
    """With others in the way it fares exactly as if it were alone, but for the one that went just before."""
    crowd, alone, now = simulation(rate, max_wait_s=1000), simulation(rate, max_wait_s=1000), 0.0
    for gap, lane, _ in coming:
        now += gap
        crowd.come(now, lane)
        if lane == "critical":
            alone.come(now, lane)
    crowd.until(math.inf)
    alone.until(math.inf)
    for with_others, without in zip(crowd.went("critical"), alone.went("critical"), strict=True):
        assert with_others <= without + 1 / rate + 1e-6


@settings(deadline=None)
@given(arrivals, leases, rates, st.integers(1, 10))
def test_nothing_else_goes_while_the_critical_lane_waits_and_could_go(
    coming: list[tuple[float, str, bool]],
    changes: list[tuple[float, float | None]],
    first: float | None,
    user: int,
) -> None:
    """Whatever leases and MaintainX's budget do: only a budget of its own that is used up lets another pass it."""
    found = play(first, coming, changes, user=user)
    assert found.overtaken == []
    assert found.critical == []


def test_a_waiting_room_full_of_others_does_not_keep_the_critical_lane_out() -> None:
    found = simulation(1.0, max_wait_s=20, room=5)
    for _ in range(6):
        found.come(0.0, "asset-sync")
    found.come(0.0, "critical")
    found.until(math.inf)
    assert found.went("critical") == [1.0]


def test_a_turn_that_is_taken_late_lets_nobody_pass_those_who_wait() -> None:
    found = simulation(1.0, max_wait_s=100)
    found.come(0.0, "default")
    found.come(0.0, "critical")
    assert found.limiter.at_once("default", ANN, 5.0) is None


def test_who_waits_is_served_in_order_within_a_lane() -> None:
    found = simulation(1.0, max_wait_s=100)
    order: list[int] = []
    found.come(0.0, "default")
    for n in range(5):
        ticket = Ticket("default", ANN, first=False, settle=lambda _, n=n: order.append(n))  # type: ignore[misc]
        found.next_at = found.limiter.join(ticket, 0.0)
    found.until(10.0)
    assert order == [0, 1, 2, 3, 4]


def test_a_full_room_refuses_at_once_and_the_gone_make_room() -> None:
    found = simulation(0.1, room=2)
    found.come(0.0, "default")
    found.come(0.0, "default", gone=True)
    found.come(0.0, "default")
    found.come(0.0, "default")
    assert [verdict for _, verdict, _, _ in found.settled] == ["go", "gone"]
    found.come(0.0, "default")
    assert found.settled[-1][1] == "rate"


def test_a_new_rate_counts_from_the_last_request() -> None:
    pace = Pace()
    pace.take(10.0)
    pace.rate_per_s = 0.5
    assert pace.ready_at == 12.0


def test_one_users_empty_budget_does_not_stop_another() -> None:
    found = simulation(None, user=1)
    found.come(0.0, "default", Caller("ann", ""))
    found.come(1.0, "default", Caller("ann", ""))
    found.come(2.0, "default", Caller("bob", ""))
    assert found.went() == [0.0, 2.0]
    found.until(21.0)
    assert found.settled[-1][:2] == (21.0, "budget")


@settings(deadline=None)
@given(st.lists(st.floats(0, 5), max_size=80), st.integers(1, 20))
def test_the_budget_never_sends_more_than_the_limit_in_its_window(gaps: list[float], limit: int) -> None:
    found, now = simulation(None, max_wait_s=10_000, user=limit), 0.0
    for gap in gaps:
        now += gap
        found.come(now, "default")
    found.until(math.inf)
    went = found.went()
    assert len(went) == len(gaps)
    for start in went:
        assert sum(start <= at < start + WINDOW_S for at in went) <= limit


def test_the_gateways_own_requests_go_when_nobody_else_wants_to_and_are_never_turned_away() -> None:
    sim = simulation(1.0, max_wait_s=20)
    order: list[str] = []

    def ticket(name: str, *, last: bool) -> Ticket:
        return Ticket(
            "default", ANN, first=False, settle=lambda verdict: order.append(f"{name} {verdict}"), last=last
        )

    sim.limiter.at_once("default", ANN, 0.0)
    sim.limiter.join(ticket("replay", last=True), 0.0)
    for n in range(3):
        sim.limiter.join(ticket(f"live {n}", last=False), 0.0)
    for second in range(1, 5):
        sim.limiter.turn(float(second))
    assert order == ["live 0 go", "live 1 go", "live 2 go", "replay go"]
    sim.limiter.join(ticket("late", last=True), 4.5)
    assert order[-1] == "replay go", "the pace is for it too"
    sim.limiter.turn(1000.0)
    assert order[-1] == "late go"


def test_who_waits_behind_the_gateways_own_requests_is_not_held_up_by_them() -> None:
    sim = simulation(None, user=1)
    assert sim.limiter.at_once("default", ANN, 0.0) == "go"
    sim.limiter.join(Ticket("default", ANN, first=False, settle=lambda _: None, last=True), 1.0)
    assert sim.limiter.at_once("default", Caller("bob", ""), 2.0) == "go"
