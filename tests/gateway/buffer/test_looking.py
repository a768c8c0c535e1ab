"""What became of a write whose connection broke: each fate, as the stand-in's rows tell it."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.gateway.asking import Answered
from bot.gateway.buffer.looking import Found, can_be_looked_for, look_for
from bot.gateway.buffer.writes import Write, marked
from bot.gateway.upstream import Lost
from tests.clock import FakeClock
from tests.gateway.buffer.rig import NOON, Vendor, sent


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def mx(clock: FakeClock) -> Vendor:
    return Vendor(clock)


async def look(mx: Vendor, write: Write, *, last: Answered | None = None) -> Found:
    return await look_for(
        write, mx.ask, last_answer=last.body if last is not None else None, now=mx.clock.now
    )


def arrive(mx: Vendor, write: Write) -> Answered:
    """The write is applied; its answer never came back."""
    found = mx.answer(write.method, write.target, marked(write)[0])
    assert found.status < 300, found
    return found


def order(mx: Vendor, title: str = "Pump", **given: Any) -> int:
    """A work order that is there."""
    return int(mx.write("POST", "/v1/workorders", {"title": title, **given})["id"])


# A work order that was being created.


async def test_a_created_work_order_is_found_by_its_mark_among_its_namesakes(mx: Vendor) -> None:
    write = sent("POST", "/v1/workorders", {"title": "Leak"})
    order(mx, "Leak")
    order(mx, "Leak", externalData="mx:mxb_another")
    number = json.loads(arrive(mx, write).body)["id"]

    found = await look(mx, write)

    assert found == Found("arrived", f"found in MaintainX as work order {number}")


async def test_a_created_work_order_that_is_not_there_is_sent_again(mx: Vendor) -> None:
    order(mx, "Leak")
    order(mx, "Leaking", externalData="x")

    assert (await look(mx, sent("POST", "/v1/workorders", {"title": "Leak"}))).fate == "again"


async def test_it_is_asked_for_around_the_time_it_was_sent_with_all_that_hides_it_included(
    mx: Vendor, clock: FakeClock
) -> None:
    await look(mx, sent("POST", "/v1/workorders", {"title": "Öl & 50% mehr"}))

    (asked,) = mx.asked
    parts = urlsplit(asked)
    assert parts.path == "/v1/workorders"
    assert parse_qs(parts.query) == {
        "createdAt[gte]": ["2026-11-23T11:55:00.000Z"],  # clocks may differ by five minutes
        "title": ["Öl & 50% mehr"],
        "show_upcoming": ["true"],
        "limit": ["200"],
    }
    assert parts.query.isascii()
    assert " " not in parts.query


async def test_it_is_found_on_the_second_page(mx: Vendor, clock: FakeClock) -> None:
    for number in range(230):
        order(mx, f"Leak {number}")
    write = sent("POST", "/v1/workorders", {"title": "Leak"})
    arrive(mx, write)

    assert (await look(mx, write)).fate == "arrived"
    assert [("cursor" in target) for target in mx.asked[:2]] == [False, True]


async def test_it_is_found_though_it_begins_in_the_future(mx: Vendor) -> None:
    write = sent("POST", "/v1/workorders", {"title": "Leak", "startDate": "2027-01-01T00:00:00.000Z"})
    arrive(mx, write)

    assert (await look(mx, write)).fate == "arrived"


async def test_an_older_namesake_is_not_taken_for_it(mx: Vendor, clock: FakeClock) -> None:
    write = sent("POST", "/v1/workorders", {"title": "Leak", "externalData": "mine"})
    clock.jump(-301)
    order(mx, "Leak", externalData="mine")
    clock.jump(301)

    assert (await look(mx, write)).fate == "again"


async def test_with_an_external_id_of_its_own_a_find_is_for_a_person(mx: Vendor) -> None:
    """The integration may have created that one before: nobody can tell them apart."""
    write = sent("POST", "/v1/workorders", {"title": "Leak", "externalData": {"sap": 17}})
    order(mx, "Leak", externalData={"sap": 18})
    assert (await look(mx, write)).fate == "again"

    number = order(mx, "Leak", externalData={"sap": 17})
    found = await look(mx, write)
    assert found.fate == "nobody"
    assert f"work order {number}" in found.says


async def test_an_external_id_of_ones_own_that_looks_like_a_mark_is_no_mark(mx: Vendor) -> None:
    write = sent("POST", "/v1/workorders", {"title": "Leak", "externalData": "mx:mxb_older"})
    order(mx, "Leak", externalData="mx:mxb_older")

    assert (await look(mx, write)).fate == "nobody"


async def test_more_namesakes_than_anybody_reads_are_for_a_person(mx: Vendor) -> None:
    for _ in range(51):
        order(mx, "Leak")

    found = await look(mx, sent("POST", "/v1/workorders", {"title": "Leak"}))

    assert found.fate == "nobody"
    assert "more than 50" in found.says


async def test_a_candidate_that_is_deleted_meanwhile_is_passed_over(mx: Vendor) -> None:
    number = order(mx, "Leak")
    write = sent("POST", "/v1/workorders", {"title": "Leak"})
    page = mx.answer("GET", "/v1/workorders?title=Leak")
    mx.instead = [page]
    mx.write("DELETE", f"/v1/workorders/{number}")

    assert (await look(mx, write)).fate == "again"


# A change.


async def test_a_change_that_is_there_has_arrived(mx: Vendor) -> None:
    number = order(mx)
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "Pump 2", "priority": "HIGH"})
    arrive(mx, write)

    assert (await look(mx, write)).fate == "arrived"


async def test_a_change_of_status_is_looked_for_at_the_work_order(mx: Vendor) -> None:
    number = order(mx)
    write = sent("PATCH", f"/v1/workorders/{number}/status", {"status": "DONE"})
    arrive(mx, write)

    assert (await look(mx, write)).fate == "arrived"
    assert mx.asked == [f"/v1/workorders/{number}"]


async def test_a_change_of_an_asset_is_looked_for_too(mx: Vendor) -> None:
    number = next(iter(mx.rows.tables["/assets"]))
    write = sent("PATCH", f"/v1/assets/{number}", {"description": "new"})
    assert (await look(mx, write)).fate == "again"
    arrive(mx, write)
    assert (await look(mx, write)).fate == "arrived"


async def test_what_was_not_touched_since_the_write_before_is_sent_again(mx: Vendor) -> None:
    """However close together they were: MaintainX's own times are compared, no clock of ours."""
    number = order(mx)
    before = sent("PATCH", f"/v1/workorders/{number}", {"title": "one"})
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two"})

    found = await look(mx, write, last=arrive(mx, before))

    assert found.fate == "again"
    assert "since the write before" in found.says


