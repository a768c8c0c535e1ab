"""Whom each of MaintainX's events is about, and which deliveries tell the same."""

import json

import pytest

from bot.gateway.webhooks.changes import COLLECTIONS
from bot.gateway.webhooks.events import EVENT, instant, read
from bot.maintainx import POLLED
from tests.gateway.webhooks.documented import EVENTS, payload


def test_every_documented_event_has_a_name_that_is_taken() -> None:
    assert len(EVENTS) == 46
    assert all(EVENT.fullmatch(event) for event in EVENTS)


@pytest.mark.parametrize("event", EVENTS)
def test_the_entity_of_each_documented_event(event: str) -> None:
    body = payload(event)
    about = EVENTS[event][1]
    kind, _, field = (about or "/").partition("/")

    told = read(event, json.dumps(body).encode())

    assert told.entity == (f"{kind}/{body[field]}" if about else None)
    assert told.at == ("2026-11-23T09:00:00.000+00:00" if "occurredAt" in body else "")


def test_the_same_event_entity_and_time_are_one_whatever_else_the_body_says() -> None:
    first = read("WORK_ORDER_CHANGE", b'{"workOrderId": 1, "occurredAt": "2026-11-23T09:00:00.000Z"}')
    again = read("WORK_ORDER_CHANGE", b'{"occurredAt":"2026-11-23T09:00:00Z","workOrderId":1,"x":2}')
    assert first.same == again.same
    for event, body in (
        ("WORK_ORDER_CHANGE", b'{"workOrderId": 2, "occurredAt": "2026-11-23T09:00:00.000Z"}'),
        ("WORK_ORDER_CHANGE", b'{"workOrderId": 1, "occurredAt": "2026-11-23T09:00:00.001Z"}'),
        ("WORK_ORDER_OVERDUE", b'{"workOrderId": 1, "occurredAt": "2026-11-23T09:00:00.000Z"}'),
    ):
        assert read(event, body).same != first.same


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"workOrderId": 1}',
        b'{"occurredAt": "2026-11-23T09:00:00Z"}',
        b'{"workOrderId": true, "occurredAt": "2026-11-23T09:00:00Z"}',
        b'{"workOrderId": {}, "occurredAt": "2026-11-23T09:00:00Z"}',
        b'{"workOrderId": 1, "occurredAt": "yesterday"}',
        b'{"workOrderId": 1, "occurredAt": 1732352400}',
        b'{"workOrderId": 1, "occurredAt": "0001-01-01T00:00:00+14:00"}',
    ],
)
def test_without_entity_or_time_the_whole_body_tells_which_are_one(body: bytes) -> None:
    assert read("SOMETHING_NEW", body).same == read("SOMETHING_NEW", body).same
    assert read("SOMETHING_NEW", body).same != read("SOMETHING_NEW", body + b" ").same
    assert read("SOMETHING_NEW", body).same != read("SOMETHING_ELSE", body).same


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T10:00:00.5+01:00", "2026-11-23T09:00:00.500+00:00"),
        ("2026-11-23T09:00:00", "2026-11-23T09:00:00.000+00:00"),
        ("", None),
        (None, None),
    ],
)
def test_times_in_one_form(text: object, expected: str | None) -> None:
    assert instant(text) == expected


def test_the_polled_collections_are_those_that_maintainx_filters_and_their_events_are_documented() -> None:
    assert tuple(COLLECTIONS) == POLLED
    named = {event for one in COLLECTIONS.values() for event in (one.created, one.changed)}
    assert named - set(EVENTS) == {"ASSET_CHANGE"}, "which MaintainX does not have"
