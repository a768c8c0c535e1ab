"""What the log says of an unexpected error: its kind and its place, and no words that could be a secret."""

import logging

import pytest

from bot.faults import where, wordless


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


def test_a_librarys_error_is_logged_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    logger = wordless("mx.test.wordless")
    with caplog.at_level(logging.INFO):
        try:
            int("xoxb-hunter2")
        except ValueError:
            logger.exception("Error handling request from %s", "127.0.0.1")
        logger.warning("left %s alone", "as it is")
    assert "hunter2" not in caplog.text
    assert "Error handling request from 127.0.0.1: ValueError at " in caplog.text
    assert "left as it is alone" in caplog.text
