"""Ask ``/versions`` at the API's origin without a key: it separates "their API" from "our key"."""

import asyncio
import json
from dataclasses import dataclass

from bot.domain.addresses import shown
from bot.domain.readings import HttpDetail, Reading, Status
from bot.maintainx import origin
from bot.probes.exchange import Exchange, Wire
from bot.probes.spending import Spending
from bot.probes.words import duration

_OK = 200
_NOT_FOUND = 404
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class VersionsProbe:
    """``GET {origin}/versions``, once, without a key. A 404 tells nothing: some base URLs have no such page."""

    base_url: str
    wire: Wire
    spending: Spending
    slow_ms: float = 2000.0
    deadline_s: float = 10.0

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - once is enough for a vote
        url = f"{origin(self.base_url)}/versions"
        until = asyncio.get_running_loop().time() + self.deadline_s
        async with self.spending.told(), self.wire.line() as line:
            self.spending.count()
            exchange = await line.get(url, until=until)
        status, says = self._judge(exchange)
        good = exchange.code != _OK or _lists_versions(exchange.body)
        sample = exchange.sample(at_ms=0.0)
        detail = HttpDetail(url=shown(url), samples=(sample,), body_ok=good)
        return Reading(
            probe="versions", target="/versions", status=status, ms=sample.ms, says=says, detail=detail
        )

    def _judge(self, exchange: Exchange) -> tuple[Status, str]:
        ms = exchange.timing.total or 0.0
        took, code = duration(ms), exchange.code
        if code is None:
            judged = Status.FAILING, exchange.error or "no answer"
        elif code >= _SERVER_ERROR:
            judged = Status.FAILING, f"HTTP {code} even without a key; {took}"
        elif code == _NOT_FOUND:
            judged = Status.UNKNOWN, "HTTP 404: this base URL has no /versions, so it tells nothing"
        elif code != _OK:
            judged = Status.UNKNOWN, f"HTTP {code}: tells neither that their API works nor that it fails"
        elif not _lists_versions(exchange.body):
            judged = Status.UNKNOWN, "HTTP 200, but not the list of versions: something else answers there"
        elif ms > self.slow_ms:
            judged = Status.SLOW, f"HTTP 200 without a key; {took}; slow is over {duration(self.slow_ms)}"
        else:
            judged = Status.OK, f"HTTP 200 without a key; {took}"
        return judged


def _lists_versions(body: bytes) -> bool:
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, list) and all(isinstance(v, dict) and "version" in v for v in parsed)
