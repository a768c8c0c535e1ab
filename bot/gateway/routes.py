"""What an admin route is: who may ask, what it takes, and what it answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from pydantic import JsonValue

MAX_BODY = 65536
"""Bytes of an admin request's body."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One admin request: what stood behind the route's name, the query, the body, the headers."""

    rest: str
    query: Mapping[str, list[str]]
    body: bytes
    headers: Mapping[str, str]

    def last(self, name: str) -> str | None:
        """The last value of this name in the query."""
        return self.query.get(name, [None])[-1]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that is not 200."""

    status: HTTPStatus
    body: JsonValue
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one name under ``/-/``. ``act`` raises Refused (400) and StoreError (503)."""

    act: Callable[[Asked], Awaitable[JsonValue | bytes | Told]]
    rest: Literal["none", "must", "may"] = "none"
    """Whether something stands behind the name: ``/-/leases/{id}``."""
    open: bool = False
    """Whether everybody may ask, without the token."""
    max_body: int = MAX_BODY


Routes = Mapping[tuple[str, str], Route]
"""Routes by method and name."""
