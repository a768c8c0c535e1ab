"""Asking a collection: what each fault of the API looks like in a reading."""

import re
from typing import cast

import pytest

from bot.demo.door import silent_door
from bot.demo.maintainx import FakeMaintainX, Fault
from bot.domain.readings import HttpDetail, Reading, Status
from bot.probes.api import ApiProbe
from bot.probes.exchange import Wire
from bot.probes.spending import Spending
from tests.keys import HeldKey
from tests.probes.conftest import KEY


def probe(base_url: str, *, path: str = "/workorders", key: str | None = KEY, **more: float) -> ApiProbe:
    slow_ms, deadline_s = more.get("slow_ms", 2000.0), more.get("deadline_s", 10.0)
    return ApiProbe(
        base_url=base_url,
        path=path,
        key=HeldKey(key),
        wire=Wire(),
        spending=Spending(None),
        slow_ms=slow_ms,
        deadline_s=deadline_s,
    )


def detail(reading: Reading) -> HttpDetail:
    return cast(HttpDetail, reading.detail)


async def test_three_samples_half_a_second_apart(maintainx: FakeMaintainX) -> None:
    reading = await probe(maintainx.base_url).read(samples=3)
    assert (reading.status, detail(reading).codes()) == (Status.OK, (200, 200, 200))
    started = [s.at_ms for s in detail(reading).samples]
    assert started[0] < 400
    assert 400 < started[1] < 950 < started[2]
    assert [(r.path, r.query) for r in maintainx.requests] == [("/v1/workorders", "limit=1")] * 3
    assert reading.ms is not None
    assert detail(reading).rate_limit == 10_000


async def test_each_reading_begins_on_a_fresh_connection(maintainx: FakeMaintainX) -> None:
    asked = probe(maintainx.base_url)
    for _ in range(2):
        first, *later = detail(await asked.read(samples=3)).samples
        assert first.timing.connect is not None
        assert all(s.timing.connect is None for s in later)
        assert first.timing.dns is None  # an address needs no lookup
        assert None not in (first.timing.first_byte, first.timing.total)


async def test_after_a_429_it_asks_no_more(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("limited", retry_after=7))
    reading = await probe(maintainx.base_url).read(samples=3)
    assert detail(reading).codes() == (429,)
    assert detail(reading).samples[0].retry_after_s == 7
    assert "not asked again after the 429" in reading.says
    assert len(maintainx.requests) == 1


async def test_intermittent_is_counted(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("error", every=3))
    reading = await probe(maintainx.base_url).read(samples=3)
    assert (reading.status, sorted(detail(reading).codes())) == (Status.FAILING, [200, 200, 500])
    assert "1 of 3: HTTP 500 (Internal server error.)" in reading.says


async def test_slow_is_over_the_limit(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("slow", seconds=0.25))
    reading = await probe(maintainx.base_url, slow_ms=200).read(samples=1)
    assert reading.status is Status.SLOW
    assert "slow is over 200 ms" in reading.says


