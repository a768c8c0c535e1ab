"""The inbox's routes: MaintainX's own deliveries, open to whoever signs; what is there, and a person's word about it."""

import logging
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import get_args

from pydantic import JsonValue

from bot.errors import Refused
from bot.gateway import bodies
from bot.gateway.routes import Asked, Route, Routes, Told
from bot.gateway.webhooks import audit, events, signature
from bot.gateway.webhooks.deliveries import Decision, NewDelivery, State, content_type, new_id
from bot.gateway.webhooks.inbox import Inbox
from bot.gateway.webhooks.sending import DELIVERY
from bot.gateway.webhooks.settings import WebhookSettings
from bot.gateway.webhooks.signature import Unsigned
from bot.ports import Clock

MAX_BODY = 2 * 2**20
"""Bytes of a delivery; with the whole work order in it, MaintainX's are some kilobytes."""
_RETRY_AFTER_S = 60
_LIMIT, _MOST = 100, 500
_STATES: tuple[State, ...] = get_args(State)


class WebhookRoutes:
    """Answers MaintainX, and people."""

    def __init__(self, inbox: Inbox, settings: WebhookSettings, *, clock: Clock, log: logging.Logger) -> None:
        self.received = 0
        """Deliveries that were taken since the start, duplicates included."""
        self.duplicates = 0
        self.refused = 0
        """Deliveries without a good signature."""
        self._refused_at: datetime | None = None
        self._refused_says = ""
        self._logged = False
        self._inbox = inbox
        self._settings = settings
        self._clock = clock
        self._log = log

    def routes(self) -> Routes:
        """Every route of this module."""
        return {
            ("POST", "webhooks"): Route(self._receive, rest="must", open=True, max_body=MAX_BODY),
            ("GET", "deliveries"): Route(self._list),
            ("POST", "deliveries"): Route(self._decide, rest="must"),
        }

    def json(self) -> dict[str, JsonValue]:
        """For ``/-/status``."""
        at = self._refused_at.isoformat() if self._refused_at else None
        return {
            "received": self.received,
            "duplicates": self.duplicates,
            "rejected_signatures": {"count": self.refused, "last_at": at, "says": self._refused_says},
        }

    async def _receive(self, asked: Asked) -> JsonValue | Told:
        event = asked.rest
        if not events.EVENT.fullmatch(event):
            raise Refused(
                "the event's name is odd; let the subscription's URL end in its type, such as NEW_WORK_ORDER"
            )
        if DELIVERY in asked.headers:
            raise Refused(
                f"this carries {DELIVERY}, so a gateway has forwarded it; "
                "set INTEGRATION_WEBHOOK_URL to the integration, not to a gateway"
            )
        if not self._settings.secrets:
            return _not_now("MAINTAINX_WEBHOOK_SECRET is not set, so nothing can be checked; set it here")
        now = self._clock.now()
        try:
            given = asked.headers.get(signature.BODY)
            number = signature.check(given, asked.body, secrets=self._settings.secrets, now=now)
        except Unsigned as unsigned:
            return self._unsigned(str(unsigned), now)
        self._logged = False
        full = self._inbox.full
        await self._inbox.tell_full()
        if full:
            return _not_now("the inbox is full until some of it is delivered or dropped; send it again later")
        told, name = events.read(event, asked.body), new_id()
        taken = await self._inbox.take(
            NewDelivery(
                id=name,
                same=told.same,
                event=event,
                entity=told.entity or name,
                at=told.at,
                polled=False,
                body=asked.body,
                received_at=now,
                content_type=content_type(asked.headers.get("Content-Type")),
                signed_with=number,
                change=audit.sentence(event, asked.body),
            )
        )
        self.received += 1
        self.duplicates += taken.duplicate
        return {"delivery": taken.id, "duplicate": taken.duplicate}

    def _unsigned(self, says: str, now: datetime) -> Told:
        self.refused += 1
        self._refused_at, self._refused_says = now, says
        if not self._logged:  # once until a good one comes: whoever finds the URL may send what he likes
            self._logged = True
            self._log.warning("a webhook was refused: %s", says)
        return Told(HTTPStatus.UNAUTHORIZED, {"error": says})

    async def _list(self, asked: Asked) -> JsonValue:
        wanted = asked.last("state")
        states = tuple(state for state in _STATES if wanted in (None, state))
        if not states:
            raise Refused(f"state is {wanted!a:.40}; send one of {', '.join(_STATES)}, or leave it out")
        limit = int(bodies.number_in(asked.last("limit"), name="limit", least=1, most=_MOST, default=_LIMIT))
        before = int(
            bodies.number_in(asked.last("cursor"), name="cursor", least=0, most=2**53, default=2**53)
        )
        found = await self._inbox.page(states=states, before=before, limit=limit + 1)
        shown = found[:limit]
        counts: Mapping[State, int] = self._inbox.counts
        return {
            "counts": {state: counts.get(state, 0) for state in _STATES},
            "items": [one.json() for one in shown],
            "next": str(shown[-1].seq) if len(found) > limit else None,
        }

    async def _decide(self, asked: Asked) -> JsonValue:
        wish = bodies.order(asked.body, actions=get_args(Decision))
        if wish.action == "drop" and not wish.reason:
            raise Refused("dropping a webhook loses it; send a reason")
        decision: Decision = wish.action  # type: ignore[assignment] # it is one of them: checked above
        count = await self._inbox.decide(asked.rest, decision, actor=wish.owner, reason=wish.reason)
        return {"action": wish.action, "count": count}


def _not_now(says: str) -> Told:
    """MaintainX sends again what was answered with 5xx; it gives up a webhook that is refused for days."""
    return Told(HTTPStatus.SERVICE_UNAVAILABLE, {"error": says}, {"Retry-After": str(_RETRY_AFTER_S)})
