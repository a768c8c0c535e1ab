"""What the gateway answers when it does not forward, or gets no answer: status, sentence and headers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from bot.gateway.upstream import Lost, Phase

LIMITED = "X-MX-Limited"
"""Marks an answer by which the gateway holds a request back: rate, budget, paused or busy."""
ERROR = "X-MX-Error"
"""Marks an answer that stands for an upstream that gave none; its value is the phase."""

_STATUS: Mapping[Phase, HTTPStatus] = {
    "client": HTTPStatus.REQUEST_TIMEOUT,
    "answer_timeout": HTTPStatus.GATEWAY_TIMEOUT,
    "stalled": HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer by the gateway itself."""

    status: HTTPStatus
    error: str
    headers: Mapping[str, str]


def held_back(cause: str, *, lane: str, wait_s: float, retry_after: int, rate_per_s: float | None) -> Refusal:
    """The answer to a request that may not go now."""
    again = f"try again in {retry_after} s"
    status = HTTPStatus.TOO_MANY_REQUESTS
    match cause:
        case "paused":
            status = HTTPStatus.SERVICE_UNAVAILABLE
            text = f"the job {lane} is paused at the gateway; {again}"
        case "busy":
            status = HTTPStatus.SERVICE_UNAVAILABLE
            text = f"the gateway has as many requests under way as it may; {again}"
        case "budget":
            text = (
                f"MaintainX's own limit for this key or organisation is used up, and waiting {wait_s:g} s"
                f" did not help; {again}"
            )
        case _:
            rate = "" if rate_per_s is None else f" to {rate_per_s:g} per second"
            text = f"the gateway limits requests{rate}, and waiting {wait_s:g} s did not help; {again}"
    return Refusal(status, text, {"Retry-After": str(retry_after), LIMITED: cause})


def no_answer(lost: Lost) -> Refusal:
    """The answer where MaintainX gave none."""
    status = _STATUS.get(lost.phase, HTTPStatus.BAD_GATEWAY)
    if lost.phase == "client":
        return Refusal(status, str(lost), {ERROR: "client"})
    fate = (
        "the request may have reached it: look before you send a write again"
        if lost.sent
        else "nothing was sent: it is safe to try again"
    )
    return Refusal(status, f"{lost}; {fate}", {ERROR: lost.phase.replace("_", "-")})


def buffering_read(retry_after: int) -> Refusal:
    """The answer to a read while nothing goes to MaintainX."""
    text = f"MaintainX is away and writes are buffered; reads cannot be served: try again in {retry_after} s"
    headers = {"Retry-After": str(retry_after), LIMITED: "buffering"}
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, headers)


def unknown_key() -> Refusal:
    """The answer to a write whose key nobody vouches for, while MaintainX cannot be asked."""
    text = (
        "writes are buffered, and MaintainX has not accepted this key through the gateway within a day: nothing was "
        "kept; use the key that the gateway is configured with, or try again when MaintainX is back"
    )
    return Refusal(HTTPStatus.UNAUTHORIZED, text, {LIMITED: "buffering", "WWW-Authenticate": "Bearer"})


def no_room(full: str, retry_after: int) -> Refusal:
    """The answer to a write for which the buffer has no room."""
    why = "holds as much as it may" if full == "size" else "holds writes that are as old as they may be"
    text = f"the buffer {why}: this write was not kept; try again in {retry_after} s"
    headers = {"Retry-After": str(retry_after), LIMITED: "buffer-full"}
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, headers)


def not_kept(why: str, retry_after: int) -> Refusal:
    """The answer to a write that could not be written down."""
    text = f"this write was not kept: {why}; try again in {retry_after} s"
    headers = {"Retry-After": str(retry_after), LIMITED: "buffer-fault"}
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, text, headers)


def too_long(limit: int) -> Refusal:
    """The answer to a write that is too long to be buffered."""
    text = f"the body is longer than the {limit} bytes that the buffer takes: this write was not kept"
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text, {LIMITED: "buffering"})
