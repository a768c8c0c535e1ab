"""What became of a request that got no answer."""

import pytest

from bot.gateway.fates import fate
from bot.gateway.upstream import Lost, Phase


@pytest.mark.parametrize(
    ("method", "phase", "sent", "says"),
    [
        ("POST", "connect", False, "unsent"),
        ("GET", "dns", False, "unsent"),
        ("POST", "lost", True, "unknown"),
        ("PUT", "answer_timeout", True, "unknown"),
        ("DELETE", "malformed", True, "unknown"),
        ("GET", "lost", True, "unread"),
        ("HEAD", "answer_timeout", True, "unread"),
        ("POST", "client", False, "client"),
        ("POST", "client", True, "client"),
    ],
)
def test_only_a_write_that_may_have_arrived_is_of_unknown_fate(
    method: str, phase: Phase, sent: bool, says: str
) -> None:
    assert fate(Lost(phase, "", sent=sent), method) == says
