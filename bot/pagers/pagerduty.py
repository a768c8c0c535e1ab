"""PagerDuty by its Events API v2: trigger, acknowledge and resolve under one routing key."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError
from bot.outgoing import plain
from bot.pagers.sending import WAITS_S, patiently, said
from bot.ports import Clock, Page

LONGEST_SUMMARY = 1024
LONGEST_DEDUP = 255
MOST_BYTES = 512 * 1024
"""PagerDuty's limits: of the summary, of the key by which it joins events, of a whole event."""

_LONGEST_DETAIL = 4000
_DOING = {
    "trigger": "paging",
    "acknowledge": "saying that somebody has it to",
    "resolve": "ending the page at",
}


class PagerDuty:
    """Sends events under one routing key; the same dedup key joins the alert that is open. Implements ``Pager``."""

    reports_as = "pagerduty"
    """The actor by which acknowledgements made there come back, with a colon and a name."""
    faults: tuple[str, ...] = ()

    def __init__(
        self,
        routing_key: SecretStr,
        *,
        url: str,
        clock: Clock,
        name: str = "PagerDuty",
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self.name = name
        self._waits_s = waits_s
        self._routing_key = routing_key
        self._url = url
        self._clock = clock

    async def page(self, page: Page) -> str:
        body: dict[str, JsonValue] = {
            "payload": {
                "summary": plain(page.summary, LONGEST_SUMMARY),
                "source": page.source,
                "severity": page.severity,
            },
            "client": "mx",
        }
        if page.link:
            body |= {"client_url": page.link, "links": [{"href": page.link, "text": "The incident"}]}
        await self._send("trigger", page.dedup, body, details=page.details)
        return f"{self.name} took the page"

    async def acknowledge(self, dedup: str) -> str:
        await self._send("acknowledge", dedup, {})
        return f"{self.name} was told that somebody has it"

    async def end(self, dedup: str) -> str:
        await self._send("resolve", dedup, {})
        return f"{self.name} took the end of the page; an alert that was closed already stays as it is"

    async def _send(
        self,
        action: Literal["trigger", "acknowledge", "resolve"],
        dedup: str,
        body: dict[str, JsonValue],
        *,
        details: Mapping[str, str] | None = None,
    ) -> None:
        body |= {
            "routing_key": self._routing_key.get_secret_value(),
            "event_action": action,
            "dedup_key": _dedup(dedup),
        }
        doing = f"{_DOING[action]} {self.name}"
        answer = await patiently(
            self._clock,
            self._url,
            _fitted(body, details),
            doing=doing,
            secrets=(self._routing_key,),
            waits_s=self._waits_s,
        )
        if answer.status == HTTPStatus.ACCEPTED:
            return
        raise OutsideError(
            f"{doing}: it answered {answer.status}{said(answer, (self._routing_key,))}; "
            "is PAGERDUTY_ROUTING_KEY the integration key of an Events API v2 integration, "
            "and PAGERDUTY_EVENTS_URL its address?",
            permanent=answer.status == HTTPStatus.BAD_REQUEST,
        )


def _fitted(body: dict[str, JsonValue], details: Mapping[str, str] | None) -> bytes:
    """The event within PagerDuty's size; details are shortened, and left out from the last on."""
    payload = body.get("payload")
    if not isinstance(payload, dict):
        return json.dumps(body).encode()
    kept: dict[str, JsonValue] = {
        name: plain(text, _LONGEST_DETAIL) for name, text in (details or {}).items()
    }
    while True:
        whole = json.dumps(body | {"payload": payload | {"custom_details": kept}}).encode()
        if len(whole) <= MOST_BYTES or not kept:
            return whole
        kept.popitem()


def _dedup(key: str) -> str:
    """The key within PagerDuty's length; what is too long is told apart by its hash."""
    if len(key) <= LONGEST_DEDUP:
        return key
    return f"{key[:180]}:{hashlib.sha256(key.encode()).hexdigest()}"