async def test_what_was_not_touched_for_long_is_sent_again(mx: Vendor, clock: FakeClock) -> None:
    number = order(mx)
    clock.jump(60)
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two"}, at=clock.now())

    assert (await look(mx, write)).fate == "again"


@pytest.mark.parametrize("skew_s", [-40.0, 40.0])
async def test_a_clock_of_theirs_that_is_wrong_does_not_mislead(
    clock: FakeClock, mx: Vendor, skew_s: float
) -> None:
    """Their answer's ``Date`` says how wrong it is: a change of theirs after our sending is never taken for older."""
    theirs = FakeClock(clock.now())
    theirs.jump(skew_s)
    there = Vendor(theirs)
    number = order(there)
    for each in (clock, theirs):
        each.jump(30)
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two"}, at=clock.now())

    async def ask(now: Any = clock.now) -> Found:
        return await look_for(write, there.ask, last_answer=None, now=now)

    assert (await ask()).fate == "again"
    for each in (clock, theirs):
        each.jump(0.5)
    there.write("PATCH", f"/v1/workorders/{number}", {"title": "somebody else's"})
    assert (await ask()).fate == "nobody"


async def test_without_a_date_five_minutes_are_allowed_for(mx: Vendor, clock: FakeClock) -> None:
    number = order(mx)
    there = mx.answer("GET", f"/v1/workorders/{number}")
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two"}, at=clock.now())
    for jump, fate in ((299, "nobody"), (2, "again")):
        clock.jump(jump)
        moved = sent("PATCH", write.target, {"title": "two"}, at=clock.now())
        mx.instead = [Answered(200, {}, there.body)]
        assert (await look(mx, moved)).fate == fate


async def test_a_change_of_somebody_elses_at_that_time_is_for_a_person(mx: Vendor) -> None:
    number = order(mx)
    before = sent("PATCH", f"/v1/workorders/{number}", {"title": "one"})
    last = arrive(mx, before)
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two"})
    assert isinstance(mx.clock, FakeClock)
    mx.clock.jump(0.2)
    mx.write("PATCH", f"/v1/workorders/{number}", {"title": "somebody else's"})

    found = await look(mx, write, last=last)

    assert found.fate == "nobody"
    assert f"workorders/{number}" in found.says


async def test_half_of_a_change_is_no_arrival(mx: Vendor) -> None:
    number = order(mx, priority="HIGH")
    write = sent("PATCH", f"/v1/workorders/{number}", {"title": "two", "priority": "HIGH"})

    assert (await look(mx, write)).fate == "nobody"


async def test_a_change_of_what_is_gone_is_sent_again_to_be_told_so(mx: Vendor) -> None:
    assert (await look(mx, sent("PATCH", "/v1/workorders/9", {"title": "two"}))).fate == "again"


async def test_a_change_of_nothing_tells_nothing(mx: Vendor) -> None:
    number = order(mx)

    assert (await look(mx, sent("PATCH", f"/v1/workorders/{number}", {}))).fate == "nobody"


# A deletion.


async def test_what_is_gone_was_deleted_and_what_is_there_was_not(mx: Vendor) -> None:
    number = order(mx)
    write = sent("DELETE", f"/v1/workorders/{number}")
    assert (await look(mx, write)).fate == "again"

    arrive(mx, write)

    assert (await look(mx, write)).fate == "arrived"


# MaintainX gives no answer to the question.

