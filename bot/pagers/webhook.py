"""Any other pager that takes JSON at an address: by mx's own form or the team's template, with headers and a signature."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from bot.errors import OutsideError
from bot.pagers.sending import WAITS_S, patiently, said
from bot.pagers.template import Action, PageTemplate, shipped
from bot.ports import Clock, Page

SIGNATURE = "X-MX-Signature"
_DOING: Mapping[Action, str] = {
    "page": "paging {}",
    "acknowledge": "telling {} that somebody has it",
    "end": "ending the page at {}",
}
_TOLD: Mapping[Action, str] = {
    "page": "{} took the page",
    "acknowledge": "{} was told that somebody has it",
    "end": "{} took the end of the page",
}


class WebhookPager:
    """Posts JSON. Its address and headers may hold secrets, so only the host is shown. Implements ``Pager``."""

    reports_as = ""

    def __init__(
        self,
        url: SecretStr,
        *,
        clock: Clock,
        headers: Mapping[str, str] | None = None,
        secret: SecretStr | None = None,
        template: Path | None = None,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self.name = f"the pager at {urlsplit(url.get_secret_value()).hostname}"
        self._url = url
        self._clock = clock
        self._headers = {name: SecretStr(value) for name, value in (headers or {}).items()}
        self._secret = secret
        self._waits_s = waits_s
        self._template: PageTemplate | None = None
        self.faults: tuple[str, ...] = ()
        """Why its template is not used; empty where it is, or where there is none."""
        self._log = structlog.get_logger("mx.pagers")
        if template is not None:
            try:
                self._template = PageTemplate.read(template)
            except ValueError as error:
                self.faults = (f"{error}; until then mx's own form is sent",)
                self._log.warning("page template left out", pager=self.name, because=self.faults[0])

    async def page(self, page: Page) -> str:
        return await self._send("page", page)

    async def acknowledge(self, dedup: str) -> str:
        return await self._send("acknowledge", _bare(dedup))

    async def end(self, dedup: str) -> str:
        return await self._send("end", _bare(dedup))

    async def _send(self, action: Action, page: Page) -> str:
        doing = _DOING[action].format(self.name)
        body = self._body(action, page)
        secrets = (*self._headers.values(), *((self._secret,) if self._secret else ()), self._url)
        answer = await patiently(
            self._clock,
            self._url.get_secret_value(),
            body,
            doing=doing,
            secrets=secrets,
            headers={name: value.get_secret_value() for name, value in self._headers.items()}
            | self._signed(body),
            waits_s=self._waits_s,
        )
        if not answer.good:
            raise OutsideError(
                f"{doing}: it answered {answer.status}{said(answer, secrets)}; "
                "look at page_url in mx.toml and at what that pager expects",
                permanent=answer.status == HTTPStatus.BAD_REQUEST,
            )
        return _TOLD[action].format(self.name)

    def _body(self, action: Action, page: Page) -> bytes:
        """By the template; where that makes no JSON of this page, by mx's own form: a page is never lost to it."""
        if self._template is not None:
            try:
                return self._template.render(action, page)
            except ValueError as error:
                self._log.warning("page in mx's own form", pager=self.name, because=f"page_template, {error}")
        return shipped(action, page)

    def _signed(self, body: bytes) -> dict[str, str]:
        """HMAC-SHA256 of "time.body", so that neither can be sent again with another."""
        if self._secret is None:
            return {}
        at = str(int(self._clock.now().timestamp()))
        secret = self._secret.get_secret_value().encode()
        digest = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {SIGNATURE: f"t={at},v1={digest}"}


def _bare(dedup: str) -> Page:
    return Page(dedup=dedup, summary="", severity="info", source="mx")
