"""What the stand-in MaintainX remembers of every request."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})


@dataclass(slots=True)
class Recorded:
    """One request as it arrived. ``status`` is None while, or where, no answer was sent. No secret is kept."""

    at: float
    when: datetime
    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    user: int | None = None
    status: int | None = None
    faults: tuple[str, ...] = ()
    done: int | None = None
    """The number of the write, in the order in which writes were done, whatever became of its answer."""

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def record(
    request: web.BaseRequest, body: bytes, *, at: float, when: datetime, faults: tuple[str, ...]
) -> Recorded:
    """The record of a request that has just been read."""
    headers = tuple(
        (name, f"[{len(value)} characters]" if name.lower() in _SECRET else value)
        for name, value in request.headers.items()
    )
    return Recorded(
        at, when, request.method, request.path, request.query_string, headers, body, faults=faults
    )
