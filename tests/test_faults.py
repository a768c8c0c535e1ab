"""What the log says of an unexpected error: its kind and its place, and no words that could be a secret."""

import pytest

from bot.faults import where


def test_kind_and_place_but_neither_message_nor_values() -> None:
    secret = "xoxb-hunter2"
    with pytest.raises(ValueError, match=secret) as caught:
        int(secret)
    says = where(caught.value)
    assert says.startswith("ValueError at ")
    assert "test_faults.py:" in says
    assert secret not in says


def test_an_error_that_was_never_raised_has_no_place() -> None:
    assert where(KeyError("x")) == "KeyError"
