"""How a pager's address is asked: a few tries within a bound, and errors that repeat no secret."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from pydantic import SecretStr

from bot.errors import OutsideError
from bot.outgoing import Answered, ask
from bot.ports import Clock

WAITS_S = (1.0, 4.0)
"""Before each further try of one call; the paging follower calls again for about an hour after that."""
DEADLINE_S = 10.0


async def patiently(
    clock: Clock,
    url: str,
    content: bytes,
    *,
    doing: str,
    secrets: Sequence[SecretStr],
    headers: Mapping[str, str] | None = None,
    waits_s: Sequence[float] = WAITS_S,
) -> Answered:
    """The answer that decides: 429, 5xx and the network's troubles are met by a further try after each wait.

    Trying again wakes nobody twice: the dedup key is the same. Raises OutsideError where no try came through.
    """
    trouble: OutsideError | None = None
    for wait_s in (0.0, *waits_s):
        if wait_s:
            await clock.sleep(wait_s)
        try:
            answer = await ask(
                "POST",
                url,
                doing=doing,
                headers={"Content-Type": "application/json", **(headers or {})},
                content=content,
                deadline_s=DEADLINE_S,
            )
        except OutsideError as error:
            trouble = error
            continue
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return answer
        trouble = OutsideError(f"{doing}: it answered {answer.status}{said(answer, secrets)}")
    raise OutsideError(f"{trouble} ({1 + len(waits_s)} tries)")


def said(answer: Answered, secrets: Sequence[SecretStr]) -> str:
    """What it answered, in its own words, without a secret that it may have repeated."""
    words = answer.says(1000)
    for secret in secrets:
        if value := secret.get_secret_value():
            words = words.replace(value, "[redacted]")
    return f": {words[:200]}" if words else ""
