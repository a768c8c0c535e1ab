"""One call of the Web API: its arguments as Slack reads them, and how it is refused."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.demo.slack.records import Channel
from bot.demo.slack.schema import Fault
from bot.demo.slack.state import State
from bot.demo.slack.tickets import Tickets

Json = Any
"""JSON as it came over the wire or goes out on it."""

Answer = dict[str, Json]


class ApiError(Exception):
    """A call that Slack refuses: HTTP 200 with ``ok`` false and this code."""

    def __init__(self, code: str, *messages: str, **extra: Json) -> None:
        super().__init__(code)
        self.code = code
        self.messages = messages
        self.extra = extra

    def as_json(self) -> Answer:
        """The body of the refusal."""
        body: Answer = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            body["response_metadata"] = {"messages": list(self.messages)}
        return body


class RateLimited(Exception):  # noqa: N818 - Slack's own word for it
    """A call too many: HTTP 429 with Retry-After."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(str(retry_after_s))
        self.retry_after_s = retry_after_s


def refused(code: str, faults: list[Fault], *, prefix: str = "") -> ApiError:
    """A refusal that lists every fault, as Slack's methods do that take blocks or a view."""
    lines = [fault.as_line(prefix) for fault in faults]
    return ApiError(code, *lines, errors=[line.removeprefix("[ERROR] ") for line in lines])


@dataclass(frozen=True, slots=True)
class Call:
    """One call: who, what, with which arguments."""

    method: str
    args: Mapping[str, Json]
    state: State
    tickets: Tickets

    def text(self, name: str) -> str:
        """A required argument that is a word."""
        value = self.args.get(name)
        if value is None or value == "":
            raise ApiError("invalid_arguments", f"[ERROR] missing required field: {name}")
        if not isinstance(value, str | int | float):
            raise ApiError("invalid_arguments", f"[ERROR] must provide a string [json-pointer:/{name}]")
        return str(value)

    def maybe(self, name: str) -> str | None:
        """An optional argument that is a word."""
        value = self.args.get(name)
        return None if value is None or value == "" else str(value)

    def flag(self, name: str) -> bool:
        """An optional argument that is yes or no, in any of the forms that Slack takes."""
        return str(self.args.get(name, "")).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        """An optional argument that is a whole number."""
        value = self.args.get(name)
        if value is None or value == "":
            return default
        try:
            return int(value)
        except (TypeError, ValueError):
            raise ApiError(
                "invalid_arguments", f"[ERROR] must provide a number [json-pointer:/{name}]"
            ) from None

    def json(self, name: str, fault: str) -> Json:
        """An optional argument that is JSON, sent as such or as a string of it; None where it is absent."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        if value == "":
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise ApiError(fault, f"[ERROR] must be valid JSON [json-pointer:/{name}]") from None

    def channel(self, name: str = "channel", *, by_name: bool = False) -> Channel:
        """The channel that an argument names, if the app may know of it."""
        wanted = self.text(name)
        found = self.state.channels.get(wanted)
        if found is None and by_name:
            by = {channel.name: channel for channel in self.state.channels.values()}
            found = by.get(wanted.removeprefix("#"))
        if found is None or (found.private and self.state.bot.id not in found.members):
            raise ApiError("channel_not_found")
        return found

    def needs(self, scope: str) -> None:
        """Refuse the call where the token lacks a scope."""
        if scope not in self.state.scopes:
            raise ApiError("missing_scope", needed=scope, provided=",".join(sorted(self.state.scopes)))

    def needs_of(self, channel: Channel, what: str) -> None:
        """The scope that the kind of channel asks for: channels:…, groups:… or im:…."""
        kind = {"channel": "channels", "group": "groups", "im": "im"}[channel.kind]
        self.needs(f"{kind}:{what}")
