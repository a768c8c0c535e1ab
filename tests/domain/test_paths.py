"""What an integration calls against the vendor's document: templates, methods, versions, and what is near."""

import pytest
from pydantic import JsonValue

from bot.domain.paths import OTHER, CalledPath, Document, missing, tidy
from bot.errors import OutsideError

DOCUMENT = Document.from_json(
    {
        "openapi": "3.0.0",
        "servers": [{"url": "https://api.getmaintainx.com/v1"}],
        "paths": {
            "/workorders": {"get": {}, "post": {}, "parameters": []},
            "/workorders/{id}": {"get": {}, "patch": {}},
            "/workorders/{id}/comments": {"get": {}},
            "/assets/": {"get": {}},
        },
    },
    base_path="/elsewhere",
)


def called(path: str, *, method: str = "GET", lane: str = "asset-sync", **by_status: int) -> CalledPath:
    statuses = {name.removeprefix("s"): count for name, count in by_status.items()}
    return CalledPath(method=method, path=path, lane=lane, by_status=statuses)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/workorders"),
        ("GET", "/v1/workorders/"),
        ("GET", "/v1/workorders?limit=1"),
        ("HEAD", "/v1/workorders"),
        ("PATCH", "/v1/workorders/{id}"),
        ("GET", "/v1/workorders/{id}/comments"),
        ("GET", "/v1//assets"),
        ("*", OTHER),
    ],
)
def test_what_the_document_has_is_not_missing(method: str, path: str) -> None:
    assert missing([called(path, method=method)], DOCUMENT) == ()


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (
            called("/v1/asset", s404=9, s200=1),
            (
                "asset-sync calls GET /v1/asset: 10 in the last hour, 9 of them answered 404, 405 or 410; the nearest in the "
                "document: /v1/assets"
            ),
        ),
        (
            called("/v2/assets", s404=2),
            (
                "asset-sync calls GET /v2/assets: 2 in the last hour, 2 of them answered 404, 405 or 410; the document has it "
                "as /v1/assets: another version's prefix"
            ),
        ),
        (
            called("/v1/workorders/{id}", method="DELETE", s405=1),
            (
                "asset-sync calls DELETE /v1/workorders/{id}: 1 in the last hour, 1 of them answered 404, 405 or 410; the "
                "document has this path for GET, PATCH alone"
            ),
        ),
        (
            called("/zzz"),
            "asset-sync calls GET /zzz: it is asked in every triage; nothing in the document looks like it",
        ),
    ],
)
def test_what_is_missing_is_told_with_what_there_is_instead(one: CalledPath, says: str) -> None:
    assert [found.says for found in missing([one], DOCUMENT)] == [says]


def test_what_is_gone_most_often_comes_first() -> None:
    found = missing([called("/v1/a", s404=1), called("/v1/b", s404=7), called("/v1/c", s200=90)], DOCUMENT)
    assert [one.called.path for one in found] == ["/v1/b", "/v1/a", "/v1/c"]


def test_without_a_server_the_base_url_says_where_paths_begin() -> None:
    bare = Document.from_json({"paths": {"/users": {"get": {}}}}, base_path="/v1/")
    assert bare.methods("/v1/users") == frozenset({"GET"})
    assert bare.methods("/users") is None


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        ([{"url": "https://api.example/v2/"}], "/v2/users"),
        ([{"url": "/v3"}], "/v3/users"),
        ([{"url": "https://api.example"}], "/users"),
        ([{"url": "https://api.example/{version}"}], "/v9/users"),
        ([], "/v1/users"),
        ("odd", "/v1/users"),
    ],
)
def test_the_path_of_the_first_server_stands_before_each(servers: JsonValue, path: str) -> None:
    document = Document.from_json({"servers": servers, "paths": {"/users": {"get": {}}}}, base_path="/v1/")
    assert missing([called(path)], document) == ()


def test_odd_parts_of_a_document_are_passed_over() -> None:
    odd = Document.from_json({"paths": {"/a": {"get": {}, "x-note": 1}, "/b": None, "c": {}}}, base_path="")
    assert odd.paths == {"/a": ("GET",)}


@pytest.mark.parametrize("value", [None, [], {"paths": {}}, {"paths": 3}, {"openapi": "3.0.0"}])
def test_what_is_no_document_is_refused_with_what_to_set(value: object) -> None:
    with pytest.raises(OutsideError, match=r"let openapi_url in mx\.toml name the vendor's"):
        Document.from_json(value, base_path="")  # type: ignore[arg-type] # any JSON


def test_a_path_is_tidied() -> None:
    assert [tidy(path) for path in ("", "/", "a", "/a//b/?x=/c")] == ["/", "/", "/a", "/a/b"]
