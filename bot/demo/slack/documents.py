"""What a workspace holds beside messages: files, canvases, bookmarks."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

Json = Any
"""JSON as it goes out on the wire."""

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "csv": "text/csv",
        "gif": "image/gif",
        "html": "text/html",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "json": "application/json",
        "log": "text/plain",
        "md": "text/markdown",
        "pdf": "application/pdf",
        "png": "image/png",
        "svg": "image/svg+xml",
        "txt": "text/plain",
        "webp": "image/webp",
        "zip": "application/zip",
    }
)
"""By the end of a file's name; of its own, since the machine's table differs from machine to machine."""


@dataclass(slots=True)
class File:
    """An upload: announced, received, and posted where it was shared."""

    id: str
    name: str
    length: int
    owner: str
    ticket: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """The secret part of the address that the bytes go to."""
    title: str = ""
    content: bytes | None = None
    deleted: bool = False
    shares: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Where it was posted: channel, message ts, thread ts."""

    @property
    def mimetype(self) -> str:
        """What the name says the file is; browsers and apps go by it."""
        return _TYPES.get(self.name.rpartition(".")[2].lower(), "application/octet-stream")

    def as_json(self, *, base: str) -> dict[str, Json]:
        """As files.info shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.title or self.name,
            "size": len(self.content or b""),
            "user": self.owner,
            "mode": "hosted",
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2].lower() if "." in self.name else "text",
            "url_private": f"{base}/files/{self.id}",
            "url_private_download": f"{base}/files/{self.id}/download/{quote(self.name)}",
            "permalink": f"{base}/files/{self.id}",
            "shares": {
                "public": {
                    channel: [{"ts": ts, "thread_ts": thread} if thread else {"ts": ts}]
                    for channel, ts, thread in self.shares
                }
            },
        }


@dataclass(slots=True)
class Canvas:
    """A document in Markdown, of its own or as a tab of a channel."""

    id: str
    title: str
    markdown: str
    channel: str | None = None
    """The channel whose tab it is."""
    readers: set[str] = field(default_factory=set)
    """Channels that were let in."""

    def as_json(self, *, base: str) -> dict[str, Json]:
        """As files.info shows it: Slack keeps canvases among the files."""
        return {
            "id": self.id,
            "name": self.title,
            "title": self.title,
            "mimetype": "application/vnd.slack-docs",
            "filetype": "quip",
            "size": len(self.markdown.encode()),
            "permalink": f"{base}/docs/{self.id}",
            "url_private": f"{base}/docs/{self.id}",
        }


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A link at the head of a channel."""

    id: str
    title: str
    link: str
    emoji: str
    at: float

    def as_json(self, channel: str) -> dict[str, Json]:
        """As bookmarks.* show it."""
        return {
            "id": self.id,
            "channel_id": channel,
            "title": self.title,
            "link": self.link,
            "emoji": self.emoji,
            "type": "link",
            "date_created": int(self.at),
            "date_updated": int(self.at),
        }
