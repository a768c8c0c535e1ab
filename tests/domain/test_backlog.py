"""What waits at the gateway is read from its JSON and told in words that a person can plan by."""

from datetime import UTC, datetime

import pytest

from bot.domain.backlog import BufferedWrite, BufferPage, ReplayProgress
from bot.domain.gateway import GatewayStatus
from bot.domain.telling import about
from bot.errors import OutsideError

AT = "2026-11-23T02:14:00+00:00"


def test_the_status_tells_what_waits_and_how_far_the_replay_is() -> None:
    status = GatewayStatus.from_json(
        {
            "mode": "draining",
            "traffic": {},
            "buffer": {
                "waiting": 97,
                "sending": 1,
                "parked": 2,
                "oldest": AT,
                "full": "size",
                "limit_bytes": 5,
            },
            "circuit": {"state": "open", "failures": 5, "since": AT, "says": "5 timeouts in a row"},
            "replay": {
                "state": "running",
                "total": 137,
                "done": 39,
                "left": 98,
                "rate_per_min": 40.0,
                "eta_s": 147,
            },
            "disk": {"path": "mx-gateway.db", "keeps": False, "says": "memory"},
        }
    )
    assert (status.buffer.undelivered, status.buffer.full, status.buffer.parked) == (98, "size", 2)
    assert status.buffer.oldest == datetime(2026, 11, 23, 2, 14, tzinfo=UTC)
    assert status.replay.line == "39 of 137 done: 98 left, 40 a minute, about 2 minutes to go"
    assert (status.circuit.state, status.disk.keeps) == ("open", False)


def test_a_gateway_without_a_buffer_has_nothing_waiting() -> None:
    status = GatewayStatus.from_json({"mode": "pass", "traffic": {}, "buffer": {"waiting": 0}})
    assert (status.buffer.undelivered, status.replay.state, status.disk.keeps) == (0, "idle", None)


def test_a_held_replay_promises_no_rate() -> None:
    held = ReplayProgress(state="paused", total=10, done=4, left=5, parked=1, rate_per_min=40)
    assert held.line == "4 of 10 done: 5 left, 1 parked"
    assert held.bar(10) == "████░░░░░░"
    assert ReplayProgress().bar(4) == "░░░░"


def test_a_write_says_what_it_is_and_whether_a_person_is_waited_for() -> None:
    write = BufferedWrite(
        buffer_id="mxb_1",
        method="POST",
        path="/v1/workorders",
        state="unknown",
        parked=True,
        received_at=AT,  # type: ignore[arg-type] # as JSON has it
    )
    assert write.label(UTC) == "POST /v1/workorders of 02:14 UTC"
    assert write.fate == "parked"


def test_what_is_no_buffer_is_refused_with_what_to_look_at() -> None:
    with pytest.raises(OutsideError, match="reading the gateway's buffer"):
        BufferPage.from_json({"counts": {}, "items": [{"buffer_id": "mxb_1"}]})


@pytest.mark.parametrize(
    ("seconds", "says"),
    [(0.2, "about 1 s"), (56, "about 56 s"), (205, "about 3 minutes"), (7300, "about 2 hours")],
)
def test_a_length_of_time_is_told_to_plan_by(seconds: float, says: str) -> None:
    assert about(seconds) == says
