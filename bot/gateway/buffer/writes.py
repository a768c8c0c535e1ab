"""A write that waits: what is kept of it, which entity it touches, how it goes out. Pure."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import unquote

from pydantic import JsonValue

from bot.gateway.buffer.tally import Place

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
MARK = "mx:"
"""Begins the marker in ``externalData``; the write's id follows."""

State = Literal["waiting", "sending", "delivered", "rejected", "unknown", "dropped"]

_KEPT = frozenset(
    {
        "accept",
        "accept-language",
        "content-encoding",
        "content-language",
        "content-type",
        "user-agent",
        "x-mx-job",
        "x-organization-ids",
    }
)
"""Headers that are kept with a write; the key never is, the organisation stands in a field of its own."""
_ID = re.compile(r"[0-9]{1,20}|[0-9a-fA-F-]{32,36}")
_ANSWER_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class NewWrite:
    """A write as it came; ``target`` is path and query as received, ``caller`` a keyed fingerprint."""

    id: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    organisation: str
    caller: bytes
    lane: str
    received_at: datetime

    @property
    def size(self) -> int:
        """Bytes that are kept of it."""
        return len(self.body) + len(self.target) + sum(len(n) + len(v) for n, v in self.headers)


@dataclass(frozen=True, slots=True)
class Write:
    """A buffered write as it stands now. ``body`` is None where it cannot be read (another ``MX_BUFFER_KEY``)."""

    seq: int
    id: str
    state: State
    parked: bool
    entity: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    size: int
    organisation: str
    lane: str
    received_at: datetime
    attempts: int
    sent_at: datetime | None
    answer_status: int | None
    answer: bytes | None
    says: str

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def place(self) -> Place:
        """Where it is counted."""
        return "parked" if self.parked else self.state

    @property
    def creates_work_order(self) -> bool:
        """``POST /workorders``: the one creation that can be looked for."""
        return self.method == "POST" and parts_of(self.target) == ("workorders",)

    def json(self) -> dict[str, JsonValue]:
        """As the contract shows it in a list."""
        answer: JsonValue = None
        if self.answer_status is not None or self.answer:
            body = (self.answer or b"").decode("utf-8", "replace")[:_ANSWER_SHOWN]
            answer = {"status": self.answer_status, "body": body}
        return {
            "buffer_id": self.id,
            "method": self.method,
            "path": self.path,
            "lane": self.lane,
            "state": self.state,
            "parked": self.parked,
            "entity": self.entity,
            "received_at": self.received_at.isoformat(),
            "sent_at": self.sent_at.isoformat() if self.sent_at else None,
            "attempts": self.attempts,
            "bytes": self.size,
            "says": self.says,
            "answer": answer,
        }


def parts_of(target: str) -> tuple[str, ...]:
    """The path's parts behind ``/v1``, as MaintainX would read them: ``("workorders", "12", "status")``."""
    path = unquote(target.partition("?")[0], errors="replace")
    parts = tuple(part for part in path.split("/") if part)
    return parts[1:] if parts and parts[0] == "v1" else parts


def entity_of(method: str, target: str, *, alone: str) -> str:
    """What the write touches: ``workorders/12`` for all that is done to that work order.

    A creation touches nothing that is there already, so it is an entity of its own, named ``alone``.
    """
    parts = parts_of(target)
    if len(parts) >= 2 and _ID.fullmatch(parts[1]):  # noqa: PLR2004 - a collection and an id
        return f"{parts[0].lower()}/{parts[1].lower()}"
    if method == "POST" and len(parts) == 1:
        return alone
    return "/".join(parts).lower() or alone


def kept_headers(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    """Of the lines that would be forwarded, those that are kept with a write."""
    pairs = (line.decode("utf-8", "surrogateescape").partition(":") for line in lines)
    return tuple((name, value.strip()) for name, _, value in pairs if name.lower() in _KEPT)


def marked(write: Write) -> tuple[bytes, Any]:
    """The body as it goes out, and the ``externalData`` by which it can be found again (None: it has none).

    A work order gets the write's id as its ``externalData`` where it has none of its own; nothing else is touched.
    """
    body = write.body or b""
    if not write.creates_work_order:
        return body, None
    given = read_json(body)
    if not isinstance(given, dict):
        return body, None
    if given.get("externalData") is not None:
        return body, given["externalData"]
    mark = MARK + write.id
    if "externalData" in given:  # an explicit null
        return json.dumps({**given, "externalData": mark}).encode(), mark
    head, _, rest = body.partition(b"{")
    comma = b"," if given else b""
    return head + b'{"externalData":' + json.dumps(mark).encode() + comma + rest, mark


def read_json(body: bytes | None) -> Any:
    """What a body says; None where it is no JSON in UTF-8, or nested so deeply that nobody reads it."""
    try:
        return json.loads(body.decode()) if body else None
    except (ValueError, RecursionError):
        return None


def without_webhook(target: str) -> str:
    """The target with ``skipWebhook=true``, which every write of the API takes."""
    path, _, query = target.partition("?")
    if "skipWebhook=" in query:
        return target
    return f"{path}?{query}&skipWebhook=true" if query else f"{path}?skipWebhook=true"
