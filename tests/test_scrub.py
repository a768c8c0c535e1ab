"""The scrubber: by value and by shape, whatever stands around it, and nothing else."""

import timeit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.scrub import _SHAPES, Scrubber

SHAPED = (
    "Authorization: Bearer abcdefgh12345678",
    "basic dXNlcjpwYXNz",
    "eyJhbGciOi.eyJzdWIiOi.sig",
    "xoxb-123456-abcdef",
    "xapp-1-A0123456",
    "https://hooks.slack.com/services/T0/B0/xyz",
    "API_KEY=s3cr3t-value",
    '"token": "s3cr3t-value"',
    "pa\u017f\u017fword=s3cr3t-value",
    "to\u212aen=s3cr3t-value",
)


def by_every_shape(text: str) -> str:
    """What the scrubber does without its short cut."""
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(st.sampled_from([*SHAPED, " ", "\n", "x", "é", "the note", '"', "key", "{}"]), max_size=6)
)
def test_the_short_cut_finds_what_the_shapes_find(parts: list[str]) -> None:
    text = "".join(parts)

    assert Scrubber()(text) == by_every_shape(text)


@settings(max_examples=300, deadline=None)
@given(
    secrets=st.lists(st.text("abc", min_size=4, max_size=9), max_size=40),
    words=st.lists(st.text("abc ", max_size=30), max_size=5),
)
def test_many_secrets_are_hidden_as_if_they_were_looked_for_one_by_one(
    secrets: list[str], words: list[str]
) -> None:
    text = "-".join([*words, *secrets[::3]])
    expected = text
    for value in sorted({s for s in secrets if len(s) >= 6}, key=len, reverse=True):
        expected = expected.replace(value, "[redacted]")
    assert Scrubber(secrets)(text) == expected


def test_a_thousand_secrets_cost_hardly_more_than_ten() -> None:
    text = "connecting to api.getmaintainx.com timed out after 10 s; " * 4

    def seconds(count: int) -> float:
        scrub = Scrubber(f"a-secret-of-plant-{number:06}" for number in range(count))
        return min(timeit.repeat(lambda: scrub(text), number=50, repeat=5))

    assert seconds(1000) < 5 * seconds(10)


def test_every_shape_is_hidden() -> None:
    for text in (*SHAPED, "HTTPS://HOOKS.SLACK.COM/SERVICES/T0/B0/XYZ", "PASSWORD=S3CR3T-VALUE"):
        scrubbed = Scrubber()(f"seen: {text} here")
        assert scrubbed != f"seen: {text} here"
        assert "[redacted" in scrubbed


def test_a_configured_secret_is_hidden_by_value_and_a_rotated_one_from_then_on() -> None:
    scrub = Scrubber(["  first-secret\n", None, "short"])

    assert scrub("the first-secret is out, short is a word") == "the [redacted] is out, short is a word"
    assert scrub("second-one") == "second-one"
    scrub.learn("second-one")
    scrub.learn(None)
    assert scrub("second-one") == "[redacted]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
        ("key eyJhbGciOi.eyJzdWIiOi.c2lnbmF0", "key [redacted JWT]"),
        ("SLACK_BOT_TOKEN=xoxb-123456-abcdef", "SLACK_BOT_TOKEN=[redacted Slack token]"),
        ("see https://hooks.slack.com/commands/T1/2/3 now", "see [redacted Slack URL] now"),
        ('{"password": "hunter2hunter2"}', '{"password": "[redacted]"}'),
        ("api_key=0123456789abcdef&limit=1", "api_key=[redacted]&limit=1"),
        (
            "look: https://mx.example.com/incidents/mx-20261123-7f3a?key=aSXQAA.Zm9vYmFyYmF6cXV4cXV1eA-_",
            "look: https://mx.example.com/incidents/mx-20261123-7f3a?key=[redacted]",
        ),
        ("the vendor's key is configured-value", "the vendor's key is [redacted]"),
    ],
)
def test_secrets_are_hidden(text: str, shown: str) -> None:
    assert Scrubber(["configured-value"])(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        'curl -H "Authorization: Bearer $MAINTAINX_API_KEY" "https://api.example/v1/users?limit=1"',
        "`echo ${#MAINTAINX_API_KEY}` prints its length",
        "the token is mx in Plant Ltd",
        "rotate the API key, then restart",
    ],
)
def test_commands_and_sentences_stay_readable(text: str) -> None:
    assert Scrubber([None, "", "short"])(text) == text
