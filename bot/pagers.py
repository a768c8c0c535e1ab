"""What wakes people: PagerDuty by its Events API, or any other pager that takes JSON at an address."""

import hashlib
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError
from bot.outgoing import Answered, ask, plain
from bot.ports import Clock, Page

LONGEST_SUMMARY = 1024
LONGEST_DEDUP = 255
MOST_BYTES = 512 * 1024
"""PagerDuty's limits: of the summary, of the key by which it joins events, of a whole event."""
WAITS_S = (2.0, 8.0, 20.0)
"""Before each further try. PagerDuty advises 30 s apart; a step has two minutes in all."""
DEADLINE_S = 10.0

_LONGEST_DETAIL = 4000
_DOING = {
    "trigger": "paging",
    "acknowledge": "saying that somebody has it to",
    "resolve": "ending the page at",
}


class PagerDuty:
    """Sends events under one routing key; the same dedup key joins the alert that is open. Implements ``Pager``."""

    def __init__(self, routing_key: SecretStr, *, url: str, clock: Clock, name: str = "PagerDuty") -> None:
        self.name = name
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
        answer = await _patiently(
            self._clock, self._url, _fitted(body, details), doing=doing, secret=self._routing_key
        )
        if answer.status == HTTPStatus.ACCEPTED:
            return
        raise OutsideError(
            f"{doing}: it answered {answer.status}{_said(answer, self._routing_key)}; "
            "is PAGERDUTY_ROUTING_KEY the integration key of an Events API v2 integration, "
            "and PAGERDUTY_EVENTS_URL its address?",
            permanent=True,
        )


class WebhookPager:
    """Posts the page as JSON, for pagers that take any. Its address may hold a secret, so only the host is shown."""

    def __init__(
        self, url: SecretStr, *, clock: Clock, bearer: SecretStr | None = None, name: str = ""
    ) -> None:
        self._url = url
        self._clock = clock
        self._bearer = bearer
        self.name = name or f"the pager at {urlsplit(url.get_secret_value()).hostname}"

    async def page(self, page: Page) -> str:
        body: dict[str, JsonValue] = {
            "action": "page",
            "dedup": page.dedup,
            "summary": page.summary,
            "severity": page.severity,
            "source": page.source,
            "details": dict(page.details),
            "link": page.link,
        }
        await self._send(body, doing=f"paging {self.name}")
        return f"{self.name} took the page"

    async def acknowledge(self, dedup: str) -> str:
        await self._send(
            {"action": "acknowledge", "dedup": dedup}, doing=f"telling {self.name} that somebody has it"
        )
        return f"{self.name} was told that somebody has it"

    async def end(self, dedup: str) -> str:
        await self._send({"action": "end", "dedup": dedup}, doing=f"ending the page at {self.name}")
        return f"{self.name} took the end of the page"

    async def _send(self, body: Mapping[str, JsonValue], *, doing: str) -> None:
        headers = {"Authorization": f"Bearer {self._bearer.get_secret_value()}"} if self._bearer else {}
        answer = await _patiently(
            self._clock,
            self._url.get_secret_value(),
            json.dumps(body).encode(),
            doing=doing,
            secret=self._bearer,
            headers=headers,
        )
        if not answer.good:
            raise OutsideError(
                f"{doing}: it answered {answer.status}{_said(answer, self._bearer)}; "
                "look at page_url in mx.toml and at what that pager expects",
                permanent=True,
            )


async def _patiently(
    clock: Clock,
    url: str,
    content: bytes,
    *,
    doing: str,
    secret: SecretStr | None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """The answer that decides: 429, 5xx and the network's troubles are met by three more tries.

    Trying again wakes nobody twice: the dedup key is the same. Raises OutsideError where no try came through.
    """
    trouble: OutsideError | None = None
    for wait_s in (0.0, *WAITS_S):
        if wait_s:
            await clock.sleep(wait_s)
        try:
            answer = await ask(
                "POST",
                url,
                doing=doing,
                headers={"Content-Type": "application/json", **(headers or {})},
                content=content,
                deadline_s=DEADLINE_S,
            )
        except OutsideError as error:
            trouble = error
            continue
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return answer
        trouble = OutsideError(f"{doing}: it answered {answer.status}{_said(answer, secret)}")
    raise OutsideError(f"{trouble}. {1 + len(WAITS_S)} tries came to nothing: call the person yourself")


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


def _said(answer: Answered, secret: SecretStr | None) -> str:
    """What it answered, in its own words, without a secret that it may have repeated."""
    said = answer.says(1000)
    if secret is not None:
        said = said.replace(secret.get_secret_value(), "[redacted]")
    return f": {said[:200]}" if said else ""
