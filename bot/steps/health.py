"""One look at an integration's own health address, as the steps that watch it use it."""

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

import httpx

from bot.domain import health
from bot.domain.addresses import shown
from bot.domain.integration import Integration

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_CHECKS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it: ``mute`` is an answer that tells nothing, ``silent`` is none."""

    verdict: Literal["healthy", "unhealthy", "mute", "silent"]
    says: str


def health_client(integration: Integration) -> httpx.AsyncClient:
    """A client for the health address; no proxy stands before one on this machine."""
    here = (urlsplit(integration.health_url).hostname or "") in _LOOPBACK
    return httpx.AsyncClient(timeout=None, trust_env=not here)  # noqa: S113 - each look has its own limit


async def ask_health(http: httpx.AsyncClient, url: str, *, deadline_s: float) -> Asked:
    """Ask once; whatever happens is an answer."""
    where = shown(url)
    try:
        async with asyncio.timeout(deadline_s):
            answer = await http.get(url)
    except TimeoutError:
        return Asked("silent", f"{where} does not answer within {deadline_s:g} s")
    except httpx.ConnectError:
        return Asked("silent", f"nothing can be reached at {where}")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Asked("silent", f"{where} cannot be asked ({type(error).__name__})")
    return _judged(answer, where)


def _judged(answer: httpx.Response, where: str) -> Asked:
    code = answer.status_code
    found = health.answer(answer.content)
    if found is None:
        if code == HTTPStatus.OK:
            return Asked("mute", f"{where} answers {code}, and nothing that tells its state")
        return Asked("silent", f"{where} answers {code}, which is no health answer")
    claims, checks = health.claim(found), health.checks(found)
    broken = [check for check in checks if not check.ok]
    said = f'{where} answers {code} and says "{claims or "nothing of its state"}"'
    if broken:
        named = ", ".join(f"{check.name}: {check.says or 'fails'}" for check in broken[:_MOST_CHECKS])
        return Asked("unhealthy", f"{said} ({named})")
    if claims == "healthy" and code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Asked(
            "healthy", said if checks else f"{said}, but names no checks, so it can say nothing else"
        )
    return Asked("unhealthy" if claims or code >= HTTPStatus.BAD_REQUEST else "mute", said)
