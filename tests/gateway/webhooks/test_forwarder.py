"""Forwarding: at least once, in order for each entity, signed anew; what is refused is kept and holds nobody up."""

import asyncio
import json
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.clock import SystemClock
from bot.gateway.webhooks.signature import BODY, URI, check
from tests.gateway.webhooks.rig import ANN, SECRET, Call, body, new, running, until


async def test_it_arrives_as_maintainx_would_have_sent_it(tmp_path: Path) -> None:
    content = b'{ "workOrderId":7,\n"occurredAt": "2026-11-23T09:00:00.000Z", "t": "\xc3\xa9" }'
    async with running(tmp_path) as rig:
        sent = new(content, content_type="application/json; charset=utf-8")
        await rig.inbox.take(sent)
        await rig.settled(1)
    [call] = rig.there.calls
    assert call.body == content
    assert call.path == "/hooks/WORK_ORDER_CHANGE?from=maintainx"
    assert call.headers["Content-Type"] == "application/json; charset=utf-8"
    assert call.headers["X-MX-Delivery"] == sent.id
    assert call.headers["X-MX-Event"] == "WORK_ORDER_CHANGE"
    assert "X-MX-Polled" not in call.headers
    now = datetime.now(UTC)  # noqa: TID251 - the real network's time
    address = rig.there.url.replace("{event}", "WORK_ORDER_CHANGE").encode()
    assert check(call.headers[BODY], content, secrets=(SECRET,), now=now) == 0
    assert check(call.headers[URI], address, secrets=(SECRET,), now=now) == 0


async def test_it_is_signed_with_the_secret_it_came_with_and_polled_ones_say_so(tmp_path: Path) -> None:
    async with running(tmp_path, secret="one,two") as rig:
        await rig.inbox.take(new(signed_with=1))
        await rig.inbox.take_polled([new(polled=True, signed_with=7)])
        await rig.settled(2)
    now = datetime.now(UTC)  # noqa: TID251 - the real network's time
    first, second = sorted(rig.there.calls, key=lambda call: "X-MX-Polled" in call.headers)
    assert check(first.headers[BODY], first.body, secrets=("two",), now=now) == 0
    assert second.headers["X-MX-Polled"] == "true"
    assert check(second.headers[BODY], second.body, secrets=("one",), now=now) == 0, (
        "it is not there any more"
    )


async def test_each_entity_keeps_its_order_and_several_go_at_once(tmp_path: Path) -> None:
    tries: Counter[bytes] = Counter()

    def now_and_then(call: Call) -> web.Response | None:
        tries[call.body] += 1
        return (
            web.Response(status=503) if tries[call.body] == 1 and hash(call.body) % 3 == 0 else web.Response()
        )

    async with running(tmp_path, concurrency=3) as rig:
        rig.there.answer = now_and_then
        rig.there.hold = asyncio.Event()
        for number in range(60):
            await rig.inbox.take(new(body(number % 6, number=number)))
        await until(lambda: rig.there.at_once == 3)
        assert len({call.order for call in rig.there.calls}) == 3
        rig.there.hold.set()
        await rig.settled(60)
    assert rig.there.most_at_once == 3
    for order in range(6):
        seen = [json.loads(call.body)["number"] for call in rig.there.calls if call.order == order]
        assert list(dict.fromkeys(seen)) == list(range(order, 60, 6))


