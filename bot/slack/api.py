"""One call to Slack: our own rules for trying again, and Slack's errors as ours. No blind second post."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import aiohttp
from pydantic import JsonValue
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import OutsideError
from bot.meter import Meter
from bot.ports import Clock
from bot.slack.settings import SlackSettings

SCOPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "auth.test": (),
        "canvases.access.set": ("canvases:write",),
        "canvases.create": ("canvases:write",),
        "canvases.edit": ("canvases:write",),
        "chat.getPermalink": (),
        "chat.postEphemeral": ("chat:write",),
        "chat.postMessage": ("chat:write",),
        "chat.update": ("chat:write",),
        "conversations.history": ("channels:history", "groups:history"),
        "conversations.replies": ("channels:history", "groups:history"),
        "conversations.members": ("channels:read", "groups:read"),
        "files.completeUploadExternal": ("files:write",),
        "files.getUploadURLExternal": ("files:write",),
        "usergroups.list": ("usergroups:read",),
        "usergroups.users.list": ("usergroups:read",),
        "users.info": ("users:read",),
        "views.open": (),
        "views.publish": (),
        "views.update": (),
    }
)
"""Every method that mx calls, and what it needs; the manifest asks for exactly these."""

TIMEOUT_S = 10.0
_TRIES = 3
_LONGEST_WAIT_S = 30.0
_NEXT_TIME = frozenset(
    {"ratelimited", "rate_limited", "service_unavailable", "internal_error", "fatal_error", "request_timeout"}
)
_MAYBE_DONE = frozenset({"internal_error", "fatal_error", "request_timeout", "no_answer"})
AWAY = frozenset(
    {
        "no_answer",
        "no_connection",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
    }
)
"""Codes after which no other call would fare better."""
NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "is_archived"})
"""Codes by which Slack says that the bot cannot write in a channel."""
GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""Codes by which Slack says that a message can no longer be edited."""

_HELP = {
    "not_in_channel": "type /invite @mx in that channel",
    "channel_not_found": "type /invite @mx in that channel if it is private, or correct the channel's id",
    "is_archived": "name another channel, or take that one out of the archive",
    "invalid_auth": "copy the Bot User OAuth Token anew from the app's settings",
    "not_authed": "set SLACK_BOT_TOKEN",
    "account_inactive": "install the app again: its token was switched off",
    "token_revoked": "install the app again: its token was revoked",
    "no_such_subteam": "correct the group's id (S…) in mx.toml",
    "plan_upgrade_required": "this workspace has no user groups: name people (U…) in mx.toml",
    "missing_scope": "install the app again with the scopes of manifest.yml",
    "used_url": "a response URL works five times; type the command again",
    "expired_url": "a response URL works for 30 minutes; type the command again",
}


class SlackError(OutsideError):
    """Slack did not do it. ``code`` is Slack's word; ``maybe_done`` says that nobody can know whether it did."""

    def __init__(self, text: str, *, code: str, wait_s: float | None = None) -> None:
        super().__init__(
            text, permanent=code not in _NEXT_TIME and code not in {"no_answer", "no_connection"}
        )
        self.code = code
        self.wait_s = wait_s
        self.maybe_done = code in _MAYBE_DONE


