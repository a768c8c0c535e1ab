"""Whether a request that went wrong is sent again, and when: only where nothing can happen twice. Pure."""

import random
from http import HTTPStatus

from bot.gateway.backoff import Backoff
from bot.gateway.upstream import Lost
from bot.maintainx import RateHeaders

_SERVER_TROUBLE = frozenset(
    {
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_FIRST_S = 0.5
_LONGEST_S = 8.0
_MOST_SAVED = 20.0


class Retries:
    """Further tries, paid for by traffic: each request saves a share of one, so they stay below that share.

    ``on`` is switched by leases.
    """

    def __init__(
        self, *, share: float, tries: int, longest_s: float, dice: random.Random | None = None
    ) -> None:
        self.on = False
        self._share = share
        self._tries = tries
        self._longest_s = longest_s
        self._dice = dice or random.Random()  # noqa: S311 - chance, not a secret
        self._saved = 1.0 if share else 0.0

    def count(self) -> None:
        """One request came from a client."""
        self._saved = min(_MOST_SAVED, self._saved + self._share)

    def backoff(self) -> Backoff:
        """The waits of one request."""
        return Backoff(first_s=_FIRST_S, longest_s=_LONGEST_S, dice=self._dice)

    def after_lost(self, lost: Lost, *, safe: bool, tries: int, backoff: Backoff) -> float | None:
        """Seconds until the next try of a request without an answer; None: there is none.

        ``safe``: the method changes nothing and no body was sent. What was never sent can be tried with any method.
        """
        if lost.phase == "client" or (lost.sent and not safe):
            return None
        return self._wait(tries, backoff, None)

    def after_answer(
        self, status: int, told: RateHeaders, *, safe: bool, tries: int, backoff: Backoff
    ) -> float | None:
        """The same for a request that was answered; anything but the server's own trouble stands."""
        if not safe or status not in _SERVER_TROUBLE:
            return None
        asked_s = told.retry_after_s
        if told.remaining == 0 and told.reset_s is not None:
            asked_s = max(asked_s or 0.0, told.reset_s)
        return self._wait(tries, backoff, asked_s)

    def _wait(self, tries: int, backoff: Backoff, asked_s: float | None) -> float | None:
        if not self.on or tries >= self._tries or self._saved < 1.0 or (asked_s or 0.0) > self._longest_s:
            return None
        self._saved -= 1.0
        return backoff.next(asked_s)
