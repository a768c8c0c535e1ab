"""Reads the team's calendar and whom to wake from settings: hours, days, holidays, severities, headers."""

import importlib
import re
from collections.abc import Container, Mapping
from datetime import date, time
from typing import Any

from bot.domain.assessment import Severity
from bot.domain.calendar import WEEK
from bot.parse import http_url, text

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_HOUR = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def hours(value: Any) -> tuple[time, time]:
    """When the team opens and closes."""
    found = _HOURS.fullmatch(text(value))
    opens = time(int(found[1]), int(found[2])) if found else time()
    closes = time(int(found[3]), int(found[4])) if found else time()
    if found is None or closes <= opens:
        raise ValueError('write when the team opens and closes, such as "09:00-17:00"')
    return opens, closes


def hour(value: Any) -> time | None:
    """A time of day, or ``off``."""
    found = _HOUR.fullmatch(text(value))
    if found is None and value != "off":
        raise ValueError('write a time of day such as "09:00", or "off"')
    return time(int(found[1]), int(found[2])) if found else None


def days(value: Any) -> frozenset[int]:
    """The days on which the team works."""
    found = value if isinstance(value, list) and value else [None]
    if any(day not in WEEK for day in found):
        raise ValueError(f"write a list of {', '.join(WEEK)}")
    return frozenset(WEEK.index(day) for day in found)


def holidays(value: Any) -> Container[date]:
    """A country's holidays, or those of one part of it: ``DE``, ``DE-BY``."""
    country, _, part = text(value).partition("-")
    known = importlib.import_module("holidays")  # a third of a second, so only where it is asked for
    try:
        found: Container[date] = known.country_holidays(country, subdiv=part or None)
    except NotImplementedError:  # how that library says that it has no such country or part
        raise ValueError(
            "write a country by its two letters, or one part of it, such as DE, DE-BY or US-CA"
        ) from None
    return found


def severity(value: Any) -> Severity:
    """One of the four severities."""
    try:
        return Severity(text(value).upper())
    except ValueError:
        raise ValueError(f"write one of {', '.join(Severity)}") from None


def headers(value: Any) -> Mapping[str, str]:
    """A TOML table of HTTP headers, whose values may be secrets."""
    good = isinstance(value, dict) and all(
        _HEADER.fullmatch(name) and isinstance(one, str) and one.isprintable() and one.isascii()
        for name, one in value.items()
    )
    if not good:
        raise ValueError('write a table of headers, such as page_headers = { Authorization = "Bearer …" }')
    return dict(value)


def http_urls(value: Any) -> tuple[str, ...]:
    """A TOML list of URLs; an empty one is allowed."""
    if not isinstance(value, list):
        raise ValueError("write a list of URLs in quotes")
    return tuple(http_url(one) for one in value)
