"""Whether somebody may act: asked of Slack, remembered for minutes, and refused where Slack cannot say."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.domain.authority import Authority, Role
from bot.errors import Refused
from bot.ports import Clock
from bot.slack.api import SlackApi, SlackError

GROUP_S = 300.0
"""How long a user group's members are remembered: who joins or leaves it waits so long."""
CHANNEL_S = 60.0
PERSON_S = 300.0
REMEMBERED_S = 86_400.0
"""Where nobody is named, and Slack cannot answer: for so long a full member of the channel is still taken for one."""
WITHIN_S = 1.2
"""Seconds for all of it, within the three of an acknowledgement."""
_PAGE = 1000
_MOST_PAGES = 20
_NOT_FULL = ("is_restricted", "is_ultra_restricted", "is_stranger", "is_bot", "deleted")


class Members:
    """Answers from memory while that is fresh. Who is in a named group is never taken from an older memory."""

    def __init__(self, api: SlackApi, clock: Clock, authority: Authority) -> None:
        self._api = api
        self._clock = clock
        self.authority = authority
        self._known: dict[str, tuple[float, frozenset[str]]] = {}

    async def check(self, user: str, role: Role, *, channel: str) -> None:
        """Raises Refused where this person may not, with who can, or where it cannot be found out now."""
        try:
            async with asyncio.timeout(WITHIN_S):
                allowed = await self._allowed(user, role, channel=channel)
        except SlackError as error:
            raise Refused(f"Who may do this could not be asked, so nothing was done. {error}") from None
        except TimeoutError:
            raise Refused(
                "Who may do this could not be asked: Slack did not answer in time, so nothing was done. Ask once more."
            ) from None
        if not allowed:
            raise Refused(self.authority.refusal(role))

    async def warm(self, user: str, *, channel: str) -> None:
        """Learn about this person before they act, off their path; what cannot be learned now is asked then."""
        with contextlib.suppress(SlackError, TimeoutError):
            await self._allowed(user, "responder", channel=channel)

    async def _allowed(self, user: str, role: Role, *, channel: str) -> bool:
        named = self.authority.named(role)
        if not named:
            return await self._full(user) and user in await self._channel(channel)
        if user in named:
            return True
        trouble: SlackError | None = None
        for group in (one for one in named if one.startswith("S")):
            try:
                if user in await self._group(group):
                    return True
            except SlackError as error:
                trouble = error  # another group may have this person
        if trouble is not None:
            raise trouble
        return False

    async def _full(self, user: str) -> bool:
        async def ask() -> frozenset[str]:
            answer = await self._ask(
                "users.info", {"user": user}, doing="asking whether you are a full member"
            )
            found = answer.get("user") or {}
            return frozenset() if any(found.get(word) for word in _NOT_FULL) else frozenset({user})

        return user in await self._fresh(f"person:{user}", PERSON_S, ask, remembered_s=REMEMBERED_S)

    async def _group(self, group: str) -> frozenset[str]:
        async def ask() -> frozenset[str]:
            answer = await self._ask(
                "usergroups.users.list",
                {"usergroup": group},
                doing=f"asking who is in the user group {group}",
            )
            return frozenset(map(str, answer.get("users") or ()))

        return await self._fresh(f"group:{group}", GROUP_S, ask)

    async def _channel(self, channel: str) -> frozenset[str]:
        async def ask() -> frozenset[str]:
            found: set[str] = set()
            cursor = ""
            for _ in range(_MOST_PAGES):
                arguments: dict[str, Any] = {"channel": channel, "limit": _PAGE}
                if cursor:
                    arguments["cursor"] = cursor
                answer = await self._ask(
                    "conversations.members", arguments, doing=f"asking who is in the channel {channel}"
                )
                found |= set(map(str, answer.get("members") or ()))
                cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
                if not cursor:
                    break
            return frozenset(found)

        return await self._fresh(f"channel:{channel}", CHANNEL_S, ask, remembered_s=REMEMBERED_S)

    async def _ask(self, method: str, arguments: Mapping[str, Any], *, doing: str) -> Mapping[str, Any]:
        return await self._api.call(method, arguments, doing=doing, again=True, read=True)

    async def _fresh(
        self,
        key: str,
        keep_s: float,
        ask: Callable[[], Awaitable[frozenset[str]]],
        *,
        remembered_s: float = 0.0,
    ) -> frozenset[str]:
        """What is known, asked anew where it is older than ``keep_s``; up to ``remembered_s`` it stands in for an answer."""
        known = self._known.get(key)
        now = self._clock.monotonic()
        if known is not None and now - known[0] <= keep_s:
            return known[1]
        try:
            found = await ask()
        except SlackError:
            if known is not None and now - known[0] <= remembered_s:
                return known[1]
            raise
        self._known[key] = (now, found)
        return found