class SlackApi:
    """Slack's methods over one shared session, counted.

    What only reads or replaces is tried again; what would post twice is tried again only where Slack surely has
    not taken it (a refused connection, a 429 with its ``Retry-After``).
    """

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        clock: Clock,
        *,
        meter: Meter | None = None,
    ) -> None:
        self._client = client
        self._session = session
        self._clock = clock
        self.calls = (meter or Meter()).slack_calls
        """Calls by method and outcome."""
        self.trouble = ""
        """Why Slack, or its answer to our token, is away; empty where the last call reached it."""

    async def call(
        self, method: str, arguments: Mapping[str, Any], *, doing: str, again: bool, read: bool = False
    ) -> Mapping[str, Any]:
        """One method, tried up to three times where that is safe. Raises SlackError.

        Args:
            method: Slack's name of it.
            arguments: its arguments.
            doing: what the errors say was being done.
            again: it may be repeated without harm.
            read: Slack takes this method's arguments as a query, not as JSON.
        """
        for attempt in range(1, _TRIES + 1):
            try:
                answer = await self._once(method, arguments, doing=doing, read=read)
            except SlackError as error:
                self.calls.add(method, error.code)
                self.trouble = str(error) if error.code in AWAY else ""
                safe = again or not error.maybe_done
                wait_s = error.wait_s if error.wait_s is not None else 0.5 * attempt
                if error.permanent or not safe or attempt == _TRIES or wait_s > _LONGEST_WAIT_S:
                    raise
                await self._clock.sleep(wait_s)
            else:
                self.calls.add(method, "ok")
                self.trouble = ""
                return answer
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, method: str, arguments: Mapping[str, Any], *, doing: str, read: bool
    ) -> Mapping[str, Any]:
        how: dict[str, Any] = (
            {"http_verb": "GET", "params": {k: str(v) for k, v in arguments.items()}}
            if read
            else {"json": dict(arguments)}
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._client.api_call(method, **how)
        except SlackApiError as error:
            raise _refused(error, doing) from None
        except aiohttp.ClientConnectorError as error:
            raise SlackError(f"{doing}: {_words(error)}", code="no_connection") from None
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError, ValueError) as error:
            raise SlackError(f"{doing}: {_words(error)}", code="no_answer") from None
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def respond(self, url: str, message: Mapping[str, JsonValue]) -> None:
        """Answer through a response URL: five uses within 30 minutes; the URL never appears in an error.

        Raises SlackError.
        """
        doing = "answering privately"
        try:
            async with asyncio.timeout(TIMEOUT_S), self._session.post(url, json=dict(message)) as answer:
                body = (await answer.text())[:200]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.calls.add("response_url", "no_answer")
            raise SlackError(f"{doing}: {_words(error)}", code="no_answer") from None
        code = "ok" if answer.ok else _code_of(body) or f"http_{answer.status}"
        self.calls.add("response_url", code)
        if code != "ok":
            raise SlackError(f"{doing}: Slack answered {code}{_help(code)}", code=code)

    async def put(self, url: str, data: bytes, *, doing: str) -> None:
        """Send bytes to an upload address that Slack gave. Raises SlackError."""
        # The upload address carries its own ticket; a bot token must not be sent there.
        headers = {"Content-Type": "application/octet-stream"}
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._session.post(url, data=io.BytesIO(data), headers=headers) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SlackError(f"{doing}: {_words(error)}", code="no_answer") from None
        if status != 200:  # noqa: PLR2004
            raise SlackError(f"{doing}: Slack's upload address answered {status}", code="internal_error")


@asynccontextmanager
async def slack_client(
    settings: SlackSettings,
) -> AsyncIterator[tuple[AsyncWebClient, aiohttp.ClientSession]]:
    """A client and the one HTTP session that all its calls share; it follows the proxy settings of the environment."""
    # slack_sdk writes tokens and bodies at DEBUG: its logger stays at WARNING whatever the rest does.
    logger = logging.getLogger("mx.slack.sdk")
    logger.setLevel(logging.WARNING)
    async with aiohttp.ClientSession(trust_env=True) as session:
        client = AsyncWebClient(
            token=settings.bot_token,
            base_url=settings.api_url,
            session=session,
            retry_handlers=[],
            timeout=int(TIMEOUT_S),
            logger=logger,
        )
        # slack_sdk takes HTTP(S)_PROXY without NO_PROXY; the session honours both.
        client.proxy = None
        yield client, session


def _refused(error: SlackApiError, doing: str) -> SlackError:
    response = error.response
    data = getattr(response, "data", None)
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    code = data.get("error") if isinstance(data, dict) else None
    if not isinstance(code, str):
        code = "internal_error" if isinstance(status, int) and status >= 500 else "no_answer"  # noqa: PLR2004
        return SlackError(f"{doing}: Slack answered with HTTP {status} and no reason", code=code)
    headers = getattr(response, "headers", None) or {}
    wait_s = _seconds(headers.get("Retry-After")) if code in {"ratelimited", "rate_limited"} else None
    detail = "; ".join(_details(data))
    says = f"{doing}: Slack answered {code}{f' ({detail})' if detail else ''}{_help(code)}"
    return SlackError(says, code=code, wait_s=wait_s)


def _details(data: Any) -> list[str]:
    """What Slack adds: the scope that is missing, the blocks that are wrong."""
    found = [str(data["needed"])] if isinstance(data.get("needed"), str) else []
    metadata = data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, dict) else None
    found += [str(message)[:120] for message in messages[:3]] if isinstance(messages, list) else []
    return found


def _seconds(text: object) -> float:
    try:
        return max(0.0, float(str(text)))
    except ValueError:
        return 1.0


def _code_of(body: str) -> str | None:
    return body.strip() if body.strip().replace("_", "").isalpha() else None


def _help(code: str) -> str:
    return f"; {_HELP[code]}" if code in _HELP else ""


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"Slack did not answer within {TIMEOUT_S:g} s"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection to {error.host}:{error.port}: {error.strerror or error.os_error}"
    return f"the connection to Slack broke ({type(error).__name__})"
