"""The routes of the stand-in MaintainX: lists with filters and cursors, single items, writes. No network here."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bot.demo.maintainx import document
from bot.demo.maintainx.document import Bad, Param, words
from bot.demo.maintainx.rows import Row, Rows, stamp

Query = Mapping[str, list[str]]

_ID_FILTERS = {"assets": "assetId", "locations": "locationId", "vendors": "vendorId"}
_NOT_FOUND = {"/workorders": "Work Order Not Found"}
_WRITABLE: Mapping[str, tuple[str, ...]] = {
    "/workorders": words(
        "title description priority type assetId locationId assignees categories dueDate startDate estimatedTime "
        "externalData requesterId vendorIds partsUsed extraFields procedure procedureTemplateId isParent parentId "
        "skipRestHook workRequestId workOrderTemplateId repeatability recurrenceInfo"
    ),
    "/assets": words("name description locationId parentId serialNumber manufacturer model extraFields"),
    "/locations": words("name description address parentId extraFields"),
}
_NAME = {"/workorders": "title", "/assets": "name", "/locations": "name"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that goes with it (None: no body), or an HTML page's text."""

    status: int
    body: object = None
    html: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, past the door and the key: path without ``/v1``, organisation and user found."""

    method: str
    path: str
    query: Query
    body: bytes
    organisations: tuple[int, ...]
    user: int
    base_url: str


def bad(fault: Bad) -> Answer:
    """A 400 in the right envelope."""
    return Answer(400, fault.body())


NOT_FOUND = Answer(404, {"error": "Not Found."})


def answer(rows: Rows, asked: Asked) -> Answer:
    """Route a request to what the document says."""
    collection, *rest = asked.path.strip("/").split("/")
    path = f"/{collection}"
    if path not in rows.tables:
        return NOT_FOUND
    match asked.method, rest:
        case "GET", []:
            return _list(rows, asked, path)
        case "POST", [] if path in _WRITABLE:
            return _create(rows, asked, path)
        case _, [number, *tail] if number.isdigit() and int(number) in rows.tables[path]:
            return _one(rows, asked, path, int(number), tail)
        case _, [_, *_]:
            return Answer(404, {"error": _NOT_FOUND.get(path, "Not Found.")})
        case _:
            return NOT_FOUND


def _one(rows: Rows, asked: Asked, path: str, number: int, tail: list[str]) -> Answer:
    row = rows.tables[path][number]
    if row.get("organizationId", asked.organisations[0]) not in asked.organisations:
        return Answer(404, {"error": _NOT_FOUND.get(path, "Not Found.")})
    single = document.KEYS[path][1]
    match asked.method, tail:
        case "GET", []:
            if fault := document.check_query(asked.query, document.ITEM_QUERY):
                return bad(fault)
            return Answer(200, {single: row})
        case "PATCH", [] if path in _WRITABLE:
            values, fault = _written(asked, path)
            return bad(fault) if fault else Answer(200, {single: rows.change(path, number, values)})
        case "DELETE", [] if path in _WRITABLE:
            if fault := document.check_query(asked.query, document.WRITE_QUERY):
                return bad(fault)
            del rows.tables[path][number]
            return Answer(204)
        case "PATCH", ["status"] if path == "/workorders":
            return _set_status(rows, asked, number)
        case "POST", ["comments"] if path == "/workorders":
            return _comment(rows, asked, number)
        case "GET", ["comments"] if path == "/workorders":
            if fault := document.check_query(asked.query, document.COMMENTS_QUERY):
                return bad(fault)
            return Answer(
                200, {"comments": rows.comments.get(number, []), "nextCursor": None, "nextPageUrl": None}
            )
        case _:
            return NOT_FOUND


def _list(rows: Rows, asked: Asked, path: str) -> Answer:
    query = asked.query
    if fault := document.check_query(query, document.QUERY[path]):
        return bad(fault)
    limit = int(query.get("limit", [str(document.DEFAULT_LIMIT)])[0])
    field, descending = _order(query)
    found = [row for row in rows.tables[path].values() if _shown(row, asked, path, now=rows.now())]
    found.sort(key=lambda row: _place(row, field), reverse=descending)
    if "cursor" in query:
        after = _read_cursor(query["cursor"][0])
        if after is None:
            return bad(Bad("Invalid cursor"))
        found = [r for r in found if (_place(r, field) < after if descending else _place(r, field) > after)]
    page, more = found[:limit], len(found) > limit
    cursor = _cursor(_place(page[-1], field)) if more else None
    kept = [(name, value) for name, values in query.items() if name != "cursor" for value in values]
    url = f"{asked.base_url}{path}?{urlencode([*kept, ('cursor', cursor)])}" if cursor else None
    shown = [_listed(row, path, query) for row in page]
    return Answer(200, {document.KEYS[path][0]: shown, "nextCursor": cursor, "nextPageUrl": url})


def _shown(row: Row, asked: Asked, path: str, *, now: datetime) -> bool:
    query = asked.query
    if row.get("organizationId", asked.organisations[0]) not in asked.organisations:
        return False
    for name in ("createdAt", "updatedAt"):
        at = datetime.fromisoformat(str(row[name])) if name in row else None
        for edge in ("gte", "lte"):
            for text in query.get(f"{name}[{edge}]", []):
                bound = _aware(text)
                if at is None or (at < bound if edge == "gte" else at > bound):
                    return False
    if path != "/workorders":
        texts = {"email": "email", "manufacturer": "manufacturer", "model": "model", "name": "name"}
        texts |= {"locationId": "locationId"}
        return all(str(row.get(field)) in query[name] for name, field in texts.items() if name in query)
    if set(query.get("statuses", [])) >= {"CANCELED", "SKIPPED"}:
        return False  # measured on the real thing: the two together find nothing
    wanted = {"statuses": "status", "priorities": "priority"} | _ID_FILTERS
    if any(str(row.get(field)) not in query[name] for name, field in wanted.items() if name in query):
        return False
    unwanted = {f"not{name.capitalize()}": field for name, field in _ID_FILTERS.items()}
    if any(str(row.get(field)) in query[name] for name, field in unwanted.items() if name in query):
        return False
    if query.get("title", [""])[0].lower() not in str(row["title"]).lower():
        return False
    upcoming = query.get("show_upcoming") == ["true"]
    return upcoming or "startDate" not in row or _aware(str(row["startDate"])) <= now


def _listed(row: Row, path: str, query: Query) -> Row:
    if path == "/workorders":
        shown = {key: value for key, value in row.items() if key in document.WORK_ORDER_LIST_FIELDS}
        expand = query.get("expand", [])
        if "asset" in expand and "assetId" in row:
            shown["asset"] = {"id": row["assetId"]}
        return shown
    if path == "/users" and "role" not in query.get("expand", []):
        return {key: value for key, value in row.items() if key not in document.EXPANDED_USER_FIELDS}
    return row


def _order(query: Query) -> tuple[str, bool]:
    sort = query.get("sort", ["id"])[0]
    return sort.removeprefix("-"), sort.startswith("-")


def _place(row: Row, field: str) -> tuple[str, int]:
    number = int(str(row["id"]))
    return ("" if field == "id" else str(row.get(field, "")), number)


def _cursor(place: tuple[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _read_cursor(text: str) -> tuple[str, int] | None:
    try:
        match json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))):
            case [str() as value, int() as number]:
                return value, number
            case _:
                return None
    except (ValueError, binascii.Error):
        return None


def _create(rows: Rows, asked: Asked, path: str) -> Answer:
    values, fault = _written(asked, path)
    if fault:
        return bad(fault)
    name = _NAME[path]
    if name not in values:
        return bad(Bad(f"must have required property '{name}'", name))
    if path == "/workorders":
        values["creatorId"] = asked.user
    number = rows.add(path, values, organisation=asked.organisations[0])
    return Answer(200 if path == "/workorders" else 201, {"id": number})


def _written(asked: Asked, path: str) -> tuple[Row, Bad | None]:
    if fault := document.check_query(asked.query, document.WRITE_QUERY):
        return {}, fault
    values = _json_object(asked.body)
    if values is None:
        return {}, Bad("must be object", "body")
    name = _NAME[path]
    for key, value in values.items():
        if key not in _WRITABLE[path]:
            return {}, Bad("must NOT have additional properties", key)
        if key == name and not (isinstance(value, str) and value.strip()):
            return {}, Bad("must be a non-empty string", key, value)
    for key, enum in (("priority", document.PRIORITIES), ("type", document.WRITABLE_TYPES)):
        if values.get(key) is not None and values[key] not in enum:
            return {}, Bad(f"must be equal to one of the allowed values: {', '.join(enum)}", key, values[key])
    return values, None


def _set_status(rows: Rows, asked: Asked, number: int) -> Answer:
    if fault := document.check_query(asked.query, document.WRITE_QUERY):
        return bad(fault)
    status = (_json_object(asked.body) or {}).get("status")
    if status not in document.SETTABLE_STATUSES:
        allowed = ", ".join(document.SETTABLE_STATUSES)
        return bad(Bad(f"must be equal to one of the allowed values: {allowed}", "status", status))
    done: Row = {"completedAt": stamp(rows.now()), "completerId": asked.user} if status == "DONE" else {}
    return Answer(200, {"workOrder": rows.change("/workorders", number, {"status": status} | done)})


def _comment(rows: Rows, asked: Asked, number: int) -> Answer:
    if fault := document.check_query(asked.query, {"skipWebhook": Param("bool")}):
        return bad(fault)
    content = (_json_object(asked.body) or {}).get("content")
    if not isinstance(content, str) or not content:
        return bad(Bad("must have required property 'content'", "content"))
    return Answer(201, {"id": rows.comment(number, content, asked.user)})


def _json_object(body: bytes) -> Row | None:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
