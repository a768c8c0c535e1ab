"""The API's addresses, headers and error envelopes."""

import pytest

from bot import maintainx


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://api.getmaintainx.com/v1", "https://api.getmaintainx.com"),
        ("https://api.getmaintainx.com/v1/", "https://api.getmaintainx.com"),
        ("http://127.0.0.1:9/proxy/v1", "http://127.0.0.1:9/proxy"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
    ],
)
def test_origin_is_the_base_url_without_its_version(base: str, expected: str) -> None:
    assert maintainx.origin(base) == expected


def test_rate_headers_are_read_and_rubbish_is_absent() -> None:
    read = maintainx.rate_headers(
        {
            "X-Rate-Limit-Limit": "100",
            "X-Rate-Limit-Remaining": "soon",
            "X-Rate-Limit-Reset": "12",
            "Retry-After": "nan",
        }
    )
    assert (read.limit, read.remaining, read.reset_s, read.retry_after_s) == (100, None, 12.0, None)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error":"Invalid token"}', "Invalid token"),
        (b'{"errors":[{"error":"must be <= 200","fieldPath":"limit"}]}', "must be <= 200"),
        (b'"just a string"', "just a string"),
        (b"<html>Bad gateway</html>", None),
        (b"[]", None),
    ],
)
def test_both_error_envelopes_are_understood(body: bytes, words: str | None) -> None:
    assert maintainx.error_text(body) == words
