"""The vote without a key."""

import pytest

from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain.readings import Status
from bot.probes.exchange import Wire
from bot.probes.spending import Spending
from bot.probes.versions import VersionsProbe


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (None, Status.OK),
        (Fault("revoked"), Status.OK),
        (Fault("gone", "/versions"), Status.UNKNOWN),
        (Fault("portal"), Status.UNKNOWN),
        (Fault("error", status=503), Status.FAILING),
        (Fault("refuse"), Status.FAILING),
        (Fault("slow", seconds=0.3), Status.SLOW),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_it_is_asked_at_the_origin_without_a_key(
    maintainx: FakeMaintainX, fault: Fault | None, status: Status
) -> None:
    if fault is not None:
        maintainx.break_(fault)
    probe = VersionsProbe(base_url=maintainx.base_url, wire=Wire(), spending=Spending(None), slow_ms=250)
    reading = await probe.read(samples=3)
    assert reading.status is status, reading.says
    for request in maintainx.requests:
        assert (request.path, request.header("authorization")) == ("/versions", None)
    assert len(maintainx.requests) == (0 if fault == Fault("refuse") else 1)
