"""A manifest, as the JSON that Slack shows, says what the stand-in offers for the app."""

import json
from typing import Any

import pytest

from bot.demo.slack.manifest import Manifest, ManifestFault, Shortcut, read_manifest

WHOLE = {
    "display_information": {"name": "Demo App"},
    "features": {
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
        "bot_user": {"display_name": "demo", "always_online": True},
        "slash_commands": [{"command": "/demo", "description": "Do it"}, {"command": "/more"}],
        "shortcuts": [
            {"name": "Keep", "type": "message", "callback_id": "keep", "description": "Keep it"},
            {"name": "New", "type": "global", "callback_id": "new", "description": "Make one"},
        ],
    },
    "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
    "settings": {"event_subscriptions": {"bot_events": ["app_mention", "team_join"]}},
}


def test_a_manifest_is_read() -> None:
    assert read_manifest(json.dumps(WHOLE)) == Manifest(
        name="demo",
        commands=frozenset({"/demo", "/more"}),
        shortcuts=(Shortcut("keep", "Keep"), Shortcut("new", "New", "global")),
        subscriptions=frozenset({"app_mention"}),
        scopes=frozenset({"commands", "chat:write"}),
        home_tab=True,
        unknown=("team_join",),
    )


def test_a_bare_manifest_asks_for_nothing() -> None:
    bare = read_manifest('{"display_information": {"name": "Bare"}}')
    assert bare == Manifest("Bare", frozenset(), (), frozenset(), frozenset(), home_tab=False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("display_information:\n  name: x", "is not JSON"),
        ([], "no object under 'features'"),
        ({"features": 1}, "no object under 'features'"),
        ({"features": {"slash_commands": [{}]}}, "command is missing"),
        ({"features": {"slash_commands": {"command": "/x"}}}, "no list of objects"),
        ({"features": {"shortcuts": [{"type": "loud", "name": "x", "callback_id": "x"}]}}, "'loud'"),
        ({"oauth_config": {"scopes": {"bot": [1]}}}, "oauth_config.scopes.bot is no list of words"),
    ],
)
def test_a_bad_manifest_says_what_is_wrong(change: Any, says: str) -> None:
    text = change if isinstance(change, str) else json.dumps(change)
    with pytest.raises(ManifestFault, match=says):
        read_manifest(text)
