"""A stopwatch for one HTTP exchange: which phase it is in, how long each took, and the words for a break."""

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.readings import Phase, Timing

_TEXT_LIMIT = 160
_DOING: Mapping[Phase, str] = {
    "dns": "looking up {host}",
    "connect": "connecting to {host}",
    "tls": "agreeing on TLS with {host}",
    "first_byte": "waiting for the first byte from {host}",
    "body": "reading the answer of {host}",
}
_STARTS: Mapping[str, Phase] = {
    "connect_tcp": "connect",
    "start_tls": "tls",
    "send_request_headers": "first_byte",
    "receive_response_headers": "first_byte",
    "receive_response_body": "body",
}
_ERRNO_WORDS: Mapping[int, str] = {
    errno.ECONNREFUSED: "was refused (nothing listens there)",
    errno.ECONNRESET: "was cut off by the other side",
    errno.EPIPE: "was cut off by the other side",
    errno.EHOSTUNREACH: "found no route to the host",
    errno.ENETUNREACH: "found no route to the network",
    errno.ETIMEDOUT: "timed out in the operating system",
}


@dataclass(slots=True)
class Watch:
    """Which phase the exchange is in, and how long each took."""

    started: float
    phase: Phase = "dns"
    begun: dict[Phase, float] = field(default_factory=dict)
    took: dict[Phase, float] = field(default_factory=dict)
    opened: Any = None
    """The connection while TLS is being agreed on: the client forgets to close it when it is cancelled there."""

    def doing(self, host: str) -> str:
        """What was being done: ``connecting to api.getmaintainx.com``."""
        return _DOING[self.phase].format(host=host)

    def waited(self) -> float:
        return asyncio.get_running_loop().time() - self.started

    def begin(self, phase: Phase) -> None:
        self.phase = phase
        self.begun.setdefault(phase, asyncio.get_running_loop().time())

    def end(self, phase: Phase) -> None:
        if phase in self.begun:
            self.took[phase] = asyncio.get_running_loop().time() - self.begun[phase]

    async def close_half_open(self) -> None:
        """Close a connection that got no further than TLS."""
        if self.phase == "tls" and self.opened is not None:
            await self.opened.aclose()

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """The HTTP client tells where it is: ``connection.connect_tcp.started`` and the like."""
        _, _, rest = event.partition(".")
        name, _, stage = rest.partition(".")
        phase = _STARTS.get(name)
        if phase is None:
            return
        if stage == "started":
            if name == "send_request_headers":  # a proxy's CONNECT came before it: count the request itself
                self.begun.pop(phase, None)
            self.begin(phase)
        elif stage == "complete" and name != "send_request_headers":
            self.end(phase)
            self.opened = info.get("return_value") if name == "connect_tcp" else None

    def timing(self) -> Timing:
        def ms(phase: Phase) -> float | None:
            took = self.took.get(phase)
            return None if took is None else round(took * 1000, 1)

        return Timing(
            dns=ms("dns"),
            connect=ms("connect"),
            tls=ms("tls"),
            first_byte=ms("first_byte"),
            total=round(self.waited() * 1000, 1),
        )


def words_of(problem: Exception) -> tuple[str, bool]:
    """What the network said, in words, and whether the connection was refused."""
    step: BaseException | None = problem
    while step is not None:
        match step:
            case socket.gaierror():
                return f"found no such name ({step.strerror})", False
            case ssl.SSLCertVerificationError():
                return f"met a certificate that is not trusted ({step.verify_message})", False
            case ssl.SSLError():
                return f"broke off ({step.reason or 'TLS error'})", False
            case OSError(errno=int() as number):
                words = _ERRNO_WORDS.get(number) or f"ended with: {os.strerror(number)}"
                return words, number == errno.ECONNREFUSED
            case _:
                step = step.__cause__ or step.__context__ or _only(step)
    return f"ended with: {str(problem)[:_TEXT_LIMIT] or type(problem).__name__}", False


def _only(problem: BaseException) -> BaseException | None:
    """One of several attempts' errors (IPv6 and IPv4 are tried side by side), the last one."""
    return problem.exceptions[-1] if isinstance(problem, BaseExceptionGroup) else None
