"""Finding what a person means: by action_id, by label, or by the place of one of several with the same action_id."""

import pytest

from bot.demo.slack.controls import find_control


def _input(block: str, label: str) -> dict[str, object]:
    element = {"type": "plain_text_input", "action_id": "value"}
    return {
        "type": "input",
        "block_id": block,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }


def test_of_two_with_one_action_id_the_place_tells_which() -> None:
    two = [_input("to", "Who"), _input("text", "What")]
    assert find_control(two, "text/value").label == "What"
    assert find_control(two, "Who").block_id == "to"
    with pytest.raises(LookupError, match="2 controls are called 'value'"):
        find_control(two, "value")
    with pytest.raises(LookupError, match="2 controls are called 'gone/value'"):
        find_control(two, "gone/value")
    assert find_control(two[:1], "another-block/value").label == "Who", "the app goes by the action_id"
