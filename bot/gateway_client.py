"""The gateway's admin routes as the bot calls them: one pooled client, a short deadline, errors in sentences."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Self
from urllib.parse import quote

import httpx
from pydantic import JsonValue, SecretStr

from bot.domain.backlog import Control, Decision
from bot.errors import OutsideError

DEADLINE_S = 2.0
"""The gateway stands beside the bot; one that needs longer than this is not well."""

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_LONGEST_ERROR = 300
_DECIDING: Mapping[Decision, str] = {
    "resend": "having it send again the write",
    "arrived": "telling it of the arrival of the write",
    "drop": "dropping the write",
}


class GatewayClient:
    """Speaks to one gateway; implements the port ``Gateway``. Every method raises OutsideError."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, deadline_s: float = DEADLINE_S) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._deadline_s = deadline_s

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, *, token: str | None, deadline_s: float = DEADLINE_S
    ) -> AsyncIterator[Self]:
        """A client for the gateway at ``url``; the environment's proxy serves it, save on loopback."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        plain = url.startswith(
            "http:"
        )  # loading the certificates to trust takes 40 ms, and nobody shows one here
        async with httpx.AsyncClient(
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
            headers=headers,
            timeout=deadline_s,
            mounts={f"all://{host}": None for host in _LOOPBACK},
        ) as http:
            yield cls(http, url=url, deadline_s=deadline_s)

    async def status(self, *, window_s: float | None = None) -> JsonValue:
        params = {} if window_s is None else {"window_s": f"{window_s:g}"}
        return await self._ask("GET", "/-/status", doing="asking for its status", params=params)

    async def paths(self) -> JsonValue:
        return await self._ask("GET", "/-/paths", doing="asking which paths are called")

    async def policy(self) -> JsonValue:
        return await self._ask("GET", "/-/policy", doing="asking for its policy")

    async def put_lease(self, lease: str, body: Mapping[str, JsonValue]) -> JsonValue:
        return await self._ask(
            "PUT", _lease_path(lease), doing=f"putting the lease {lease} on", body=dict(body)
        )

    async def delete_lease(self, lease: str, *, owner: str, reason: str) -> JsonValue:
        body: dict[str, JsonValue] = {"owner": owner, "reason": reason}
        return await self._ask("DELETE", _lease_path(lease), doing=f"ending the lease {lease}", body=body)

    async def events(self, after: int) -> JsonValue:
        return await self._ask("GET", "/-/events", doing="reading its events", params={"after": str(after)})

    async def buffer(
        self, *, state: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> JsonValue:
        given = {"state": state, "limit": None if limit is None else str(limit), "cursor": cursor}
        params = {name: value for name, value in given.items() if value is not None}
        return await self._ask("GET", "/-/buffer", doing="listing its buffer", params=params)

    async def buffered(self, buffer_id: str) -> JsonValue:
        return await self._ask("GET", _write_path(buffer_id), doing=f"looking at the write {buffer_id}")

    async def decide(self, buffer_id: str, action: Decision, *, owner: str, reason: str) -> JsonValue:
        body: dict[str, JsonValue] = {"action": action, "owner": owner, "reason": reason}
        doing = f"{_DECIDING[action]} {buffer_id}"
        return await self._ask("POST", _write_path(buffer_id), doing=doing, body=body)

    async def replay(self) -> JsonValue:
        return await self._ask("GET", "/-/replay", doing="asking how far the replay is")

    async def control_replay(
        self, action: Control, *, owner: str, reason: str, dry_run: bool = False
    ) -> JsonValue:
        body: dict[str, JsonValue] = {
            "action": action,
            "dry_run": dry_run,
            "owner": owner,
            "reason": reason,
        }
        doing = "counting what a replay would send" if dry_run else f"asking it to {action} the replay"
        return await self._ask("POST", "/-/replay", doing=doing, body=body)

    async def key(self) -> JsonValue:
        return await self._ask("GET", "/-/key", doing="asking where its key is from")

    async def put_key(self, key: SecretStr, *, owner: str, reason: str) -> JsonValue:
        body: dict[str, JsonValue] = {"key": key.get_secret_value(), "owner": owner, "reason": reason}
        return await self._ask("PUT", "/-/key", doing="handing it the new key", body=body)

    async def drop_key(self, *, owner: str, reason: str) -> JsonValue:
        body: dict[str, JsonValue] = {"owner": owner, "reason": reason}
        return await self._ask("DELETE", "/-/key", doing="taking the new key back", body=body)

    async def spent(self, requests: int) -> None:
        await self._ask(
            "POST", "/-/spent", doing="telling it of mx's own requests", body={"requests": requests}
        )

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        doing: str,
        params: Mapping[str, str] | None = None,
        body: dict[str, JsonValue] | None = None,
    ) -> JsonValue:
        asking = f"gateway at {self._url}: {doing}"
        try:
            async with asyncio.timeout(self._deadline_s):
                answer = await self._http.request(
                    method, self._url + path, params=params or None, json=body if body is not None else None
                )
        except (TimeoutError, httpx.TimeoutException):
            raise OutsideError(
                f"{asking}: no answer within {self._deadline_s:g} s; look at the gateway's log and its /-/healthz"
            ) from None
        except httpx.ConnectError as error:
            raise OutsideError(
                f"{asking}: nothing can be reached there ({error}); start it with `mx gateway`, "
                "or set MX_GATEWAY_URL to where it listens"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutsideError(
                f"{asking}: the connection broke ({type(error).__name__}); look at the gateway's log"
            ) from None
        return _content(answer, asking=asking)


def _lease_path(lease: str) -> str:
    return f"/-/leases/{quote(lease, safe='')}"


def _write_path(buffer_id: str) -> str:
    return f"/-/buffer/{quote(buffer_id, safe='')}"


def _content(answer: httpx.Response, *, asking: str) -> JsonValue:
    try:
        content: JsonValue = answer.json() if answer.content else None
    except ValueError:
        content = None
        readable = False
    else:
        readable = True
    if answer.is_success:
        if readable:
            return content
        raise OutsideError(
            f"{asking}: the answer is not JSON; is MX_GATEWAY_URL the address of an mx gateway?",
            permanent=True,
        )
    if answer.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise OutsideError(
            f"{asking}: it answered {answer.status_code}; give the bot and the gateway the same MX_GATEWAY_TOKEN",
            permanent=True,
        )
    said = content.get("error") if isinstance(content, dict) else None
    text = f"it answered {answer.status_code}" + (
        f": {said[:_LONGEST_ERROR]}" if isinstance(said, str) else ""
    )
    if answer.is_server_error:
        raise OutsideError(f"{asking}: {text}; look at the gateway's log and try again")
    if said is None:
        text += "; is MX_GATEWAY_URL the address of an mx gateway?"
    raise OutsideError(f"{asking}: {text}", permanent=True)
