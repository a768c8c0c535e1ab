"""``POST /pagerduty/webhook``: PagerDuty's own news, checked by its signature, written down before it is answered."""

import hashlib
import hmac
import json
from collections.abc import Sequence

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.deciding import Deciding, Move, on
from bot.domain.book import Book
from bot.domain.pager_news import PING, PagerNews, about, fact_of, read
from bot.errors import Conflict, StoreError
from bot.meter import Meter
from bot.ports import Clock
from bot.timeline import Timeline

PATH = "/pagerduty/webhook"
BODY_CAP = 256 * 1024
"""PagerDuty drops what is bigger itself."""
TAKEN = "taken"
SET = (
    "set PAGERDUTY_WEBHOOK_SECRET to the secret that PagerDuty showed when the webhook subscription was made; "
    "until then nothing is taken here"
)


def routes(
    timeline: Timeline, clock: Clock, *, secrets: Sequence[str], meter: Meter | None = None
) -> web.RouteDef:
    """The route that takes PagerDuty's v3 webhooks; without a secret it refuses all of them and says what to set."""
    deciding = Deciding(timeline, clock)
    counted = (meter or Meter()).pager_news
    log = structlog.get_logger("mx.web.pagerduty")

    async def receive(request: web.Request) -> web.Response:
        try:
            raw = await _whole(request, secrets)
            news = _event(raw)
            key = f"pagerduty:{news.id or hashlib.sha256(raw).hexdigest()}"
            became = await _became(timeline, deciding, news, key=key)
            counted.add("taken" if became == TAKEN else "passed_over")
            return _answer(202, status=became)
        except _Refusal as refusal:
            counted.add("refused")
            return _answer(refusal.status, error=str(refusal))
        except (StoreError, Conflict) as error:
            counted.add("not_stored")
            log.warning("news not written down", because=str(error))
            return _answer(503, error="the timeline did not take it; send it again")

    return web.post(PATH, receive)


class _Refusal(Exception):  # noqa: N818 - it is an answer
    """A request that is not taken."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def _whole(request: web.Request, secrets: Sequence[str]) -> bytes:
    """The body, once its signature was checked."""
    if not secrets:
        raise _Refusal(403, SET)
    too_big = _Refusal(413, f"the body is over {BODY_CAP} bytes; PagerDuty sends none of that size")
    if (request.content_length or 0) > BODY_CAP:
        raise too_big
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_big from None
    except (HttpProcessingError, web.RequestPayloadError):
        raise _Refusal(400, "the body cannot be read to its end; send it whole, not compressed") from None
    if len(raw) > BODY_CAP:
        raise too_big
    if not signed(raw, request.headers.get("X-PagerDuty-Signature", ""), secrets):
        raise _Refusal(401, "the signature is missing or wrong; compare PAGERDUTY_WEBHOOK_SECRET")
    return raw


def _event(raw: bytes) -> PagerNews:
    try:
        news = read(json.loads(raw))
    except (ValueError, RecursionError):
        raise _Refusal(400, "the body is not JSON; send it as PagerDuty does") from None
    if news is None:
        raise _Refusal(400, "the body holds no event with an event_type; only v3 webhooks are taken")
    return news


def signed(raw: bytes, header: str, secrets: Sequence[str]) -> bool:
    """Whether one of the header's signatures is of one of the secrets: both have several while one is exchanged."""
    given = [
        part.strip().removeprefix("v1=").encode()
        for part in header.split(",")
        if part.strip().startswith("v1=")
    ]
    expected = [hmac.new(s.encode(), raw, hashlib.sha256).hexdigest().encode() for s in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in expected)


async def _became(timeline: Timeline, deciding: Deciding, news: PagerNews, *, key: str) -> str:
    """Write it down once; says what became of it. Raises StoreError and Conflict."""
    if news.event == PING:
        return "pong"
    if not news.known:
        return "passed over: events of this kind change nothing in mx"
    found = about(await timeline.book(), news)
    if found is None:
        return "passed over: it is about nothing of mx's"
    stream = found.id

    def decide(book: Book) -> Move:
        now = book.incident(stream)
        assert now is not None, "an incident never leaves the timeline"
        fact = fact_of(now, news)
        if fact is None:
            return Move(says="passed over: mx did it itself")
        return on(now, fact, says=TAKEN)

    return (await deciding.do(decide, found.integration, actor=news.actor, key=key)).says


def _answer(code: int, **body: str) -> web.Response:
    return web.json_response(body, status=code)
