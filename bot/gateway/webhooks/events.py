"""What a delivery is about: the entity whose order it keeps, when it happened, and which one it repeats. Pure.

MaintainX puts neither the event's type nor an id into the body: the type is in the URL of its subscription, and the
entity's id has another field in each of the 46 types.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

EVENT = re.compile(r"[A-Z][A-Z_]{0,63}")
"""Names of events; one that is not known yet is taken like any other."""

COMMENT = "NEW_COMMENT_ON_WORK_ORDER"
"""Tells of a work order without saying how it is now."""

_IDS: Mapping[str, str] = {
    "workOrderId": "workorder",
    "assetId": "asset",
    "meterTriggerId": "metertrigger",
    "locationId": "location",
    "partId": "part",
    "purchaseOrderId": "purchaseorder",  # before vendorId, which its status change has too
    "vendorId": "vendor",
    "workRequestId": "workrequest",
    "requestId": "workrequest",  # WORK_REQUEST_STATUS_CHANGE calls it so
    "messageId": "message",
    "inviteLinkId": "invitelink",
    "roleId": "role",
    "webhookId": "webhook",
    "targetUserId": "user",
}
"""The field that names the entity, the first that is there; from the payloads of MaintainX's own document."""
_USER = "userId"
"""The entity of a user's own events; in all others it is whoever did it."""
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Told:
    """What a body says of itself."""

    entity: str | None
    """Such as ``workorder/123``; None where the event is about nothing that has an id (a token, an export)."""
    at: str
    """When it happened, UTC in ISO 8601 with milliseconds; empty where it does not say."""
    same: str
    """Equal for two deliveries that tell the same: event, entity and time, else event and a hash of the whole body."""


def read(event: str, body: bytes) -> Told:
    """What this body is about; a body that cannot be read is about nothing in particular."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        given = None
    fields: Mapping[str, Any] = given if isinstance(given, dict) else {}
    entity, at = _entity(event, fields), instant(fields.get("occurredAt")) or ""
    if entity is not None and at:
        return Told(entity, at, f"{event} {entity} {at}")
    return Told(entity, at, f"{event} #{hashlib.sha256(body).hexdigest()}")


def instant(text: Any) -> str | None:
    """A time as MaintainX writes it, in one form that can be compared; None where it is none."""
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    try:
        return at.astimezone(UTC).isoformat(timespec="milliseconds")
    except OverflowError:
        return None


def _entity(event: str, fields: Mapping[str, Any]) -> str | None:
    kinds = {**_IDS, _USER: "user"} if event.startswith("USER_") else _IDS
    for name, kind in kinds.items():
        number = fields.get(name)
        if (
            isinstance(number, int | str)
            and not isinstance(number, bool)
            and 0 < len(str(number)) <= _LONGEST_ID
        ):
            return f"{kind}/{number}"
    return None
