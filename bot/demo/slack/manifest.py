"""What an app asks of its workspace: commands, shortcuts, scopes and the events it subscribes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One shortcut of the app: on a message's menu, or in the composer's own."""

    callback_id: str
    name: str
    kind: Literal["message", "global"] = "message"


EVENT_SCOPES: Mapping[str, str | None] = MappingProxyType(
    {
        "app_home_opened": None,
        "app_mention": "app_mentions:read",
        "channel_archive": "channels:read",
        "file_shared": "files:read",
        "member_joined_channel": "channels:read",
        "member_left_channel": "channels:read",
        "message.channels": "channels:history",
        "message.groups": "groups:history",
        "message.im": "im:history",
        "pin_added": "pins:read",
        "reaction_added": "reactions:read",
        "reaction_removed": "reactions:read",
    }
)
"""The events that the stand-in knows, and the scope without which none of them is delivered."""

SUBSCRIPTIONS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "message.channels",
        "message.groups",
        "reaction_added",
        "reaction_removed",
    }
)
"""What an incident bot subscribes to, unless a workspace is started with others."""

SHORTCUTS = (Shortcut("mx_keep", "Put on the timeline"),)
"""The shortcuts of an incident bot, unless a workspace is started with others."""
