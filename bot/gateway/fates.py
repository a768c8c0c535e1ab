"""What can become of a request at the gateway: the words under which it is counted. Pure."""

from typing import Literal

from bot.gateway.upstream import Lost

Kind = Literal[
    "answered",
    "unsent",
    "unknown",
    "unread",
    "client",
    "limited",
    "refused",
    "buffered",
    "stale",
    "replayed",
    "retried",
]
"""The fate of a request; in brackets what ``what`` then is.

MaintainX ``answered`` (its status). No answer came (the phase): ``unsent``, no byte reached MaintainX; ``unknown``, a
write that may have reached it; ``unread``, a read that may have, which can be asked again without harm; ``client``,
the caller left. The gateway answered: ``limited``, held back (rate, budget, paused, busy); ``refused``, not fit to be
forwarded (the status); ``buffered``, a write that waits on disk; ``stale``, a read from the last good answer.
Not a client's requests: ``replayed``, a buffered write that was delivered (its status); ``retried``, another try.
"""

Key = tuple[str, Kind, str, int]
"""Lane, fate, what of it, and the latency's place among ``BOUNDS_MS``, or -1 where it was not timed."""

OWN = ("replayed", "retried")
"""Fates of what the gateway sent by itself: no client's request, so in no total."""
NO_ANSWER = ("unsent", "unknown", "unread", "client")

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing at MaintainX, so that asking twice does no harm."""


def fate(lost: Lost, method: str) -> Kind:
    """Never sent, left by its caller, or perhaps arrived: which matters for a write and not for a read."""
    if lost.phase == "client":
        return "client"
    if not lost.sent:
        return "unsent"
    return "unread" if method in SAFE else "unknown"