LOOKED_FOR = [
    ("POST", "/v1/workorders", {"title": "Leak"}),
    ("PATCH", "/v1/workorders/9", {"title": "two"}),
    ("DELETE", "/v1/workorders/9", b""),
]


@pytest.mark.parametrize("status", [401, 429, 500, 502, 503])
@pytest.mark.parametrize(("method", "target", "body"), LOOKED_FOR)
async def test_an_answer_that_is_about_this_moment_leaves_it_for_later(
    mx: Vendor, method: str, target: str, body: Any, status: int
) -> None:
    mx.fails(status)

    found = await look(mx, sent(method, target, body))

    assert found.fate == "later"
    assert str(status) in found.says


@pytest.mark.parametrize("status", [400, 403, 405])
@pytest.mark.parametrize(("method", "target", "body"), LOOKED_FOR)
async def test_a_refusal_that_stays_is_for_a_person(
    mx: Vendor, method: str, target: str, body: Any, status: int
) -> None:
    mx.fails(status)

    assert (await look(mx, sent(method, target, body))).fate == "nobody"


async def test_trouble_while_a_candidate_is_read_leaves_it_for_later(mx: Vendor) -> None:
    write = sent("POST", "/v1/workorders", {"title": "Leak"})
    arrive(mx, write)
    mx.instead = [mx.answer("GET", "/v1/workorders?title=Leak")]
    mx.fails(502)

    assert (await look(mx, write)).fate == "later"


@pytest.mark.parametrize(
    "body", [b"<html>sign in</html>", b"[]", b'{"workOrders": null}', b'{"ok": true}', b""]
)
@pytest.mark.parametrize(("method", "target", "given"), LOOKED_FOR)
async def test_an_answer_that_is_not_maintainxs_tells_nothing(
    mx: Vendor, method: str, target: str, given: Any, body: bytes
) -> None:
    mx.instead = [Answered(200, {}, body)]

    assert (await look(mx, sent(method, target, given))).fate == "later"


@pytest.mark.parametrize(("method", "target", "body"), LOOKED_FOR)
async def test_half_an_answer_tells_nothing(mx: Vendor, method: str, target: str, body: Any) -> None:
    number = order(mx)
    whole = mx.answer("GET", f"/v1/workorders/{number}" if method != "POST" else "/v1/workorders")
    mx.instead = [Answered(200, whole.headers, whole.body, whole=False)]

    assert (await look(mx, sent(method, target, body))).fate == "later"


async def test_a_question_that_is_lost_is_the_callers(mx: Vendor) -> None:
    async def lost(_: str) -> Answered:
        raise Lost("connect", "not connected", sent=False)

    with pytest.raises(Lost):
        await look_for(sent("DELETE", "/v1/workorders/9"), lost, last_answer=None, now=FakeClock(NOON).now)


# What cannot be looked for at all.


@pytest.mark.parametrize(
    ("method", "target", "body", "can"),
    [
        ("POST", "/v1/workorders", {"title": "Leak"}, True),
        ("POST", "/v1/workorders", {"description": "no title"}, False),
        ("POST", "/v1/workorders", {"title": " "}, False),
        ("POST", "/v1/workorders", {"title": 7}, False),
        ("POST", "/v1/workorders", b"\x1f\x8b", False),
        ("POST", "/v1/workorders", b"[" * 200_000, False),
        ("POST", "/v1/workorders", b'{"title": "\\ud83d"}', False),
        ("POST", "/v1/assets", {"name": "Pump"}, False),
        ("POST", "/v1/workrequests", {"title": "Leak"}, False),
        ("POST", "/v1/workorders/9/comments", {"content": "seen"}, False),
        ("PATCH", "/v1/workorders/9", {"title": "two"}, True),
        ("PATCH", "/v1/workorders/9/status", {"status": "DONE"}, True),
        ("PATCH", "/v1/workorders/9/partStatus", {"status": "KITTED"}, False),
        ("PATCH", "/v1/purchaseorders/9/status", {"status": "APPROVED"}, False),
        ("PATCH", "/v1/assets/9", {"name": "Pump"}, True),
        ("PATCH", "/v1/assets/9", b"[1]", False),
        ("PATCH", "/v1/workorders", {"title": "two"}, False),
        ("DELETE", "/v1/workorders/9", b"", True),
        ("DELETE", "/v1/workorders/9/attachments/a.pdf", b"", False),
        ("DELETE", "/v1/teams/9/members/7", b"", False),
        ("PUT", "/v1/workorders/9/thumbnail/a.png", b"\x89PNG", False),
    ],
)
def test_what_can_be_looked_for(method: str, target: str, body: Any, can: bool) -> None:
    assert can_be_looked_for(sent(method, target, body)) is can


@pytest.mark.parametrize(
    ("method", "target"), [("DELETE", "/v1/proceduretemplaterows/9"), ("PATCH", "/v1/assetstatuses/9")]
)
def test_what_the_api_does_not_let_one_read_is_not_looked_for(method: str, target: str) -> None:
    """The document has no GET for it: a 404 would say nothing of whether it is there."""
    assert not can_be_looked_for(sent(method, target, {"a": 1}))
