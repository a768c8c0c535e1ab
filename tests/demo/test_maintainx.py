"""The stand-in MaintainX answers as the vendor's document and recorded calls say."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.demo.maintainx import FakeMaintainX

ORGANISATION = 4711

# A hand-written excerpt of the vendor's document: each list's parameters, and what is no parameter of it.
PAGING = {"cursor", "limit"}
DATES = {"createdAt[gte]", "createdAt[lte]", "updatedAt[gte]", "updatedAt[lte]"}
LISTS: dict[str, tuple[str, set[str], set[str]]] = {
    "/users": ("users", PAGING | {"onlyAssignable", "email", "expand"}, DATES | {"sort", "name"}),
    "/workorders": (
        "workOrders",
        PAGING
        | DATES
        | {
            "title",
            "assets",
            "notAssets",
            "locations",
            "notLocations",
            "parts",
            "notParts",
            "vendors",
            "notVendors",
        }
        | {"assignees", "teams", "categories", "notCategories", "priorities", "statuses", "partStatuses"}
        | {"parentSubWorkOrderTypes", "show_upcoming", "sort", "expand"},
        {"status", "createdAtGte", "updatedAtGte", "page", "createdAt"},
    ),
    "/assets": (
        "assets",
        PAGING | DATES | {"locationId", "manufacturer", "model", "customFieldName", "sort", "expand"},
        {"name", "location", "createdAtGte"},
    ),
    "/locations": ("locations", PAGING | {"name", "customFieldName", "expand"}, DATES | {"sort"}),
}
VALUES = {
    "limit": "1",
    "sort": "-updatedAt",
    "onlyAssignable": "true",
    "show_upcoming": "true",
    "priorities": "HIGH",
    "statuses": "OPEN",
    "partStatuses": "KITTED",
    "parentSubWorkOrderTypes": "PARENT",
    "locationId": "1",
}
EXPAND = {"/users": "role", "/workorders": "asset", "/assets": "barcode", "/locations": "barcode"}


@pytest.fixture
async def maintainx() -> AsyncIterator[FakeMaintainX]:
    async with FakeMaintainX.start(key="k-123456", user_limit=10_000, organisation_limit=10_000) as fake:
        yield fake


@pytest.fixture
async def api(maintainx: FakeMaintainX) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer k-123456"}
    async with aiohttp.ClientSession(base_url=maintainx.base_url + "/", headers=headers) as session:
        yield session


async def get(
    api: aiohttp.ClientSession, path: str, **params: str | list[str]
) -> tuple[int, dict[str, object]]:
    pairs = [(k, v) for k, vs in params.items() for v in ([vs] if isinstance(vs, str) else vs)]
    async with api.get(path.lstrip("/"), params=pairs) as answer:
        return answer.status, await answer.json()


def rows(body: dict[str, object], key: str) -> list[dict[str, object]]:
    found = body[key]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("path", LISTS)
async def test_each_list_takes_the_documents_parameters_and_no_other(
    path: str, api: aiohttp.ClientSession
) -> None:
    key, known, unknown = LISTS[path]
    for name in known - {"cursor"}:
        value = EXPAND[path] if name == "expand" else VALUES.get(name, "1")
        value = "2026-01-01T00:00:00Z" if name in DATES else value
        status, body = await get(api, path, **{name: value})
        assert status == 200, (name, body)
        assert set(body) == {key, "nextCursor", "nextPageUrl"}
    for name in unknown:
        status, body = await get(api, path, **{name: "1"})
        assert (status, body) == (400, {"error": f"'{name}' is not a valid query parameter"})


@pytest.mark.parametrize(
    ("limit", "words"), [("250", "must be <= 200"), ("0", "must be >= 1"), ("many", "must be integer")]
)
async def test_limit_is_1_to_200(limit: str, words: str, api: aiohttp.ClientSession) -> None:
    status, body = await get(api, "/workorders", limit=limit)
    value: object = limit if limit == "many" else int(limit)
    assert (status, body) == (400, {"errors": [{"error": words, "fieldPath": "limit", "fieldValue": value}]})


async def test_a_wrong_enum_names_its_members(api: aiohttp.ClientSession) -> None:
    status, body = await get(api, "/workorders", statuses="COMPLETED")
    assert status == 400
    assert body == {"error": "'COMPLETED' is not a member of OPEN,IN_PROGRESS,ON_HOLD,DONE,CANCELED,SKIPPED"}


async def test_cursors_walk_all_rows_once_and_keep_the_filters(api: aiohttp.ClientSession) -> None:
    seen: list[object] = []
    status, body = await get(api, "/workorders", statuses=["OPEN", "DONE"], sort="-createdAt", limit="40")
    while status == 200:
        seen += [row["id"] for row in rows(body, "workOrders")]
        assert {row["status"] for row in rows(body, "workOrders")} <= {"OPEN", "DONE"}
        if body["nextCursor"] is None:
            assert body["nextPageUrl"] is None
            break
        async with api.get(str(body["nextPageUrl"])) as answer:
            status, body = answer.status, await answer.json()
    assert len(seen) == len(set(seen)) > 80


async def test_the_default_page_is_100_and_null_fields_are_left_out(api: aiohttp.ClientSession) -> None:
    _, body = await get(api, "/workorders")
    found = rows(body, "workOrders")
    assert len(found) == 100
    assert not [row for row in found if None in row.values()]
    assert "assetId" not in found[0]


async def test_date_filters_filter(maintainx: FakeMaintainX, api: aiohttp.ClientSession) -> None:
    order = maintainx.rows.add("/workorders", {"title": "New"})
    at = str(maintainx.workorders[order]["createdAt"])
    _, since = await get(api, "/workorders", **{"createdAt[gte]": at})
    _, until = await get(api, "/workorders", **{"createdAt[lte]": "2020-01-01T00:00:00Z"})
    assert [row["id"] for row in rows(since, "workOrders")] == [order]
    assert rows(until, "workOrders") == []


async def test_canceled_and_skipped_together_find_nothing(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    for status in ("CANCELED", "SKIPPED"):
        maintainx.rows.add("/workorders", {"title": "Gone", "status": status})
    _, one = await get(api, "/workorders", statuses="CANCELED")
    code, both = await get(api, "/workorders", statuses=["CANCELED", "SKIPPED"])
    assert len(rows(one, "workOrders")) == 1
    assert (code, both["workOrders"], both["nextCursor"]) == (200, [], None)


async def test_work_orders_in_the_future_show_only_when_asked_for(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    maintainx.rows.add("/workorders", {"title": "Next century", "startDate": "2126-01-01T00:00:00Z"})
    _, hidden = await get(api, "/workorders", title="next century")
    _, shown = await get(api, "/workorders", title="next century", show_upcoming="true")
    assert (len(rows(hidden, "workOrders")), len(rows(shown, "workOrders"))) == (0, 1)


async def test_a_work_order_is_created_read_changed_and_deleted(api: aiohttp.ClientSession) -> None:
    new = {"title": "Seal", "priority": "HIGH", "externalData": {"mx": "abc"}}
    async with api.post("workorders?skipWebhook=true", json=new) as answer:
        assert answer.status == 200
        body = await answer.json()
        assert list(body) == ["id"]
    path = f"workorders/{body['id']}"
    async with api.get(path) as answer:
        order = (await answer.json())["workOrder"]
    assert (order["title"], order["status"], order["externalData"]) == ("Seal", "OPEN", {"mx": "abc"})
    _, listed = await get(api, "/workorders", title="Seal", sort="-createdAt", limit="1")
    assert "externalData" not in rows(listed, "workOrders")[0]
    async with api.patch(path, json={"title": "Seal 2", "description": None}) as answer:
        assert (answer.status, (await answer.json())["workOrder"]["title"]) == (200, "Seal 2")
    async with api.patch(f"{path}/status", json={"status": "DONE"}) as answer:
        assert (answer.status, (await answer.json())["workOrder"]["status"]) == (200, "DONE")
    async with api.delete(path) as answer:
        assert (answer.status, await answer.read()) == (204, b"")
    async with api.get(path) as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "Work Order Not Found"})


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "workorders", {}, "title"),
        ("POST", "workorders", {"title": " "}, "title"),
        ("POST", "workorders", {"title": "x", "priority": "URGENT"}, "priority"),
        ("POST", "workorders", {"title": "x", "type": "CYCLE_COUNT"}, "type"),
        ("POST", "workorders", ["x"], "body"),
        ("PATCH", "workorders/ID", {"status": "DONE"}, "status"),
        ("PATCH", "workorders/ID/status", {"status": "SKIPPED"}, "status"),
        ("POST", "workorders/ID/comments", {}, "content"),
        ("POST", "assets", {"description": "nameless"}, "name"),
    ],
)
async def test_a_bad_write_is_told_its_field(
    method: str, path: str, body: object, field: str, maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    order = next(iter(maintainx.workorders))
    before = dict(maintainx.workorders[order])
    async with api.request(method, path.replace("ID", str(order)), json=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["errors"][0]["fieldPath"] == field
    assert maintainx.workorders[order] == before


async def test_a_comment_is_201_and_does_not_move_updated_at(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    order = next(iter(maintainx.workorders))
    before = maintainx.workorders[order]["updatedAt"]
    async with api.post(f"workorders/{order}/comments", json={"content": "On my way"}) as answer:
        assert answer.status == 201
    assert maintainx.workorders[order]["updatedAt"] == before
    _, listed = await get(api, f"/workorders/{order}/comments")
    assert rows(listed, "comments")[0]["content"] == "On my way"


async def test_versions_and_the_document_need_no_key(maintainx: FakeMaintainX) -> None:
    async with aiohttp.ClientSession() as nobody:
        async with nobody.get(f"{maintainx.origin}/versions") as answer:
            assert (answer.status, await answer.json()) == (200, [{"version": "1"}])
        async with nobody.get(f"{maintainx.base_url}/openapi.json") as answer:
            assert set(LISTS) <= set((await answer.json())["paths"])
        async with nobody.get(f"{maintainx.base_url}/versions") as answer:
            assert answer.status == 401


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Basic abc"])
async def test_no_key_is_told_in_html(header: str | None, maintainx: FakeMaintainX) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with (
        aiohttp.ClientSession() as nobody,
        nobody.get(f"{maintainx.base_url}/users", headers=headers) as answer,
    ):
        assert (answer.status, answer.content_type) == (401, "text/html")
        assert await answer.text() == "Invalid authentication token"


async def test_a_wrong_or_revoked_key_is_told_in_json(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    assert (await get(api, "/users"))[0] == 200
    maintainx.revoke_key("k-123456")
    async with api.get("users") as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "Invalid token"})
        assert "X-Rate-Limit-Limit" not in answer.headers


async def test_a_token_of_several_organisations_must_name_one(maintainx: FakeMaintainX) -> None:
    maintainx.add_key("k-many", organisations=(ORGANISATION, 99))
    async with aiohttp.ClientSession(
        base_url=maintainx.base_url + "/", headers={"Authorization": "Bearer k-many"}
    ) as api:
        assert await get(api, "/assets") == (
            400,
            {"errors": [{"error": "Missing x-organization-id header."}]},
        )
        for name, value, status, count in [
            ("x-organization-id", "4711", 200, 8),
            ("x-organization-id", "99", 200, 0),
            ("x-organization-ids", "4711,99", 200, 8),
            ("x-organization-id", "5", 401, None),
            ("x-organization-id", "mine", 401, None),
        ]:
            async with api.get("assets", headers={name: value}) as answer:
                assert answer.status == status
                if count is not None:
                    assert len((await answer.json())["assets"]) == count
        both = {"x-organization-id": "99", "x-organization-ids": "99"}
        async with api.get("assets", headers=both) as answer:
            assert answer.status == 400


@pytest.mark.parametrize("path", ["nothing", "workorders/1", "workorders/abc", "teams"])
async def test_what_is_not_there_is_404(path: str, api: aiohttp.ClientSession) -> None:
    status, body = await get(api, path)
    assert status == 404
    assert str(body["error"]).endswith(("Not Found.", "Not Found"))


async def test_every_request_is_recorded_without_the_key(
    maintainx: FakeMaintainX, api: aiohttp.ClientSession
) -> None:
    await get(api, "/users", limit="1")
    await get(api, "/workorders", page="2")
    first, second = maintainx.requests
    assert (first.method, first.path, first.query, first.status) == ("GET", "/v1/users", "limit=1", 200)
    assert second.status == 400
    assert first.header("authorization") == "[15 characters]"
    assert "k-123456" not in repr(maintainx.requests)
    assert maintainx.counts() == {200: 1, 400: 1}
    assert maintainx.rate(10.0) == pytest.approx(0.2)
    assert maintainx.rate(10.0, status=400) == pytest.approx(0.1)
