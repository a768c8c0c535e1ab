"""Which messages would notify people, and which only look so."""

from typing import Any

import pytest

from bot.demo.slack.pings import notifications
from bot.demo.slack.records import Message, Version
from tests.demo.slack.raw import section

Json = Any


def message(text: str = "", *blocks: Json, parse: bool = False) -> Message:
    return Message("C1", "1.0", "U1", [Version(text=text, blocks=blocks, parse=parse)])


def rich(kind: str, *elements: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements)}]}


@pytest.mark.parametrize(
    ("seen", "pings"),
    [
        (message("<!channel> look"), ("<!channel>",)),
        (message("`<!here>` and <!everyone|everyone>"), ("<!here>", "<!everyone|everyone>")),
        (message("<@U012AB> <!subteam^S1|@ops>"), ("<@U012AB>", "<!subteam^S1|@ops>")),
        (message("x", section("<!channel>")), ("<!channel>",)),
        (
            message("x", {"type": "section", "fields": [{"type": "mrkdwn", "text": "<!here>"}]}),
            ("<!here>",),
        ),
        (
            message("x", {"type": "context", "elements": [{"type": "mrkdwn", "text": "<@U1>"}]}),
            ("<@U1>",),
        ),
        (message("x", {"type": "markdown", "text": "<!channel>"}), ("<!channel>",)),
        (message("x", rich("rich_text_section", {"type": "broadcast", "range": "here"})), ("<!here>",)),
        (message("x", rich("rich_text_section", {"type": "user", "user_id": "U1"})), ("<@U1>",)),
        (
            message("x", rich("rich_text_section", {"type": "usergroup", "usergroup_id": "S1"})),
            ("<!subteam^S1>",),
        ),
        (message("@channel", parse=True), ("@channel",)),
        (message("@channel"), ()),
        (message("&lt;!channel&gt;"), ()),
        (message("<https://example.com|site> <#C1>"), ()),
        (message("x", section("<!channel>", "plain_text")), ()),
        (message("x", rich("rich_text_preformatted", {"type": "text", "text": "<!channel>"})), ()),
    ],
)
def test_pings(seen: Message, pings: tuple[str, ...]) -> None:
    assert notifications(seen) == pings