async def test_an_entity_that_fails_holds_up_only_itself(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda call: web.Response(status=500 if call.order == 1 else 200)
        for order in (1, 1, *range(2, 40)):
            await rig.inbox.take(new(body(order)))
        await rig.settled(38)
        assert rig.inbox.counts["waiting"] == 2
        rig.there.answer = lambda _: web.Response()
        await rig.settled(40)
    assert rig.there.calls[-1].order == 1


@pytest.mark.parametrize("how", ["500", "429", "408", "425", "cut off", "refused"])
async def test_no_answer_a_5xx_and_not_now_are_tried_again_under_the_same_name(
    tmp_path: Path, how: str
) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda _: None if how == "cut off" else web.Response(status=int(how))
        assert rig.there.door is not None
        if how == "refused":
            rig.there.door.shut()
        taken = await rig.inbox.take(new())
        await until(lambda: rig.forwarder.json()["state"] != "going")
        status = rig.forwarder.json()
        [one] = await rig.all()
        assert one.state == "waiting"
        assert one.attempts >= 1
        assert str(rig.there.door.port) in one.says
        assert "times in a row; the next try is in" in str(status["says"])
        rig.there.answer = lambda _: web.Response(status=204)
        rig.there.door.unshut()
        await rig.settled(1)
        assert rig.forwarder.json()["state"] == "going"
        assert rig.forwarder.json()["says"] == ""
    assert {call.headers["X-MX-Delivery"] for call in rig.there.calls} == {taken.id}


async def test_no_answer_in_time_is_tried_again(tmp_path: Path) -> None:
    async with running(tmp_path, answer_s=0.1) as rig:
        rig.there.hold = asyncio.Event()
        await rig.inbox.take(new())
        await until(lambda: len(rig.there.calls) >= 2)
        rig.there.hold.set()
        rig.there.hold = None
        await rig.settled(1)


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422])
async def test_a_refusal_is_kept_at_once_with_its_answer_and_the_line_goes_on(
    tmp_path: Path, status: int
) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda call: (
            web.Response(status=status, text="no\x00pe" * 500) if call.order == 1 else web.Response()
        )
        for order in (1, 2, 1):
            await rig.inbox.take(new(body(order)))
        await rig.settled(2, state="kept")
        await rig.settled(1)
        first = (await rig.all())[0]
        assert (first.state, first.attempts, first.answer_status) == ("kept", 1, status)
        assert first.answer is not None
        assert len(first.answer) == 500
        assert f"refused it with {status}; a person decides" in first.says
        assert len(rig.there.calls) == 3
        rig.there.answer = lambda _: web.Response()
        await rig.inbox.decide("kept", "resend", actor=ANN, reason="it is mended")
        await rig.settled(3)
    assert [call.order for call in rig.there.calls[3:]] == [1, 1]


