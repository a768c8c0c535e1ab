"""What polling asks MaintainX, and how what changed is told to the integration: as the webhook would have been. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from bot.gateway.webhooks.deliveries import NewDelivery, new_id
from bot.gateway.webhooks.events import COMMENT, instant
from bot.maintainx_pages import query, read

BLIND_SPOTS = (
    "comments: they do not move a work order's updatedAt",
    "deletes: what is gone is on no list",
    "what lies between: of several changes to one thing within a round only the last state is seen",
    "who did it, and a status before the change: lists do not say",
    "everything else that has a webhook, such as work requests, meters, users and tokens: no list of it is filtered by date",
)
"""What polling cannot see, fit to show."""


@dataclass(frozen=True, slots=True)
class Collection:
    """A list that MaintainX filters by ``updatedAt``, and what its webhooks are called."""

    path: str
    entity: str
    id_field: str
    created: str
    changed: str
    row_field: str
    """Where the webhook has the thing itself."""


COLLECTIONS = {
    one.path: one
    for one in (
        Collection(
            "/workorders",
            "workorder",
            "workOrderId",
            "NEW_WORK_ORDER",
            "WORK_ORDER_CHANGE",
            "newWorkOrder",
        ),
        # MaintainX has no event for a changed asset; the name is made like the others.
        Collection("/assets", "asset", "assetId", "NEW_ASSET", "ASSET_CHANGE", "newAsset"),
        Collection("/parts", "part", "partId", "NEW_PART", "PART_CHANGE", "newPart"),
        Collection(
            "/purchaseorders",
            "purchaseorder",
            "purchaseOrderId",
            "NEW_PURCHASE_ORDER",
            "PURCHASE_ORDER_CHANGE",
            "newPurchaseOrder",
        ),
    )
}
"""By path."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that changed."""

    entity: str
    at: str
    created_at: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``cursor`` leads to the next, None: there is none."""

    rows: tuple[Row, ...]
    cursor: str | None


def target(collection: Collection, *, since: datetime, cursor: str | None) -> str:
    """Path and query of a page: the oldest change first, the filters the same on every page."""
    return f"/v1{collection.path}?{urlencode(query(collection.path, since=since, cursor=cursor))}"


def page(collection: Collection, body: bytes) -> Page | None:
    """Read a page; None where it is something else. Rows without an id or a time are passed over."""
    found = read(collection.path, body)
    if found is None:
        return None
    return Page(tuple(row for one in found.rows if (row := _row(collection, one))), found.cursor)


def delivery(
    collection: Collection,
    row: Row,
    *,
    since: str,
    told: set[tuple[str, str]],
    organisation: str,
    now: datetime,
    signed_with: int,
) -> NewDelivery | None:
    """The delivery of a row; None where the integration was told of this very change already.

    ``told`` are events and times of what was delivered of this entity; ``since`` is where the round begins.
    """
    if any(at == row.at and event != COMMENT for event, at in told):
        return None
    known = any(event == collection.created for event, _ in told)
    event = collection.created if row.created_at >= since and not known else collection.changed
    body: dict[str, Any] = {collection.id_field: row.content["id"]}
    org = row.content.get("organizationId") or (int(organisation) if organisation.isdigit() else None)
    if org is not None:
        body["orgId"] = org
    body |= {"occurredAt": row.content.get("updatedAt") or row.content.get("createdAt")}
    body[collection.row_field] = row.content
    return NewDelivery(
        id=new_id(),
        same=f"polled {row.entity} {row.at}",
        event=event,
        entity=row.entity,
        at=row.at,
        polled=True,
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        received_at=now,
        signed_with=signed_with,
    )


def _row(collection: Collection, content: Mapping[str, Any]) -> Row | None:
    number = content.get("id")
    created = instant(content.get("createdAt"))
    at = instant(content.get("updatedAt")) or created
    if not isinstance(number, int | str) or isinstance(number, bool) or not str(number) or at is None:
        return None
    return Row(f"{collection.entity}/{number}", at, created or "", content)
