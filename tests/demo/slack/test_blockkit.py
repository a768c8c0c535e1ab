"""What Block Kit refuses, one bad message at a time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.slack.blockkit import blocks_faults, view_faults
from tests.demo.slack.raw import CONFIRM, actions, button, section

Json = Any


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def options(count: int) -> Json:
    return [{"text": plain(f"Option {n}"), "value": str(n)} for n in range(count)]


def menu(**more: Json) -> Json:
    return {"type": "static_select", "action_id": "pick", **more}


FIELD = {"type": "mrkdwn", "text": "x"}

GOOD: list[tuple[str, Json]] = [
    ("a header", {"type": "header", "text": plain("x" * 150)}),
    ("a long section", section("x" * 3000)),
    ("ten fields", {"type": "section", "fields": [FIELD] * 10}),
    ("25 buttons", actions(*(button(action_id=str(n)) for n in range(25)))),
    ("a confirm dialog", actions(button(confirm=CONFIRM, style="danger", value="v" * 2000))),
    ("a menu", actions(menu(options=options(100)))),
    ("an accessory", section("x") | {"accessory": button()}),
    ("a divider", {"type": "divider"}),
    ("an image", {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}),
    ("context", {"type": "context", "elements": [FIELD] * 10}),
    (
        "preformatted text",
        {
            "type": "rich_text",
            "elements": [
                {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "<!channel>"}]}
            ],
        },
    ),
    ("a table", {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 20] * 100}),
    ("markdown", {"type": "markdown", "text": "x" * 12_000}),
]


@pytest.mark.parametrize("block", [block for _, block in GOOD], ids=[name for name, _ in GOOD])
def test_a_block_at_its_limits_is_taken(block: Json) -> None:
    assert blocks_faults([block]) == []


BAD: list[tuple[str, Json, str]] = [
    ("unknown block", {"type": "banner"}, "/0/type"),
    ("no type", {"text": plain("x")}, "/0"),
    ("not an object", "divider", "/0"),
    ("unknown key", {"type": "divider", "colour": "red"}, "/0"),
    ("long header", {"type": "header", "text": plain("x" * 151)}, "/0/text/text"),
    ("mrkdwn header", {"type": "header", "text": FIELD}, "/0/text/type"),
    ("long section", section("x" * 3001), "/0/text/text"),
    ("empty section text", section(""), "/0/text/text"),
    ("section of nothing", {"type": "section"}, "/0"),
    ("eleven fields", {"type": "section", "fields": [FIELD] * 11}, "/0/fields"),
    ("long field", {"type": "section", "fields": [FIELD | {"text": "x" * 2001}]}, "/0/fields/0/text"),
    ("no buttons", actions(), "/0/elements"),
    ("26 buttons", actions(*(button(action_id=str(n)) for n in range(26))), "/0/elements"),
    ("the same action twice", actions(button(), button("Again")), "/0/elements/1/action_id"),
    ("long label", actions(button("x" * 76)), "/0/elements/0/text/text"),
    ("long value", actions(button(value="v" * 2001)), "/0/elements/0/value"),
    ("long action_id", actions(button(action_id="a" * 256)), "/0/elements/0/action_id"),
    ("unknown style", actions(button(style="loud")), "/0/elements/0/style"),
    ("disabled button", actions(button(disabled=True)), "/0/elements/0"),
    ("unknown element", actions({"type": "slider", "action_id": "s"}), "/0/elements/0/type"),
    ("text input outside an input block", actions({"type": "plain_text_input"}), "/0/elements/0/type"),
    ("long confirm title", actions(button(confirm=CONFIRM | {"title": plain("x" * 101)})), "title/text"),
    ("long confirm text", actions(button(confirm=CONFIRM | {"text": plain("x" * 301)})), "text/text"),
    ("long confirm button", actions(button(confirm=CONFIRM | {"confirm": plain("x" * 31)})), "confirm/text"),
    ("long deny button", actions(button(confirm=CONFIRM | {"deny": plain("x" * 31)})), "deny/text"),
    ("confirm without text", actions(button(confirm={"title": plain("x")})), "/0/elements/0/confirm"),
    ("101 options", actions(menu(options=options(101))), "/0/elements/0/options"),
    ("no options", actions(menu()), "/0/elements/0"),
    (
        "options and groups",
        actions(menu(options=options(1), option_groups=[{"label": plain("g"), "options": options(1)}])),
        "/0/elements/0",
    ),
    ("long placeholder", actions(menu(options=options(1), placeholder=plain("x" * 151))), "placeholder/text"),
    (
        "eleven checkboxes",
        actions({"type": "checkboxes", "action_id": "c", "options": options(11)}),
        "/0/elements/0/options",
    ),
    ("eleven context elements", {"type": "context", "elements": [FIELD] * 11}, "/0/elements"),
    ("long block_id", {"type": "divider", "block_id": "b" * 256}, "/0/block_id"),
    ("image of nothing", {"type": "image", "alt_text": "a"}, "/0"),
    ("image without words", {"type": "image", "image_url": "https://example.com/a.png"}, "/0"),
    ("101 rows", {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]] * 101}, "/0/rows"),
    ("21 cells", {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 21]}, "/0/rows/0"),
    ("emoji in mrkdwn", {"type": "section", "text": FIELD | {"emoji": True}}, "/0/text"),
    (
        "a mention in preformatted text",
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]}],
        },
        "/0/elements/0/elements/0/type",
    ),
]


@pytest.mark.parametrize(
    ("block", "pointer"), [(block, pointer) for _, block, pointer in BAD], ids=[name for name, _, _ in BAD]
)
def test_a_bad_block_is_refused_with_its_place(block: Json, pointer: str) -> None:
    faults = blocks_faults([block], at="")
    assert any(fault.pointer.endswith(pointer) for fault in faults), faults


def test_a_fault_has_the_shape_of_blocks_validate() -> None:
    [fault] = blocks_faults([section("x" * 3001)], at="")
    assert fault.as_json() == {
        "code": "too_long",
        "message": "must be less than 3001 characters",
        "field": "text",
        "pointer": "/0/text/text",
        "constraint": "max:3000",
    }


@pytest.mark.parametrize(
    ("blocks", "word"),
    [
        ([{"type": "divider"}] * 51, "no more than 50 items"),
        ([{"type": "divider", "block_id": "same"}] * 2, "already exists"),
        ([{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]}] * 2, "only one table"),
        ([{"type": "markdown", "text": "x" * 6_001}] * 2, "together"),
        ({"type": "divider"}, "array"),
    ],
)
def test_a_message_is_refused_as_a_whole(blocks: Json, word: str) -> None:
    assert any(word in fault.message for fault in blocks_faults(blocks))


def test_the_same_action_in_two_blocks_is_taken_as_slack_takes_it() -> None:
    assert blocks_faults([actions(button()), actions(button())]) == []


JSON: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "section", "button", "mrkdwn", "x" * 99]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "text", "elements", "fields", "accessory", "rows", "action_id"]), inner
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_is_too_odd_to_be_judged(value: Json) -> None:
    assert all(
        fault.message for fault in [*blocks_faults(value), *blocks_faults([value]), *view_faults(value)]
    )


INPUT = {
    "type": "input",
    "label": plain("Why"),
    "element": {"type": "plain_text_input", "action_id": "why"},
}
MODAL = {"type": "modal", "title": plain("Hand over"), "submit": plain("Send"), "blocks": [INPUT]}


def test_a_modal_at_its_limits_is_taken() -> None:
    view = MODAL | {
        "title": plain("x" * 24),
        "private_metadata": "m" * 3000,
        "blocks": [{"type": "divider"}] * 99 + [INPUT],
    }
    assert view_faults(view) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": plain("x" * 25)}, "/view/title/text"),
        ({"submit": plain("x" * 25)}, "/view/submit/text"),
        ({"close": plain("x" * 25)}, "/view/close/text"),
        ({"private_metadata": "m" * 3001}, "/view/private_metadata"),
        ({"callback_id": "c" * 256}, "/view/callback_id"),
        ({"blocks": [{"type": "divider"}] * 101}, "/view/blocks"),
        ({"blocks": [INPUT | {"label": plain("x" * 2001)}]}, "/view/blocks/0/label/text"),
        ({"blocks": [INPUT | {"element": button()}]}, "/view/blocks/0/element/type"),
        ({"type": "dialog"}, "/view/type"),
        ({"colour": "red"}, "/view"),
    ],
)
def test_a_bad_modal_is_refused_with_its_place(change: Json, pointer: str) -> None:
    assert pointer in [fault.pointer for fault in view_faults(MODAL | change)]


def test_a_modal_with_an_input_needs_a_submit_button() -> None:
    view = {key: value for key, value in MODAL.items() if key != "submit"}
    assert any("submit" in fault.message for fault in view_faults(view))