async def test_a_slow_first_answer_does_not_hold_up_the_other_samples(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("slow", seconds=0.9))
    reading = await probe(maintainx.base_url).read(samples=2)
    assert detail(reading).samples[1].at_ms < 900


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault("revoked"), 401, "HTTP 401 (Invalid token)"),
        (Fault("forbidden"), 403, "HTTP 403 (User don't have the right permissions)"),
        (Fault("gone"), 404, "HTTP 404 (Not Found.)"),
        (Fault("error", status=502, html=True), 502, "HTTP 502 (an HTML page)"),
        (Fault("portal"), 200, "the body is an HTML page"),
        (Fault("wrong_json"), 200, "not the list that the API document promises"),
        (Fault("wrong_content"), 200, "not the list that the API document promises"),
        (Fault("redirect"), 302, "HTTP 302"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_what_is_no_good_answer_fails(
    maintainx: FakeMaintainX, fault: Fault, code: int, words: str
) -> None:
    maintainx.break_(fault)
    reading = await probe(maintainx.base_url).read(samples=1)
    assert (reading.status, detail(reading).codes()) == (Status.FAILING, (code,))
    assert words in reading.says


@pytest.mark.parametrize("kind", ["reset", "cut_body"])
async def test_a_cut_connection_names_the_phase(maintainx: FakeMaintainX, kind: str) -> None:
    maintainx.break_(Fault("reset") if kind == "reset" else Fault("cut_body"))
    sample = detail(await probe(maintainx.base_url).read(samples=1)).samples[0]
    assert sample.failed_phase == ("first_byte" if kind == "reset" else "body")
    assert not sample.timed_out


async def test_silence_times_out_by_name_inside_the_deadline(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("hang"))
    reading = await probe(maintainx.base_url, deadline_s=0.7).read(samples=3)
    first, second = detail(reading).samples  # the third would start after the deadline
    assert (first.failed_phase, first.timed_out, second.timed_out) == ("first_byte", True, True)
    assert "waiting for the first byte from 127.0.0.1" in reading.says
    # On a busy machine the second try, with 0.2 s left, may end in another phase, and a little late.
    assert re.search(r"timed out; waited for [678]\d\d ms", reading.says)


async def test_a_refused_connection_says_so(maintainx: FakeMaintainX) -> None:
    maintainx.break_(Fault("refuse"))
    reading = await probe(maintainx.base_url).read(samples=1)
    assert (reading.status, detail(reading).samples[0].failed_phase) == (Status.FAILING, "connect")
    assert "was refused (nothing listens there)" in reading.says


async def test_a_name_that_does_not_exist_is_the_lookup() -> None:
    reading = await probe("http://nowhere.invalid/v1").read(samples=1)
    assert detail(reading).samples[0].failed_phase == "dns"
    assert reading.says.startswith("looking up nowhere.invalid")


async def test_a_silent_tls_handshake_is_named() -> None:
    async with silent_door() as port:
        reading = await probe(f"https://127.0.0.1:{port}/v1", deadline_s=1.0).read(samples=1)
    assert detail(reading).samples[0].failed_phase == "tls"
    assert "agreeing on TLS" in reading.says


async def test_without_a_key_the_api_is_asked_without_one(maintainx: FakeMaintainX) -> None:
    reading = await probe(maintainx.base_url, key=None).read(samples=1)
    assert (detail(reading).codes(), detail(reading).samples[0].html) == ((401,), True)
    assert maintainx.requests[0].header("authorization") is None


async def test_white_space_round_the_key_is_left_away(maintainx: FakeMaintainX) -> None:
    reading = await probe(maintainx.base_url, key=f" {KEY}\n").read(samples=1)
    assert reading.status is Status.OK


@pytest.mark.parametrize("key", ["k-\u2019quoted\u2019", "two\nlines", "with\x00nul"])
async def test_a_key_that_no_header_carries_is_not_sent(maintainx: FakeMaintainX, key: str) -> None:
    reading = await probe(maintainx.base_url, key=key).read(samples=3)
    assert (reading.status, len(maintainx.requests)) == (Status.FAILING, 0)
    assert "no HTTP header may carry" in reading.says
    assert key not in reading.says


async def test_the_organisation_is_named(maintainx: FakeMaintainX) -> None:
    maintainx.add_key("k-of-two-organisations", organisations=(1, 2))
    asked = probe(maintainx.base_url, key="k-of-two-organisations")
    assert "Missing x-organization-id" in (await asked.read(samples=1)).says
    named = ApiProbe(
        base_url=maintainx.base_url,
        path="/users",
        key=asked.key,
        wire=Wire(),
        spending=Spending(None),
        org_id="2",
    )
    assert (await named.read(samples=1)).status is Status.OK


async def test_a_base_url_that_is_none_is_a_reading_too() -> None:
    assert (await probe("not a url").read(samples=1)).status is Status.FAILING
    assert (await probe("http://[::1").read(samples=1)).status is Status.FAILING
