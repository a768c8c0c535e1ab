"""Whether somebody in Slack may act: asked of Slack, remembered for minutes, and refused where Slack cannot say."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.domain import authority
from bot.domain.authority import Authority, Role, Standing
from bot.errors import Refused
from bot.ports import Clock
from bot.slack.api import SlackApi, SlackError

BUDGET_S = 1.2
"""How long Slack may take to answer all of it, within the 3 seconds of an acknowledgement."""
GROUP_S = 300.0
PERSON_S = 300.0
CHANNEL_S = 60.0
"""How long an answer counts. What is older is asked anew, and never used because Slack is away."""

_NAMES_S = 0.4
_SLACKBOT = "USLACKBOT"
"""Slack says of it that it is no bot."""
_PAGE = 999
_PAGES = 20

Held = TypeVar("Held")
Ask = Callable[[str], Awaitable[Held]]


@dataclass(slots=True)
class _Kept(Generic[Held]):
    """Slack's answers of one kind, by id, each with the second at which it was given."""

    ask: Ask[Held]
    life_s: float
    clock: Clock
    _answers: dict[str, tuple[Held, float]] = field(default_factory=dict)
    _under_way: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def get(self, key: str) -> Held:
        """The answer, no older than its life. Raises SlackError."""
        if (found := self._fresh(key)) is not None:
            return found[0]
        # Ten clicks at once ask one question: user groups take 20 questions a minute.
        async with self._lock(key):
            if (found := self._fresh(key)) is not None:
                return found[0]
            asked_at = self.clock.monotonic()
            answer = await self.ask(key)
            self._answers[key] = (answer, asked_at)
            return answer

    def _fresh(self, key: str) -> tuple[Held, float] | None:
        found = self._answers.get(key)
        return found if found and self.clock.monotonic() - found[1] < self.life_s else None

    def _lock(self, key: str) -> asyncio.Lock:
        return self._under_way.setdefault(key, asyncio.Lock())


