"""Lanes by method and path, and the faults of a table of lanes."""

import pytest

from bot.errors import ConfigError
from bot.gateway.lanes import LaneMap, job_name, lanes_from


@pytest.mark.parametrize(
    ("method", "target", "lane"),
    [
        ("POST", "/v1/workorders", "critical"),
        ("GET", "/v1/workorders/7/comments?limit=1", "critical"),
        ("PATCH", "/v1/workorders/7/status", "critical"),
        ("GET", "/v1/assets?cursor=x", "asset-sync"),
        ("HEAD", "/v1/assets/7", "asset-sync"),
        ("GET", "/v1/%61ssets", "asset-sync"),
        ("GET", "/v1/locations", "asset-sync"),
        ("POST", "/v1/assets", "default"),
        ("GET", "/v1/purchaseorders", "report-generator"),
        ("GET", "/v1/meters/7", "report-generator"),
        ("POST", "/v1/meterreadings", "default"),
        ("GET", "/v1/users", "default"),
        ("GET", "/v1/workrequests", "default"),
        ("GET", "/V1/assets", "default"),
        ("GET", "/v1/assets%0a", "asset-sync"),
    ],
)
def test_the_lanes_that_ship(method: str, target: str, lane: str) -> None:
    assert LaneMap(lanes_from()).lane(method, target) == lane


def test_a_table_replaces_by_name_and_adds_and_removes() -> None:
    lanes = LaneMap(
        lanes_from({"asset-sync": ["GET /v1/parts*"], "report-generator": [], "nightly": ["* /v1/*/export"]})
    )
    assert lanes.lane("GET", "/v1/parts") == "asset-sync"
    assert lanes.lane("GET", "/v1/assets") == "default"
    assert lanes.lane("GET", "/v1/meters") == "default"
    assert lanes.lane("DELETE", "/v1/a/b/export") == "nightly"
    assert lanes.lane("GET", "/v1/workorders/export") == "critical"
    assert lanes.names[0] == "critical"


def test_no_lanes_at_all() -> None:
    assert LaneMap(()).lane("GET", "/v1/workorders") == "default"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("x", "it is no table"),
        ({"a b": ["GET /x"]}, "no lane's name"),
        ({"default": ["GET /x"]}, "default: it is the lane of all"),
        ({"a": "GET /x"}, "write a list"),
        ({"a": ["/x"]}, "'/x' is no pattern"),
        ({"a": ["get /x"]}, "'get /x' is no pattern"),
        ({"a": ["GET x"]}, "'GET x' is no pattern"),
        ({"a": [5]}, "5 is no pattern"),
    ],
)
def test_a_bad_table_is_refused_with_what_to_write(table: object, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        lanes_from(table)
    assert says in str(caught.value)


def test_every_fault_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        lanes_from({"a": ["x", "y"], "b": 5})
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("text", [None, "", "a b", "-a", "x" * 65, "é", "a\n"])
def test_what_is_no_jobs_name(text: str | None) -> None:
    assert job_name(text) is None
