"""What the gateway forwards is what came, byte for byte, in both directions."""

from pathlib import Path

import pytest

from tests.gateway.wires import gateway, upstream

TARGETS = (
    "/v1/workorders",
    "/v1/workorders?",
    "/v1/workorders??limit=1",
    "/v1/workorders?limit=1&limit=2&x",
    "/v1/a/../b/./c",
    "/v1/%2e%2e/%2F/%zz/%",
    "//v1//workorders//",
    "/v1/work[orders]|{}\\^`\"<>'",
    "/v1/x?createdAt[gte]=2026-11-23T00:00:00.000Z&a=b+c%20d",
    "/v1/x#fragment?y=1",
    "/v1/x;p=1,2:3@4!$&'()*+=~",
    "/?/-/status",
    "/%2d/status",
    "/-",
    "/v1/" + "long/" * 1000,
)


@pytest.mark.parametrize("target", TARGETS)
async def test_the_target_goes_out_as_it_came(tmp_path: Path, target: str) -> None:
    async with upstream() as up, gateway(up.url, tmp_path) as gw:
        answer = await gw.get(target)
        assert (answer.status, answer.body) == (200, b"ok")
        assert [r.start for r in up.requests] == [f"GET {target} HTTP/1.1".encode()]
