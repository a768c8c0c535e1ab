"""PagerDuty's webhooks over real HTTP: only what it signed, written down once, and harmless in any order."""

import hashlib
import hmac
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.demo.pagerduty import Alert
from bot.demo.pagerduty_webhooks import WEBHOOK_SECRET
from bot.domain import events as e
from bot.domain.oncall import AckLapsed, PagerReported
from bot.web import pagerduty
from tests.paging_scene import DEDUP, PagingScene, paging_scene
from tests.room import ANN, INCIDENT

JO = "pagerduty:Jo Doe"


class Here:
    """The route over the scene's timeline, with PagerDuty subscribed to it."""

    def __init__(self, scene: PagingScene, client: TestClient[web.Request, web.Application]) -> None:
        self.scene, self.client = scene, client

    async def post(self, body: bytes | dict[str, Any], **headers: str) -> tuple[int, dict[str, str]]:
        """A request by hand, signed unless it says otherwise."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = hmac.new(WEBHOOK_SECRET.encode(), raw, hashlib.sha256).hexdigest()
        answer = await self.client.post(
            pagerduty.PATH, data=raw, headers={"X-PagerDuty-Signature": f"v1={signature}", **headers}
        )
        return answer.status, await answer.json()

    async def opened(self) -> Alert:
        """An incident that PagerDuty rings for."""
        await self.scene.open()
        await self.scene.look()
        await self.scene.fake.webhooks.settled()
        self.scene.clock.wind(60)
        return self.scene.fake.alert(DEDUP)

    async def facts(self, kind: type[e.AnyFact]) -> list[Any]:
        return [one.fact for one in await self.scene.timeline.history(INCIDENT) if isinstance(one.fact, kind)]

    async def owner(self) -> str | None:
        return (await self.scene.incident()).acknowledged_by


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {
        "event": {
            "id": "01E",
            "event_type": kind,
            "agent": {"type": "user_reference", "summary": "Jo Doe"},
            "data": {"type": "incident", "incident_key": DEDUP},
            **fields,
        }
    }


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    async with paging_scene(tmp_path) as scene:
        scene.restart(pagers=1)
        app = web.Application()
        app.add_routes(
            [
                pagerduty.routes(
                    scene.timeline,
                    scene.clock,
                    secrets=("old-secret-1234", WEBHOOK_SECRET),
                    meter=scene.meter,
                )
            ]
        )
        async with TestClient(TestServer(app)) as client:
            scene.fake.webhooks.url = str(client.make_url(pagerduty.PATH))
            yield Here(scene, client)


async def test_who_acknowledges_in_pagerduty_has_it_in_mx(here: Here) -> None:
    alert = await here.opened()
    assert [one.says for one in await here.facts(PagerReported)] == [
        "PagerDuty opened its incident #1, assigned to Jo Doe"
    ]
    made = await here.scene.fake.act(alert, "acknowledge")
    assert made.status == 202
    assert await here.owner() == JO
    for _ in range(3):
        assert await here.scene.fake.webhooks.deliver(made) == 202
    assert len(await here.facts(e.Acknowledged)) == 1
    asked = here.scene.fake.asked
    await here.scene.look()
    assert here.scene.fake.asked == asked, "it is not told what it told us"


async def test_what_mx_itself_did_there_takes_the_incident_from_nobody(here: Here) -> None:
    await here.opened()
    await here.scene.write(e.Acknowledged(), actor=ANN)
    await here.scene.look()
    await here.scene.fake.webhooks.settled()
    assert here.scene.fake.webhooks.deliveries[-1].event["event_type"] == "incident.acknowledged"
    assert here.scene.fake.webhooks.deliveries[-1].status == 202
    assert await here.owner() == ANN
    assert len(await here.facts(PagerReported)) == 1


async def test_a_second_person_there_does_not_take_it_from_its_owner_here(here: Here) -> None:
    alert = await here.opened()
    await here.scene.write(e.Acknowledged(), actor=ANN)
    await here.scene.fake.act(alert, "acknowledge")
    assert await here.owner() == ANN
    assert (await here.facts(PagerReported))[-1].says == (
        f"Jo Doe acknowledged it in PagerDuty; {ANN} has it and keeps it"
    )


async def test_an_acknowledgement_that_is_let_go_there_is_let_go_here(here: Here) -> None:
    alert = await here.opened()
    await here.scene.fake.act(alert, "acknowledge")
    here.scene.clock.wind(1800)
    await here.scene.fake.act(alert, "unacknowledge")
    assert await here.owner() is None
    (lapsed,) = await here.facts(AckLapsed)
    assert (lapsed.who, lapsed.says) == (JO, "let the acknowledgement go in PagerDuty: nobody has it")
    # Whoever has it in Slack keeps it whatever runs out there.
    await here.scene.write(e.Acknowledged(), actor=ANN)
    await here.scene.fake.act(alert, "unacknowledge")
    assert await here.owner() == ANN


async def test_resolved_there_is_news_here_and_no_more(here: Here) -> None:
    alert = await here.opened()
    await here.scene.fake.act(alert, "resolve")
    assert (await here.scene.incident()).open
    assert (await here.facts(PagerReported))[-1].says == (
        "Jo Doe resolved it in PagerDuty; mx proves recovery itself, so the incident stays open until /mx resolve"
    )


async def test_late_and_reordered_news_changes_nothing(here: Here) -> None:
    alert = await here.opened()
    here.scene.fake.webhooks.hold = True
    acknowledged = await here.scene.fake.act(alert, "acknowledge")
    here.scene.clock.wind(1800)
    let_go = await here.scene.fake.act(alert, "unacknowledge")
    for late in (let_go, acknowledged):
        assert await here.scene.fake.webhooks.deliver(late) == 202
    assert await here.owner() is None
    assert (await here.facts(PagerReported))[-1].says.endswith("/mx ack takes it")
    # Of an earlier life: acknowledged before it was resolved and reopened.
    old = await here.scene.fake.act(alert, "acknowledge")
    here.scene.clock.wind(60)
    await here.scene.write(e.Resolved(reason="over"), actor=ANN)
    await here.scene.write(e.Reopened(reason="back"))
    assert await here.scene.fake.webhooks.deliver(old) == 202
    assert await here.owner() is None


async def test_another_alerts_timeout_takes_it_from_nobody(here: Here) -> None:
    alert = await here.opened()
    await here.scene.fake.act(alert, "acknowledge")
    other = Alert(DEDUP, "x" * 32, id="POTHER", events=alert.events)
    here.scene.fake.alerts.append(other)
    here.scene.clock.wind(60)
    await here.scene.fake.act(other, "unacknowledge")
    assert await here.owner() == JO


async def test_a_note_is_found_by_pagerdutys_own_id(here: Here) -> None:
    alert = await here.opened()
    await here.scene.fake.annotate(alert, "the vendor\nconfirms")
    assert (await here.facts(PagerReported))[
        -1
    ].says == "Jo Doe wrote a note in PagerDuty: the vendor confirms"


async def test_a_ping_is_answered_and_unknown_events_are_passed_over(here: Here) -> None:
    await here.opened()
    assert (await here.scene.fake.ping()).status == 202
    assert (await here.post(event("pagey.ping")))[1] == {"status": "pong"}
    before = (await here.scene.incident()).version
    for kind in ("service.updated", "incident.custom_field_values.updated", "incident.acknowledged.v9"):
        status, said = await here.post(event(kind))
        assert (status, "passed over" in said["status"]) == (202, True)
    status, said = await here.post(event("incident.acknowledged", data={"incident_key": "theirs"}))
    assert (status, said["status"]) == (202, "passed over: it is about nothing of mx's")
    assert (await here.scene.incident()).version == before


@pytest.mark.parametrize(
    "fields",
    [
        {"agent": None},
        {"agent": {"type": "user_reference"}},
        {"agent": "Jo"},
        {"agent": {"type": "service_reference", "summary": "x"}},
    ],
)
async def test_what_is_said_to_be_acknowledged_by_nobody_takes_nothing(
    here: Here, fields: dict[str, Any]
) -> None:
    await here.opened()
    status, _ = await here.post(event("incident.acknowledged", **fields))
    assert status == 202
    assert await here.owner() is None


async def test_whatever_is_left_out_is_tolerated(here: Here) -> None:
    await here.opened()
    bare = {"event": {"event_type": "incident.acknowledged", "agent": {"summary": "Jo \x00Doe"}}}
    assert (await here.post(bare))[0] == 202
    bare["event"]["data"] = {"alerts": [{"alert_key": DEDUP}, 7]}
    for _ in range(2):
        assert (await here.post(bare))[0] == 202
    assert await here.owner() == JO
    assert len(await here.facts(e.Acknowledged)) == 1, "without an id, the same body is the same news"


async def test_only_what_pagerduty_signed_is_taken(here: Here) -> None:
    await here.opened()
    raw = json.dumps(event("incident.acknowledged")).encode()
    good = hmac.new(WEBHOOK_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    for header in ("", "v1=", "v1=0", good, f"v2={good}", f"v1={good[:-1]}0", "v1=ä", "v1=" + "0" * 64):
        status, said = await here.post(raw, **{"X-PagerDuty-Signature": header})
        if f"v1={good}" != header:
            assert status == 401, header
            assert "PAGERDUTY_WEBHOOK_SECRET" in said["error"]
    assert (await here.post(raw + b" ", **{"X-PagerDuty-Signature": f"v1={good}"}))[0] == 401
    assert await here.owner() is None
    rotating = f"v1={'0' * 64}, v1={good}"
    assert (await here.post(raw, **{"X-PagerDuty-Signature": rotating}))[0] == 202
    assert await here.owner() == JO


async def test_while_a_secret_is_exchanged_both_are_good(here: Here) -> None:
    alert = await here.opened()
    here.scene.fake.webhooks.secrets = ["old-secret-1234", "not-yet-known-here"]
    assert (await here.scene.fake.act(alert, "acknowledge")).status == 202
    here.scene.fake.webhooks.secrets = ["neither-of-them"]
    assert (await here.scene.fake.act(alert, "unacknowledge")).status == 401
    assert await here.owner() == JO


async def test_odd_bodies_are_refused(here: Here) -> None:
    for raw in (
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"event": []}',
        b'{"event": {"id": 1}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ):
        status, said = await here.post(raw)
        assert (status, "error" in said) == (400, True), raw[:20]
    assert (await here.post(b" " * (pagerduty.BODY_CAP + 1)))[0] == 413


async def test_without_a_secret_it_says_what_to_set(here: Here) -> None:
    app = web.Application()
    app.add_routes([pagerduty.routes(here.scene.timeline, here.scene.clock, secrets=())])
    async with TestClient(TestServer(app)) as client:
        answer = await client.post(pagerduty.PATH, data=b"{}")
        assert answer.status == 403
        assert "set PAGERDUTY_WEBHOOK_SECRET" in (await answer.json())["error"]


async def test_a_store_that_takes_nothing_lets_pagerduty_send_it_again(here: Here) -> None:
    alert = await here.opened()
    database = here.scene.folder / "mx.db"
    other = sqlite3.connect(database, isolation_level=None)
    try:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON facts BEGIN SELECT RAISE(FAIL, 'disk full'); END")
        made = await here.scene.fake.act(alert, "acknowledge")
        assert made.status == 503
        assert await here.owner() is None
        other.execute("DROP TRIGGER full")
    finally:
        other.close()
    assert await here.scene.fake.webhooks.deliver(made) == 202
    assert await here.owner() == JO
    assert here.scene.meter.pager_news.value("not_stored") == 1
    assert here.scene.meter.pager_news.value("taken") == 2


async def test_news_of_a_resolved_incident_is_written_down_and_opens_nothing(here: Here) -> None:
    alert = await here.opened()
    await here.scene.write(e.Resolved(reason="over"), actor=ANN)
    await here.scene.fake.act(alert, "acknowledge")
    incident = await here.scene.incident()
    assert (incident.open, incident.acknowledged_by) == (False, None)
