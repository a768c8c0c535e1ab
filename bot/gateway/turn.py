"""A place in the budget that was taken: given its outcome exactly once."""

from collections.abc import Mapping

from bot.gateway.admission import Admission
from bot.gateway.budget import Budget, Caller
from bot.maintainx import rate_headers

_TOO_MANY = 429
_OWN_LIMITS = ("/v1/meters", "/v1/meterreadings")
"""Their 429s speak of limits of their own, not of the user's budget."""


class Turn:
    """One request's place; ``unsent`` or ``over`` ends it, the first of them counts."""

    def __init__(self, budget: Budget, admission: Admission, caller: Caller) -> None:
        self._budget = budget
        self._admission = admission
        self._caller = caller
        self._over = False

    def unsent(self) -> None:
        """Nothing reached MaintainX: the place is given back."""
        if not self._over:
            self._over = True
            self._admission.give_back(self._caller)

    def answered(self, now: float, status: int, headers: Mapping[str, str], *, target: str) -> None:
        """MaintainX answered, and perhaps said how much of its limit is left."""
        if self._over:
            return
        self._over = True
        says = status == _TOO_MANY or "X-Rate-Limit-Remaining" in headers
        told = rate_headers(headers) if says and not target.startswith(_OWN_LIMITS) else None
        self._budget.answered(self._caller, now, told=told, refused=status == _TOO_MANY)
        if told is not None:
            self._admission.budget_changed()

    def over(self, now: float) -> None:
        """The exchange will have no answer, or has had it."""
        if not self._over:
            self._over = True
            self._budget.answered(self._caller, now, told=None)
