"""What a workspace holds: people, channels, messages with all their versions, modals, files."""

from dataclasses import dataclass, field
from typing import Any, Literal

from bot.demo.slack.documents import Bookmark

Json = Any
"""JSON as it came over the wire or goes out on it."""

Role = Literal["member", "guest", "single-channel guest", "outsider", "bot"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the workspace; a guest is restricted, an outsider belongs to another workspace."""

    id: str
    name: str
    role: Role
    team: str
    bot_id: str | None = None
    deleted: bool = False

    def as_json(self) -> dict[str, Json]:
        """As users.info shows it."""
        return {
            "id": self.id,
            "team_id": self.team,
            "name": self.name.lower().replace(" ", "."),
            "real_name": self.name,
            "deleted": self.deleted,
            "tz": "Etc/UTC",
            "is_admin": False,
            "is_owner": False,
            "is_restricted": self.role in {"guest", "single-channel guest"},
            "is_ultra_restricted": self.role == "single-channel guest",
            "is_stranger": self.role == "outsider",
            "is_bot": self.role == "bot",
            "is_app_user": False,
            "profile": {"real_name": self.name, "display_name": self.name, "team": self.team},
        }


@dataclass(slots=True)
class Channel:
    """A conversation and who is in it, in the order they joined."""

    id: str
    name: str
    private: bool
    members: list[str]
    archived: bool = False
    pins: list[str] = field(default_factory=list)
    bookmarks: list[Bookmark] = field(default_factory=list)
    topic: str = ""
    purpose: str = ""
    direct: str | None = None
    """The person whose direct messages with the app these are; None for a channel."""

    @property
    def kind(self) -> Literal["channel", "group", "im"]:
        """Slack's ``channel_type``."""
        return "im" if self.direct else "group" if self.private else "channel"

    def as_json(self, *, member: bool) -> dict[str, Json]:
        """As conversations.info shows it; ``member`` says whether the asker is in it."""
        if self.direct:
            return {"id": self.id, "is_im": True, "is_archived": False, "user": self.direct}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": not self.private,
            "is_group": self.private,
            "is_im": False,
            "is_mpim": False,
            "is_private": self.private,
            "is_archived": self.archived,
            "is_member": member,
            "is_shared": False,
            "is_ext_shared": False,
            "num_members": len(self.members),
            "topic": {"value": self.topic, "creator": "", "last_set": 0},
            "purpose": {"value": self.purpose, "creator": "", "last_set": 0},
        }


@dataclass(frozen=True, slots=True)
class Version:
    """A message as it was at one time; an edit adds a version."""

    text: str
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    metadata: Json = None
    at: float = 0.0
    parse: bool = False
    """Posted with ``link_names`` or ``parse: full``: a bare @here pings then."""


@dataclass(slots=True)
class Message:
    """One message in a channel or a thread, or one ephemeral message to one person."""

    channel: str
    ts: str
    user: str
    versions: list[Version]
    bot_id: str | None = None
    thread_ts: str | None = None
    broadcast: bool = False
    ephemeral_to: str | None = None
    files: tuple[str, ...] = ()
    reactions: dict[str, list[str]] = field(default_factory=dict)
    deleted: bool = False

    @property
    def now(self) -> Version:
        """What people see now."""
        return self.versions[-1]

    @property
    def text(self) -> str:
        """The text of what people see now: the fallback where there are blocks."""
        return self.now.text

    @property
    def blocks(self) -> tuple[Json, ...]:
        """The blocks of what people see now."""
        return self.now.blocks

    @property
    def edited(self) -> bool:
        """Whether it was changed after it was posted."""
        return len(self.versions) > 1

    def as_json(self, *, version: Version | None = None, metadata: bool = False) -> dict[str, Json]:
        """As the Web API and payloads show it, in one of its versions (the latest unless told)."""
        seen = version or self.now
        shown: dict[str, Json] = {"type": "message", "user": self.user, "text": seen.text, "ts": self.ts}
        if self.bot_id:
            shown["bot_id"] = self.bot_id
        if seen.blocks:
            shown["blocks"] = list(seen.blocks)
        if seen.attachments:
            shown["attachments"] = list(seen.attachments)
        if self.thread_ts:
            shown["thread_ts"] = self.thread_ts
        if seen.metadata and metadata:
            shown["metadata"] = seen.metadata
        if len(self.versions) > 1:
            shown["edited"] = {"user": self.user, "ts": f"{seen.at:.6f}"}
        if self.reactions:
            shown["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
            ]
        return shown


@dataclass(slots=True)
class View:
    """A modal that one person has open, or the App Home that the app published for one person."""

    id: str
    user: str
    body: dict[str, Json]
    hash: str
    root: str
    previous: str | None = None
    state: dict[str, Json] = field(default_factory=dict)
    """What the person has chosen so far: block_id -> action_id -> value object."""

    def as_json(self, *, team: str, app: str, bot: str) -> dict[str, Json]:
        """As views.* answers and payloads show it."""
        home = self.body["type"] == "home"
        return {
            "id": self.id,
            "team_id": team,
            "app_id": app,
            "app_installed_team_id": team,
            "bot_id": bot,
            "type": self.body["type"],
            "title": None if home else self.body["title"],
            "submit": self.body.get("submit"),
            "close": self.body.get("close"),
            "blocks": self.body["blocks"],
            "private_metadata": self.body.get("private_metadata", ""),
            "callback_id": self.body.get("callback_id", ""),
            "external_id": self.body.get("external_id", ""),
            "state": {"values": self.state},
            "hash": self.hash,
            "clear_on_close": self.body.get("clear_on_close", False),
            "notify_on_close": self.body.get("notify_on_close", False),
            "submit_disabled": self.body.get("submit_disabled", False),
            "root_view_id": self.root,
            "previous_view_id": self.previous,
        }
