"""MaintainX's 46 webhooks as its API document of July 2026 has them: the fields of each payload, and what it is about."""

EVENTS: dict[str, tuple[str, str | None]] = {
    "API_TOKEN_CREATED": ("orgId actorId occurredAt", None),
    "API_TOKEN_REVOKED": ("orgId actorId occurredAt", None),
    "ASSET_STATUS_CHANGE": ("assetId orgId occurredAt", "asset/assetId"),
    "CONNECTOR_TOKEN_REVOKED": ("orgId actorId occurredAt", None),
    "DATA_EXPORT_INITIATED": ("orgId actorId occurredAt", None),
    "INVITE_LINK_ARCHIVED": ("orgId actorId inviteLinkId occurredAt", "invitelink/inviteLinkId"),
    "INVITE_LINK_CREATED": ("orgId actorId inviteLinkId occurredAt", "invitelink/inviteLinkId"),
    "INVITE_LINK_UPDATED": ("orgId actorId inviteLinkId occurredAt", "invitelink/inviteLinkId"),
    "METER_TRIGGER_STATE_CHANGE": ("meterTriggerId meterId orgId occurredAt", "metertrigger/meterTriggerId"),
    "NEW_ASSET": ("assetId orgId occurredAt", "asset/assetId"),
    "NEW_CATEGORY_ON_WORK_ORDER": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "NEW_COMMENT_ON_WORK_ORDER": ("orgId workOrderId occurredAt", "workorder/workOrderId"),
    "NEW_LOCATION": ("locationId orgId occurredAt", "location/locationId"),
    "NEW_PART": ("partId orgId occurredAt", "part/partId"),
    "NEW_PURCHASE_ORDER": ("purchaseOrderId orgId occurredAt userId", "purchaseorder/purchaseOrderId"),
    "NEW_SLASH_COMMAND": ("messageId orgId occurredAt", "message/messageId"),
    "NEW_VENDOR": ("vendorId orgId occurredAt", "vendor/vendorId"),
    "NEW_WORK_ORDER": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "NEW_WORK_REQUEST": ("workRequestId orgId occurredAt", "workrequest/workRequestId"),
    "PART_CHANGE": ("partId orgId occurredAt", "part/partId"),
    "PART_DELETE": ("partId orgId occurredAt", "part/partId"),
    "PART_QUANTITY_CHANGE": (
        "partId orgId quantityDiff oldQuantity newQuantity userId occurredAt",
        "part/partId",
    ),
    "PART_TRANSFER": ("transferRequestId userId totalQuantity triggeredAt", None),
    "PURCHASE_ORDER_CHANGE": ("purchaseOrderId orgId occurredAt", "purchaseorder/purchaseOrderId"),
    "PURCHASE_ORDER_STATUS_CHANGE": (
        "purchaseOrderId orgId vendorId occurredAt",
        "purchaseorder/purchaseOrderId",
    ),
    "ROLE_ARCHIVED": ("orgId actorId roleId occurredAt", "role/roleId"),
    "ROLE_CREATED": ("orgId actorId roleId occurredAt", "role/roleId"),
    "ROLE_UPDATED": ("orgId actorId roleId occurredAt", "role/roleId"),
    "SSO_CONFIG_CHANGED": ("orgId actorId occurredAt", None),
    "USER_ACTIVATED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "USER_INVITED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "USER_LOGIN_FAILURE": ("orgId occurredAt", None),
    "USER_LOGIN_SUCCESS": ("orgId userId occurredAt", "user/userId"),
    "USER_LOGOUT": ("orgId userId occurredAt", "user/userId"),
    "USER_PERMISSIONS_CHANGED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "USER_REMOVED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "USER_ROLE_CHANGED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "USER_SESSION_REVOKED": ("orgId actorId targetUserId occurredAt", "user/targetUserId"),
    "WEBHOOK_ARCHIVED": ("orgId actorId webhookId occurredAt", "webhook/webhookId"),
    "WEBHOOK_CREATED": ("orgId actorId webhookId occurredAt", "webhook/webhookId"),
    "WORK_ORDER_CHANGE": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "WORK_ORDER_DELETE": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "WORK_ORDER_OVERDUE": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "WORK_ORDER_PART_STATUS_CHANGE": ("workOrderId orgId occurredAt", "workorder/workOrderId"),
    "WORK_ORDER_STATUS_CHANGE": ("workOrderId orgId userId occurredAt", "workorder/workOrderId"),
    "WORK_REQUEST_STATUS_CHANGE": ("requestId orgId occurredAt", "workrequest/requestId"),
}
"""By event: the payload's numbers and times, and kind and field of its entity; None: it has none."""


def payload(event: str) -> dict[str, object]:
    """A body of this event: each number is another one."""
    names = EVENTS[event][0].split()
    times = {"occurredAt", "triggeredAt"}
    return {n: "2026-11-23T09:00:00.000Z" if n in times else 100 + place for place, n in enumerate(names)}
