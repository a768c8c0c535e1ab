"""What Slack allows, as one table of its own: a stand-in that shared the bot's figures would share its mistakes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

# Calls per minute that each tier allows at least; Slack publishes them as "N+ per minute".
TIER = MappingProxyType({1: 1, 2: 20, 3: 50, 4: 100})

# The methods that the stand-in serves, by tier. What is missing here has special limits, or none that matter.
METHOD_TIERS: Mapping[str, int] = MappingProxyType(
    {
        "apps.connections.open": 3,
        "bookmarks.add": 2,
        "bookmarks.edit": 2,
        "bookmarks.list": 3,
        "bookmarks.remove": 2,
        "bots.info": 3,
        "canvases.access.set": 3,
        "canvases.create": 2,
        "canvases.delete": 3,
        "canvases.edit": 3,
        "chat.delete": 3,
        "chat.postEphemeral": 4,
        "chat.update": 3,
        "conversations.archive": 2,
        "conversations.canvases.create": 2,
        "conversations.create": 2,
        "conversations.history": 3,
        "conversations.info": 3,
        "conversations.invite": 3,
        "conversations.join": 3,
        "conversations.list": 2,
        "conversations.members": 4,
        "conversations.open": 3,
        "conversations.replies": 3,
        "conversations.setPurpose": 2,
        "conversations.setTopic": 2,
        "files.completeUploadExternal": 4,
        "files.delete": 3,
        "files.getUploadURLExternal": 4,
        "files.info": 4,
        "pins.add": 2,
        "pins.list": 2,
        "pins.remove": 2,
        "reactions.add": 3,
        "reactions.get": 3,
        "reactions.remove": 2,
        "team.info": 3,
        "usergroups.list": 2,
        "usergroups.users.list": 2,
        "users.conversations": 3,
        "users.info": 4,
        "users.list": 2,
        "views.open": 4,
        "views.publish": 4,
        "views.push": 4,
        "views.update": 4,
    }
)

# What an incident bot's manifest asks for, unless a workspace is started with other scopes.
DEFAULT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "canvases:write",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "reactions:read",
        "usergroups:read",
        "users:read",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Slack's limits of time, rate and size. Seconds are real seconds; a test may shorten or lift them."""

    ack_s: float = 3.0
    """How long the app has to answer a delivery."""
    trigger_s: float = 3.0
    """How long a trigger_id lives; it also works once only."""
    response_url_s: float = 1800.0
    response_url_uses: int = 5
    event_retries_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    """The waits before the Events API's second, third and fourth attempt."""

    rates: bool = True
    """False lifts every rate limit."""
    posts_per_s: float = 1.0
    """Messages per second and channel, over time."""
    post_burst: int = 5
    """Messages that one channel takes at once."""
    window_s: float = 60.0
    """The window over which calls of one method are counted."""
    calls: Mapping[str, int] = field(
        default_factory=lambda: {method: TIER[tier] for method, tier in METHOD_TIERS.items()}
    )
    """Calls of each method within one window."""

    markdown_text: int = 12_000
    """chat.postMessage refuses markdown_text over this length."""
    post_text: int = 40_000
    """chat.postMessage cuts text at this length without an error."""
    update_text: int = 4_000
    """chat.update refuses text over this length: msg_too_long."""
    blocks_chars: int = 13_200
    """All blocks of a message together: msg_blocks_too_long. Slack does not publish it; others measured it."""
    metadata_bytes: int = 8_000
    view_bytes: int = 250_000
    view_stack: int = 3
    attachments: int = 100
    bookmarks: int = 100
    canvas_bytes: int = 1_048_576
    """A canvas's Markdown: 1 MiB."""
    history_page: int = 100
    history_page_max: int = 999
