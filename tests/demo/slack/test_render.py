"""A message reads in a terminal as it reads in Slack."""

from typing import Any

from bot.demo.slack.controls import find_control
from bot.demo.slack.records import Message, Version, View
from bot.demo.slack.render import plain, render, render_confirm, render_view
from tests.demo.slack.raw import CONFIRM, actions, button, section

Json = Any
NAMES = {"U1": "Ana", "S1": "responders", "C1": "incidents"}


def message(*versions: Version, only: str | None = None) -> Message:
    return Message("C1", "1.0", "U1", list(versions), ephemeral_to=only)


def test_a_card_reads_from_top_to_bottom() -> None:
    seen = Version(
        text="fallback",
        blocks=(
            {"type": "header", "text": {"type": "plain_text", "text": "SEV-2: rate limited"}},
            section("*MaintainX* answers 429 to `workorders` &amp; others, says <@U1>."),
            {
                "type": "section",
                "fields": [
                    {"type": "mrkdwn", "text": "*Verdict*\nmaintainx"},
                    {"type": "mrkdwn", "text": "*Owner*\nnobody"},
                ],
            },
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_preformatted",
                        "elements": [
                            {"type": "text", "text": "users       ok    91 ms\nworkorders  429  120 ms"}
                        ],
                    }
                ],
            },
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "asked 3 times"}]},
            {"type": "divider"},
            actions(
                button("Enable emergency rate limit", style="danger", confirm=CONFIRM),
                button("Acknowledge", "ack"),
            ),
        ),
    )
    assert render(message(seen), names=NAMES.__getitem__, width=60) == (
        "SEV-2: rate limited",
        "───────────────────",
        "MaintainX answers 429 to workorders & others, says @Ana.",
        "Verdict                        Owner",
        "maintainx                      nobody",
        "  users       ok    91 ms",
        "  workorders  429  120 ms",
        "· asked 3 times",
        "─" * 60,
        "[ Enable emergency rate limit ]  [ Acknowledge ]",
    )


def test_a_confirm_dialog_reads_as_a_question() -> None:
    block = {**actions(button(confirm=CONFIRM)), "block_id": "b"}
    dialog = find_control([block], "go").confirm
    assert dialog is not None
    assert render_confirm(dialog) == (
        "Limit the gateway?",
        "1 request per second, two jobs paused.",
        "[ Leave it ]  [ Limit ]",
    )


def test_text_alone_files_marks_and_privacy() -> None:
    seen = message(Version(text="one"), Version(text="two"), only="U1")
    assert render(seen, files=["report.md"]) == (
        "(only visible to you)",
        "two",
        "[file] report.md",
        "(edited)",
    )


def test_tables_lists_and_menus() -> None:
    cell = {"type": "raw_text", "text": "workorders"}
    blocks: tuple[Json, ...] = (
        {"type": "table", "rows": [[cell, {"type": "raw_text", "text": "429"}], [{**cell, "text": "users"}]]},
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "ordered",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "text", "text": "ask "}, {"type": "user", "user_id": "U1"}],
                        }
                    ],
                }
            ],
        },
        actions({"type": "users_select", "placeholder": {"type": "plain_text", "text": "Owner"}}),
    )
    assert render(message(Version(text="", blocks=blocks)), names=NAMES.__getitem__) == (
        "workorders  429",
        "users",
        "1. ask @Ana",
        "[ Owner ▾ ]",
    )


def test_a_modal_reads_with_its_buttons() -> None:
    body = {
        "title": {"type": "plain_text", "text": "Hand over"},
        "submit": {"type": "plain_text", "text": "Send"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            {
                "type": "input",
                "label": {"type": "plain_text", "text": "Owner"},
                "element": {"type": "users_select", "action_id": "owner"},
            }
        ],
    }
    view = View(id="V1", user="U1", body=body, hash="h", root="V1")
    assert render_view(view) == ("Hand over", "Owner: [ users_select ▾ ]", "[ Cancel ]  [ Send ]")


def test_mrkdwn_reads_as_words() -> None:
    text = "<!channel> <#C1> <!subteam^S1> <https://example.com|site> :warning: 2*3*4 _ok_ `a*b*c` &lt;x&gt;"
    assert plain(text, NAMES.__getitem__) == (
        "@channel #incidents @responders site (https://example.com) ⚠ 2*3*4 ok a*b*c <x>"
    )
