"""What the vendor's API document says of parameters, enums and list fields: restated for the paths we play."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

PRIORITIES = ("NONE", "LOW", "MEDIUM", "HIGH")
STATUSES = ("OPEN", "IN_PROGRESS", "ON_HOLD", "DONE", "CANCELED", "SKIPPED")
SETTABLE_STATUSES = STATUSES[:5]
WRITABLE_TYPES = ("OTHER", "REACTIVE", "PREVENTIVE")
MAX_LIMIT = 200
DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Param:
    """One query parameter: what its value may be."""

    kind: Literal["text", "int", "bool", "date", "limit"] = "text"
    many: bool = False
    enum: tuple[str, ...] = ()


def words(text: str) -> tuple[str, ...]:
    """The words of a line, for lists of names that read best as one."""
    return tuple(text.split())


_PAGING = {"cursor": Param(), "limit": Param("limit")}
_DATES = {f"{name}[{edge}]": Param("date") for name in ("updatedAt", "createdAt") for edge in ("gte", "lte")}
_MANY = Param(many=True)
_IDS = Param("int", many=True)


def _sort(*names: str) -> Param:
    return Param(enum=names + tuple(f"-{name}" for name in names))


def _expand(names: str) -> Param:
    return Param(many=True, enum=words(names))


_BY_AGE = _sort("id", "createdAt", "updatedAt")

QUERY: Mapping[str, Mapping[str, Param]] = {
    "/users": _PAGING
    | {"onlyAssignable": Param("bool"), "email": _MANY, "expand": _expand("role extra_fields")},
    "/workorders": _PAGING
    | _DATES
    | dict.fromkeys(
        words("assets notAssets locations notLocations parts notParts vendors notVendors assignees teams"),
        _IDS,
    )
    | {
        "title": Param(),
        "categories": _MANY,
        "notCategories": _MANY,
        "priorities": Param(many=True, enum=PRIORITIES),
        "statuses": Param(many=True, enum=STATUSES),
        "partStatuses": _expand("NO_PARTS ASSIGNED RESERVED KITTED STAGED ISSUED"),
        "parentSubWorkOrderTypes": _expand("PARENT SUB_WORK_ORDER STANDALONE"),
        "show_upcoming": Param("bool"),
        "sort": _sort("updatedAt", "createdAt", "dueDate", "startedAt", "completedAt"),
        "expand": _expand(
            "thumbnail assignees categories parts asset location procedure vendor_ids times time_items expenditures "
            "extra_fields part_extra_fields asset_extra_fields location_extra_fields estimated_time"
        ),
    },
    "/assets": _PAGING
    | _DATES
    | {
        "locationId": Param("int"),
        "manufacturer": _MANY,
        "model": _MANY,
        "customFieldName": _MANY,
        "sort": _BY_AGE,
        "expand": _expand(
            "barcode team_ids asset_types extra_fields vendor_ids depreciation status manufacturer model"
        ),
    },
    "/locations": _PAGING
    | {
        "name": Param(),
        "customFieldName": _MANY,
        "expand": _expand("extra_fields team_ids vendor_ids barcode"),
    },
    "/parts": _PAGING
    | _DATES
    | {
        "partNumber": _MANY,
        "customFieldName": _MANY,
        "sort": _BY_AGE,
        "expand": _expand("extra_fields vendors"),
    },
    "/purchaseorders": _PAGING | _DATES | {"customFieldName": _MANY, "sort": _BY_AGE},
    "/organizations": _PAGING,
}
"""The query parameters of each list; anything else is answered 400."""

ITEM_QUERY: Mapping[str, Param] = {
    "expand": Param(many=True),
    "useSequentialId": Param("bool"),
    "skipWebhook": Param("bool"),
}
WRITE_QUERY: Mapping[str, Param] = {"skipWebhook": Param("bool"), "expand": Param(many=True)}
COMMENTS_QUERY: Mapping[str, Param] = _PAGING

KEYS: Mapping[str, tuple[str, str]] = {
    "/users": ("users", "user"),
    "/workorders": ("workOrders", "workOrder"),
    "/assets": ("assets", "asset"),
    "/locations": ("locations", "location"),
    "/parts": ("parts", "part"),
    "/purchaseorders": ("purchaseOrders", "purchaseOrder"),
    "/organizations": ("organizations", "organization"),
}
"""The key of each collection's list, and of one item."""

WORK_ORDER_LIST_FIELDS = frozenset(
    words(
        "id sequentialId title updatedAt status completedAt completerId createdAt creatorId description dueDate "
        "dueDateIsFullDay lastMessageSentAt startDate locationId organizationId partStatus priority requesterId type"
    )
)
"""What a work order shows in a list: no asset id, no assignees, and no ``externalData``."""

EXPANDED_USER_FIELDS = frozenset({"role", "extraFields"})

MANY_ORGANISATIONS = frozenset({"/assets", "/locations", "/parts"})
"""Lists that take ``x-organization-ids`` in place of ``x-organization-id``."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A 400: the envelope with one ``error``, or with ``errors`` where ``field`` is given."""

    error: str
    field: str | None = None
    value: object = None

    def body(self) -> dict[str, object]:
        """The JSON of the answer."""
        if self.field is None:
            return {"error": self.error}
        entry: dict[str, object] = {"error": self.error, "fieldPath": self.field}
        if self.value is not None:
            entry["fieldValue"] = self.value
        return {"errors": [entry]}


def check_query(query: Mapping[str, list[str]], allowed: Mapping[str, Param]) -> Bad | None:
    """The first fault of a query string in the vendor's words, or None."""
    for name, values in query.items():
        param = allowed.get(name)
        if param is None:
            return Bad(f"'{name}' is not a valid query parameter")
        if len(values) > 1 and not param.many:
            return Bad(f"'{name}' must be given once")
        for value in values:
            if bad := _check(name, value, param):
                return bad
    return None


def _check(name: str, value: str, param: Param) -> Bad | None:
    if param.enum and value not in param.enum:
        return Bad(f"'{value}' is not a member of {','.join(param.enum)}")
    match param.kind:
        case "limit":
            return _check_limit(name, value)
        case "int" if not value.isdigit():
            return Bad("must be integer", name, value)
        case "bool" if value not in {"true", "false"}:
            return Bad("must be boolean", name, value)
        case "date" if not _is_date(value):
            return Bad("must be an ISO 8601 date", name, value)
        case _:
            return None


def _check_limit(name: str, value: str) -> Bad | None:
    try:
        number = int(value)
    except ValueError:
        return Bad("must be integer", name, value)
    if number > MAX_LIMIT:
        return Bad(f"must be <= {MAX_LIMIT}", name, number)
    if number < 1:
        return Bad("must be >= 1", name, number)
    return None


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def openapi(missing: frozenset[str]) -> dict[str, object]:
    """The published document, as far as triage compares it: the paths that are there."""
    paths: dict[str, object] = {}
    for path in QUERY:
        if path not in missing:
            names = [{"name": name, "in": "query"} for name in QUERY[path]]
            paths[path] = {"get": {"parameters": names, "responses": {"200": {"description": "The list"}}}}
            paths[f"{path}/{{id}}"] = {
                "get": {"parameters": [], "responses": {"200": {"description": "One"}}}
            }
    return {"openapi": "3.0.0", "info": {"title": "MaintainX stand-in", "version": "1"}, "paths": paths}
