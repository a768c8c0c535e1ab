"""Escaping and Slack's limits, in the one place that keeps them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import blocks, limits
from bot.slack.limits import Mrkdwn

ATTACKS = (
    "<!channel>",
    "<!here>",
    "<@U0123>",
    "<!subteam^S1>",
    "<https://evil.example|click>",
    "a & b",
    "<!date^1^x|y>",
)


@pytest.mark.parametrize("words", ATTACKS)
def test_outside_words_are_shown_and_parsed_by_nobody(words: str) -> None:
    shown = limits.say("*{}*", words)
    assert "<" not in shown
    assert ">" not in shown
    assert shown == "*" + words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") + "*"


def test_our_own_markup_is_not_escaped_again() -> None:
    assert limits.say("{} has it: {}", limits.person("slack:U1"), "a<b") == "<@U1> has it: a&lt;b"


def test_only_a_user_id_becomes_a_mention() -> None:
    assert limits.person("slack:U1><!channel>") == "slack:U1&gt;&lt;!channel&gt;"
    assert limits.person("cli:ann@laptop") == "cli:ann@laptop"
    assert limits.person("pagerduty:Jo <Doe>") == "Jo &lt;Doe&gt; (in PagerDuty)"
    assert limits.with_people("slack:U1 started it <now>") == "<@U1> started it &lt;now&gt;"


@given(st.text())
def test_cut_mrkdwn_never_leaves_half_an_entity(text: str) -> None:
    shown = limits.cut_mrkdwn(limits.escape(text * 3), 40)
    assert len(shown) <= 40
    for tail in shown.split("&")[1:]:
        assert tail.startswith(("amp;", "lt;", "gt;"))


def test_cut_mrkdwn_never_leaves_half_a_mention() -> None:
    text = Mrkdwn("x" * 30 + "<@U012345678>")
    assert limits.cut_mrkdwn(text, 35) == "x" * 30 + "…"


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_plain_text_is_one_line_and_not_empty(text: str, limit: int) -> None:
    shown = limits.plain(text, limit)
    assert 1 <= len(shown) <= limit
    assert "\n" not in shown


def test_a_value_that_is_too_long_is_refused_not_cut() -> None:
    with pytest.raises(ValueError, match="2001 characters"):
        blocks.button("Go", action="run", value="x" * 2001)


def test_too_many_blocks_are_cut_to_fifty_and_the_buttons_stay() -> None:
    row = blocks.actions([blocks.button("Go", action="run", value="1")])
    made = limits.whole([*(blocks.section(limits.escape(str(n))) for n in range(80)), *row])
    assert len(made) == 50
    assert made[-2]["type"] == "actions"
    assert "left out" in str(made[-1])


def test_a_message_that_is_too_large_loses_its_longest_text_and_keeps_its_head_and_buttons() -> None:
    row = blocks.actions([blocks.button("Go", action="run", value="1")])
    long = [blocks.preformatted("é" * 2900) for _ in range(8)]
    made = limits.whole([blocks.header("SEV-2"), *long, *row])
    assert made[0]["type"] == "header"
    assert row[0] in made
    assert "left out" in str(made[-1])
    assert len(str(made)) < limits.WHOLE


def test_a_long_row_of_buttons_becomes_several_rows() -> None:
    rows = blocks.actions([blocks.button(str(n), action=f"a{n}", value="1") for n in range(60)])
    assert [len(row["elements"]) for row in rows] == [25, 25, 10]  # type: ignore[arg-type]


def test_every_length_is_cut_to_what_slack_takes() -> None:
    long = "y" * 5000
    button = blocks.button(long, action="a", value="v", confirm=blocks.confirm(long, long, yes=long))
    assert len(button["text"]["text"]) == 75  # type: ignore[index,call-overload,arg-type]
    dialog = button["confirm"]
    assert isinstance(dialog, dict)
    sizes = {part: len(dialog[part]["text"]) for part in ("title", "text", "confirm", "deny")}  # type: ignore[index,call-overload,arg-type]
    assert sizes == {"title": 100, "text": 300, "confirm": 30, "deny": 7}
    message = blocks.message(limits.escape(long))
    assert len(str(message["text"])) <= 4000
    assert message["unfurl_links"] is False