async def test_a_redirect_is_not_followed_and_says_what_to_set(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda _: web.Response(status=302, headers={"Location": "/elsewhere"})
        await rig.inbox.take(new())
        await rig.settled(1, state="kept")
        [one] = await rig.all()
        assert "set INTEGRATION_WEBHOOK_URL to where it leads" in one.says
    assert len(rig.there.calls) == 1


async def test_cookies_are_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda _: web.Response(headers={"Set-Cookie": "a=b"})
        for order in (1, 2):
            await rig.inbox.take(new(body(order)))
            await rig.settled(order)
    assert not [call for call in rig.there.calls if "Cookie" in call.headers]


class Later(SystemClock):
    """The machine's time, some hours on where a test wants it."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


async def test_after_a_day_of_tries_it_is_kept_and_the_rest_goes_on(tmp_path: Path) -> None:
    clock = Later()
    async with running(tmp_path, clock=clock) as rig:
        rig.there.answer = lambda call: web.Response(status=500 if call.order == 1 else 200)
        await rig.inbox.take(new(body(1), at=clock.now()))
        await until(lambda: len(rig.there.calls) >= 2)
        assert rig.inbox.counts["waiting"] == 1
        clock.ahead = timedelta(hours=25)
        await rig.settled(1, state="kept")
        [one] = await rig.all()
        assert "answered 500, and it was tried for 86400 s; a person decides" in one.says
        await rig.inbox.take(new(body(2), at=clock.now()))
        await rig.settled(1)


async def test_the_feed_hears_once_that_it_is_stuck_and_that_it_goes_on(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda _: web.Response(status=502)
        for order in range(3):
            await rig.inbox.take(new(body(order)))
        await until(lambda: len(rig.there.calls) >= 20)
        assert rig.forwarder.json()["state"] == "stuck"
        rig.there.answer = lambda call: web.Response(status=404 if call.order % 2 else 200)
        await until(lambda: rig.inbox.counts["waiting"] == 0)
        for order in range(10):
            await rig.inbox.take(new(body(order)))
        await until(lambda: rig.inbox.counts["waiting"] == 0)
        told = await rig.feed()
    assert [what for what, _ in told] == ["forwarding_stuck", "forwarding_resumed"]
    assert "5 failures in a row, the last: 127.0.0.1" in told[0][1]
    assert "answered 502. 3 wait, 0 are kept" in told[0][1]


async def test_while_nothing_is_answered_one_at_a_time_is_tried(tmp_path: Path) -> None:
    async with running(tmp_path, concurrency=4) as rig:
        rig.there.answer = lambda _: web.Response(status=500)
        await rig.inbox.take(new(body(0)))
        await until(lambda: len(rig.there.calls) >= 1)
        rig.there.most_at_once = 0
        for order in range(1, 20):
            await rig.inbox.take(new(body(order)))
        await until(lambda: len(rig.there.calls) >= 10)
        assert rig.there.most_at_once == 1
        rig.there.answer = lambda _: web.Response()
        await rig.settled(20)


async def test_retry_after_is_respected(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.answer = lambda _: web.Response(status=503, headers={"Retry-After": "3600"})
        await rig.inbox.take(new())
        await until(lambda: "the next try is in 3600 s" in str(rig.forwarder.json()["says"]))
        await asyncio.sleep(0.3)
        assert len(rig.there.calls) == 1


async def test_an_answer_that_the_disk_does_not_take_is_not_asked_for_again(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.there.hold = asyncio.Event()
        await rig.inbox.take(new())
        await until(lambda: len(rig.there.calls) == 1)
        other = sqlite3.connect(tmp_path / "g.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        rig.there.hold.set()
        await asyncio.sleep(2.0)
        assert rig.inbox.counts == {"waiting": 1}
        other.execute("ROLLBACK")
        other.close()
        await rig.settled(1)
    assert len(rig.there.calls) == 1


async def test_a_stop_lets_what_is_being_sent_end_and_begins_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, concurrency=1) as rig:
        rig.there.hold = asyncio.Event()
        for order in (1, 2):
            await rig.inbox.take(new(body(order)))
        await until(lambda: len(rig.there.calls) == 1)
        rig.forwarder.close()
        rig.there.hold.set()
        await rig.forwarder.until_idle()
        assert rig.inbox.counts == {"waiting": 1, "delivered": 1}
        await asyncio.sleep(0.1)
        assert len(rig.there.calls) == 1


async def test_without_the_key_it_was_sealed_with_it_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, key="one", forward_to=None) as rig:
        await rig.inbox.take(new())
    async with running(tmp_path, key="another") as rig:
        await rig.settled(1, state="kept")
        [one] = await rig.all()
        assert "set that one and send it again" in one.says
        assert rig.there.calls == []
    async with running(tmp_path, key="one") as rig:
        await rig.inbox.decide("kept", "resend", actor=ANN, reason="the key is back")
        await rig.settled(1)


async def test_held_back_nothing_goes_out_and_all_of_it_does_afterwards(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.forwarder.hold(on=True)
        for order in (1, 1, 2):
            await rig.inbox.take(new(body(order)))
        held = rig.forwarder.json()
        assert held["state"] == "paused"
        assert "kept, and sent on" in str(held["says"])
        await asyncio.sleep(0.1)
        assert rig.there.calls == []
        assert rig.inbox.counts == {"waiting": 3}
        rig.forwarder.hold(on=False)
        await rig.settled(3)
        assert sorted(call.order for call in rig.there.calls) == [1, 1, 2]
        assert rig.forwarder.json()["state"] == "going"


async def test_time_held_back_is_no_time_tried(tmp_path: Path) -> None:
    class Ahead(SystemClock):
        by = timedelta()

        def now(self) -> datetime:
            return super().now() + self.by

    clock = Ahead()
    async with running(tmp_path, clock=clock, give_up_s=60.0) as rig:
        rig.forwarder.hold(on=True)
        await rig.inbox.take(new(body(1)))
        clock.by = timedelta(hours=20)
        refused = iter((web.Response(status=503),))
        rig.there.answer = lambda _: next(refused, web.Response())
        rig.forwarder.hold(on=False)
        await rig.settled(1)
        assert rig.inbox.counts.get("kept", 0) == 0
        assert len(rig.there.calls) == 2