class Members:
    """Asks Slack who somebody is, as far as the settings leave it open."""

    def __init__(self, api: SlackApi, clock: Clock, authority: Authority) -> None:
        self.authority = authority
        self._api = api
        self._groups = _Kept(self._ask_group, GROUP_S, clock)
        self._people = _Kept(self._ask_person, PERSON_S, clock)
        self._channels = _Kept(self._ask_channel, CHANNEL_S, clock)
        self._names = _Kept(self._ask_names, GROUP_S, clock)
        self._team: str | None = None

    async def check(self, user: str, role: Role, *, channels: tuple[str, ...], doing: str) -> None:
        """Let this user act, or raise Refused with a sentence that says who can.

        Args:
            user: Slack's id of who asks.
            role: what the act needs.
            channels: the incident's channel; membership of one of several will do.
            doing: what is asked for, behind "may".
        """
        if user in self.authority.people(role):
            return
        try:
            async with asyncio.timeout(BUDGET_S):
                refusal = await self._refusal(user, role, channels, doing)
        except SlackError as error:
            raise self._unchecked(role, doing, str(error)) from None
        except TimeoutError:
            because = f"Slack gave no usable answer within {BUDGET_S:g} s"
            raise self._unchecked(role, doing, because) from None
        if refusal is None:
            return
        raise Refused(refusal or await self._unnamed(role, doing))

    async def unfit(self, user: str, *, channels: tuple[str, ...]) -> str:
        """Why an incident cannot be given to this user, in plain text; empty where they may act and are a person."""
        role: Role = "responder"
        if user in self.authority.people(role):
            return ""
        try:
            async with asyncio.timeout(BUDGET_S):
                refusal = await self._refusal(user, role, channels, "have it")
                account = await self._people.get(user) if refusal is not None else Standing()
        except (SlackError, TimeoutError):
            return "Whether they may act could not be checked: Slack gave no usable answer. Try again in a minute."
        return "" if refusal is None else authority.unfit(account, self.authority)

    async def outsider(self, user: str) -> Standing | None:
        """What this user is, where they are no full member of the workspace and are not named. Raises SlackError."""
        if user in self.authority.people("responder"):
            return None
        account = await self._people.get(user)
        return None if account.full_member else account

    async def _refusal(self, user: str, role: Role, channels: tuple[str, ...], doing: str) -> str | None:
        """None: may act. Empty: nobody names this user. Raises SlackError where it cannot be told."""
        fault: SlackError | None = None
        for group in self.authority.groups(role):
            try:
                if user in await self._groups.get(group):
                    return None
            except SlackError as error:
                fault = error
        refusal = ""
        if self.authority.members(role):
            standing = await self._people.get(user)
            member = False
            for channel in channels:
                if member or not standing.full_member:
                    break
                try:
                    member = user in await self._channels.get(channel)
                except SlackError as error:
                    fault = error
            if member:
                return None
            refusal = authority.refuse_outsider(standing, channels, member=member, doing=doing)
        if fault is not None:
            raise fault
        return refusal

    def _unchecked(self, role: Role, doing: str, because: str) -> Refused:
        return Refused(authority.refuse_unchecked(self.authority, role, doing=doing, because=because))

    async def _unnamed(self, role: Role, doing: str) -> str:
        names: Mapping[str, str] = {}
        if self.authority.groups(role):
            with suppress(SlackError, TimeoutError):
                async with asyncio.timeout(_NAMES_S):
                    names = await self._names.get("")
        return authority.refuse_unnamed(self.authority, role, doing=doing, names=names)

    async def _ask_group(self, group: str) -> frozenset[str]:
        answer = await self._api.call(
            "usergroups.users.list",
            {"usergroup": group},
            doing=f"asking who is in the user group {group}",
            again=True,
            read=True,
        )
        return frozenset(map(str, answer.get("users") or ()))

    async def _ask_names(self, _: str) -> Mapping[str, str]:
        answer = await self._api.call(
            "usergroups.list", {}, doing="asking for the names of the user groups", again=True, read=True
        )
        groups = [one for one in answer.get("usergroups") or () if isinstance(one, dict)]
        return {str(one.get("id")): str(one.get("name") or one.get("handle")) for one in groups}

    async def _ask_channel(self, channel: str) -> frozenset[str]:
        doing = f"asking who is in the channel {channel}"
        found: set[str] = set()
        cursor = ""
        for _ in range(_PAGES):
            page = {"channel": channel, "limit": _PAGE} | ({"cursor": cursor} if cursor else {})
            answer = await self._api.call("conversations.members", page, doing=doing, again=True, read=True)
            found.update(map(str, answer.get("members") or ()))
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return frozenset(found)
        raise SlackError(
            f"{doing}: it has more than {_PAGE * _PAGES} members; name responders in mx.toml",
            code="too_many_members",
        )

    async def _ask_person(self, user: str) -> Standing:
        if self._team is None:
            me = await self._api.call("auth.test", {}, doing="asking Slack who the bot is", again=True)
            self._team = str(me.get("team_id"))
        doing = f"asking who {user} is"
        answer = await self._api.call("users.info", {"user": user}, doing=doing, again=True, read=True)
        return standing(answer.get("user") or {}, team=self._team)


def standing(account: Mapping[str, Any], *, team: str) -> Standing:
    """What ``users.info`` says of somebody. Of an organisation with several workspaces, all their teams count."""
    workspaces = {account.get("team_id"), *((account.get("enterprise_user") or {}).get("teams") or ())}
    return Standing(
        guest=bool(account.get("is_restricted") or account.get("is_ultra_restricted")),
        stranger=bool(account.get("is_stranger")) or team not in workspaces,
        robot=bool(account.get("is_bot") or account.get("is_workflow_bot") or account.get("id") == _SLACKBOT),
        gone=bool(account.get("deleted")),
    )
