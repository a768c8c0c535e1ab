"""A look says what may be asked of the replay, what is refused and why, and what stands in the way of the end."""

from datetime import UTC, datetime

import pytest

from bot.domain.backlog import Backlog, BufferedWrite, Control, ReplayProgress
from bot.domain.look import Look, refused

AT = datetime(2026, 11, 23, 2, 20, tzinfo=UTC)
OLDEST = datetime(2026, 11, 23, 2, 14, tzinfo=UTC)


def parked(number: int) -> BufferedWrite:
    return BufferedWrite(
        buffer_id=f"mxb_{number}",
        method="POST",
        path="/v1/workorders",
        state="unknown",
        parked=True,
        received_at=OLDEST,
    )


@pytest.mark.parametrize(
    ("look", "controls"),
    [
        (Look(at=AT), ()),
        (Look(at=AT, mode="draining", buffer=Backlog(waiting=3)), ("start",)),
        (Look(at=AT, mode="buffering", buffer=Backlog(waiting=3)), ()),
        (Look(at=AT, mode="draining", replay=ReplayProgress(state="running")), ("pause", "cancel")),
        (Look(at=AT, mode="draining", replay=ReplayProgress(state="paused")), ("resume", "cancel")),
        (Look(at=AT, mode="draining", buffer=Backlog(waiting=3), trouble="away"), ()),
    ],
)
def test_what_may_be_asked_follows_from_what_is_seen(look: Look, controls: tuple[Control, ...]) -> None:
    assert look.controls == controls
    for action in controls:
        assert refused(action, look.replay) is None


@pytest.mark.parametrize(
    ("action", "state", "says"),
    [
        ("start", "running", "The replay is running already, started by slack:UANN: 1 of 3 done: 2 left"),
        ("start", "paused", "A replay is held, started by slack:UANN"),
        ("pause", "paused", "The replay is held already"),
        ("pause", "done", "The replay is over, so there is nothing to pause."),
        ("cancel", "idle", "The replay is not running, so there is nothing to cancel."),
    ],
)
def test_what_is_no_use_is_refused_with_how_it_is(action: Control, state: str, says: str) -> None:
    now = ReplayProgress.model_validate(
        {"state": state, "total": 3, "done": 1, "left": 2, "by": "slack:UANN"}
    )
    assert (refused(action, now) or "").startswith(says)


def test_waiting_and_parked_writes_stand_in_the_way_and_are_named() -> None:
    look = Look(
        at=AT,
        buffer=Backlog(waiting=137, parked=5, oldest=OLDEST),
        parked=(parked(1), parked(2)),
    )
    waiting, unknown = look.unmet(UTC)
    assert waiting.startswith("137 writes wait at the gateway (the oldest since 02:14 UTC)")
    assert "mxb_1 (POST /v1/workorders of 02:14 UTC), mxb_2" in unknown
    assert "and 3 more" in unknown
    assert Look(at=AT, buffer=Backlog(rejected=2, delivered=9)).unmet(UTC) == ()


def test_nothing_is_shown_where_nothing_waits() -> None:
    assert not Look(at=AT, buffer=Backlog(delivered=9), trouble="away").matters
    assert Look(at=AT, buffer=Backlog(rejected=1)).matters
