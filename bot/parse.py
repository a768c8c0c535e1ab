"""Reads one setting from text or TOML: each parser returns the value or says what to write instead."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

Parser = Callable[[Any], Any]
"""Takes the text of a variable or the value of a TOML key; raises ValueError with what to write instead."""


def text(value: Any) -> str:
    """Any non-empty line of text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("write a text in quotes that is not empty")
    if not value.strip().isprintable():
        raise ValueError("write it in one line, without control characters")
    return value.strip()


def organisation(value: Any) -> str:
    """An organisation's number, as MaintainX's header takes it."""
    found = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not re.fullmatch(r"[0-9]{1,20}", found):
        raise ValueError("write the organisation's number, such as 12345")
    return found


def secret(value: Any) -> str:
    """A secret without white space; the fault never repeats it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("it is empty; write the secret or leave the setting out")
    if any(c.isspace() for c in value.strip()) or not value.isascii():
        raise ValueError("it holds white space or characters that are not ASCII; copy it again")
    return value.strip()


def secrets(value: Any) -> tuple[str, ...]:
    """A list of secrets, in order."""
    if not isinstance(value, list):
        raise ValueError("write a list of secrets in quotes")
    return tuple(secret(one) for one in value)


def raw(value: Any) -> str:
    """The text exactly as it is: an odd API key is a finding of the triage, never a refused start."""
    return value if isinstance(value, str) else str(value)


def shaped(pattern: str, instead: str) -> Parser:
    """A secret of a known shape, such as Slack's ``xoxb-`` tokens."""

    def parse(value: Any) -> str:
        found = secret(value)
        if not re.fullmatch(pattern, found):
            raise ValueError(instead)
        return found

    return parse


def emoji(value: Any) -> str:
    """The name of an emoji, with or without its colons; returned without."""
    found = str(value).strip().strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]{1,100}", found):
        raise ValueError("write the name of an emoji as Slack shows it, such as pushpin")
    return found


def http_url(value: Any) -> str:
    """An ``http://`` or ``https://`` URL with a host."""
    instead = "write a URL such as https://api.example.com/v1"
    if not isinstance(value, str):
        raise ValueError(instead)
    found = value.strip()
    try:
        parts = urlsplit(found)
        port = parts.port
    except ValueError:
        raise ValueError(instead) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0 or re.search(r"\s", found):
        raise ValueError(instead)
    if parts.username or parts.password:
        raise ValueError("leave the user name and password out of the URL")
    return found


def whole(low: int, high: int) -> Parser:
    """A whole number within bounds."""

    def parse(value: Any) -> int:
        instead = f"write a whole number from {low} to {high}"
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(instead)
        try:
            number = int(value)
        except ValueError:
            raise ValueError(instead) from None
        if not low <= number <= high:
            raise ValueError(instead)
        return number

    return parse


def number(low: float, high: float) -> Parser:
    """A number within bounds, in the unit that the setting's name says."""

    def parse(value: Any) -> float:
        instead = f"write a number from {low:g} to {high:g}"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(instead)
        try:
            found = float(value)
        except ValueError:
            raise ValueError(instead) from None
        if not low <= found <= high:
            raise ValueError(instead)
        return found

    return parse


def yes_or_no(value: Any) -> bool:
    """TOML's ``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError("write true or false")
    return value


def zone(value: Any) -> ZoneInfo:
    """An IANA time zone."""
    try:
        return ZoneInfo(text(value))
    except (ValueError, KeyError, OSError):
        raise ValueError("write an IANA time zone such as Europe/Berlin or UTC") from None


def file(value: Any) -> Path:
    """A file's path; a leading ``~`` is the home directory."""
    found = Path(text(value))
    try:
        return found.expanduser()
    except RuntimeError:
        raise ValueError(
            f"{found.parts[0]} is no user's home on this machine; write the whole path"
        ) from None


def texts(value: Any) -> tuple[str, ...]:
    """A TOML list of texts."""
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v.strip() for v in value):
        raise ValueError('write a list of texts, such as ["a", "b"]')
    return tuple(value)


def read_patterns(value: Any) -> tuple[str, ...]:
    """A TOML list of reads, as lanes write them."""
    found = texts(value)
    if any(not re.fullmatch(r"GET /\S*", pattern) for pattern in found):
        raise ValueError('write a list of reads, such as ["GET /v1/users*"]')
    return found


def paths(value: Any) -> tuple[str, ...]:
    """A TOML list of API paths."""
    found = texts(value)
    if any(not re.fullmatch(r"/[a-z]+", path) for path in found):
        raise ValueError('write a list of API paths, such as ["/workorders"]')
    return found


def some_of(*known: str) -> Parser:
    """A TOML list of some of these words."""

    def parse(value: Any) -> tuple[str, ...]:
        found = texts(value)
        if unknown := [word for word in found if word not in known]:
            raise ValueError(f"{unknown[0]} is not among them; write a list of {', '.join(known)}")
        return tuple(dict.fromkeys(found))

    return parse


def one_of(*known: str) -> Parser:
    """One of these words."""

    def parse(value: Any) -> str:
        found = text(value)
        if found not in known:
            raise ValueError(f"write one of {', '.join(known)}")
        return found

    return parse


def slack_channel(value: Any) -> str:
    """A Slack channel's id; names fail with organisation-wide tokens."""
    found = text(value)
    if not re.fullmatch(r"[CG][A-Z0-9]{2,}", found):
        raise ValueError(
            "write the channel's id, such as C0123ABCD (in Slack: the channel's name, About, at the bottom)"
        )
    return found


def slack_people(value: Any) -> tuple[str, ...]:
    """A list of Slack user ids and user group ids."""
    found = value if isinstance(value, list) else [None]
    if not all(isinstance(one, str) and re.fullmatch(r"[UWS][A-Z0-9]{2,20}", one) for one in found):
        raise ValueError(
            'write a list of ids of people (U…) and user groups (S…), such as ["U0123ABCD", "S0123ABCD"]'
        )
    return tuple(found)
