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
