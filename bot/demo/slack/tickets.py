"""What a delivery hands to the app for its answer: a trigger_id for modals, a response_url for messages."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bot.demo.slack.limits import Limits

TriggerFault = Literal["invalid_trigger_id", "expired_trigger_id", "exchanged_trigger_id"]
UrlFault = Literal["expired_url", "used_url"]


@dataclass(slots=True)
class Trigger:
    """The right to open one modal for one person, for three seconds."""

    user: str
    born: float
    view: str | None = None
    """The modal in which the person acted: views.push goes on top of it."""
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """The right to answer where a person acted, a few times, without being in the channel."""

    user: str
    channel: str
    born: float
    source_ts: str | None = None
    """The message whose button was clicked: what ``replace_original`` replaces."""
    uses: int = 0


class Tickets:
    """All trigger_ids and response_urls that were handed out."""

    def __init__(self, limits: Limits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._monotonic = monotonic
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}
        self._sockets: set[str] = set()

    def new_trigger(self, user: str, *, view: str | None = None) -> str:
        """A trigger_id for something this person just did."""
        name = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[name] = Trigger(user, self._monotonic(), view)
        return name

    def exchange(self, trigger_id: str) -> Trigger | TriggerFault:
        """Use a trigger_id; it is gone then."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            return "invalid_trigger_id"
        if trigger.used:
            return "exchanged_trigger_id"
        if self._monotonic() - trigger.born > self._limits.trigger_s:
            return "expired_trigger_id"
        trigger.used = True
        return trigger

    def new_socket(self) -> str:
        """The right to open one socket."""
        name = secrets.token_urlsafe(12)
        self._sockets.add(name)
        return name

    def take_socket(self, name: str) -> bool:
        """Use the right to open a socket; it is gone then."""
        known = name in self._sockets
        self._sockets.discard(name)
        return known

    def new_url(self, user: str, channel: str, *, source_ts: str | None = None) -> str:
        """The last part of a response_url."""
        name = f"{secrets.token_hex(8)}/{secrets.token_urlsafe(18)}"
        self._urls[name] = ResponseUrl(user, channel, self._monotonic(), source_ts)
        return name

    def use_url(self, name: str) -> ResponseUrl | UrlFault:
        """Count one use of a response_url."""
        url = self._urls.get(name)
        if url is None or self._monotonic() - url.born > self._limits.response_url_s:
            return "expired_url"
        if url.uses >= self._limits.response_url_uses:
            return "used_url"
        url.uses += 1
        return url
