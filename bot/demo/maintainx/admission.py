"""Who may ask: keys, organisations, and how often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.demo.maintainx.answers import Answer, bad
from bot.demo.maintainx.document import MANY_ORGANISATIONS, Bad
from bot.demo.maintainx.faults import Fault, first
from bot.demo.maintainx.limits import SlidingLimit

INVALID = Answer(401, {"error": "Invalid token"})
NO_KEY = Answer(401, "Invalid authentication token", html=True)


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a key is: a user, and the organisations it may speak for."""

    user: int
    organisations: tuple[int, ...]


class Admission:
    """The keys that are known, and the sliding limits of their users and organisations."""

    def __init__(self, *, user_limit: int, organisation_limit: int, window_s: float) -> None:
        self.keys: dict[str, Holder] = {}
        self._limits = (user_limit, organisation_limit, window_s)
        self._by_user: dict[int, SlidingLimit] = {}
        self._by_organisation: dict[int, SlidingLimit] = {}

    def holder(self, headers: Mapping[str, str], faults: Sequence[Fault]) -> Holder | Answer:
        """Whose key it is. The two 401s differ: HTML where no key came, JSON where it is not known."""
        scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return NO_KEY
        holder = self.keys.get(token.strip())
        return INVALID if holder is None or first(faults, "revoked") else holder

    def limit(
        self, holder: Holder, faults: Sequence[Fault], now: float
    ) -> tuple[dict[str, str], Answer | None]:
        """Count the request; the rate headers, and the 429 where it is one too many."""
        user_limit, organisation_limit, window_s = self._limits
        lowered = first(faults, "limited")
        limit = min(user_limit, lowered.limit) if lowered else user_limit
        user = self._by_user.setdefault(holder.user, SlidingLimit(user_limit, window_s))
        others = [
            self._by_organisation.setdefault(number, SlidingLimit(organisation_limit, window_s))
            for number in holder.organisations
        ]
        left = user.left(now, limit=limit)
        full = next((o for o in others if o.left(now) == 0), user if left == 0 else None)
        if full is None:
            for counted in (user, *others):
                counted.take(now)
            left -= 1
        headers = {
            "X-Rate-Limit-Limit": str(limit),
            "X-Rate-Limit-Remaining": str(0 if full else left),
            "X-Rate-Limit-Reset": str((full or user).reset_s(now)),
        }
        if full is None:
            return headers, None
        if lowered and lowered.retry_after is not None:
            headers["Retry-After"] = str(lowered.retry_after)
        return headers, Answer(
            429, {"error": f"Too many requests. Please retry in {full.reset_s(now)} seconds"}
        )

    def organisations(
        self, headers: Mapping[str, str], path: str, holder: Holder
    ) -> tuple[int, ...] | Answer:
        """The organisations this request is about; a token of several must say which."""
        one, many = headers.get("x-organization-id"), headers.get("x-organization-ids")
        if one and many:
            text = "x-organization-id and x-organization-ids are mutually exclusive."
            return bad(Bad(text, "x-organization-ids"))
        if many and path not in MANY_ORGANISATIONS:
            many = None
        named = [part.strip() for part in (many or one or "").split(",") if part.strip()]
        if not named:
            if len(holder.organisations) == 1:
                return holder.organisations
            return Answer(400, {"errors": [{"error": "Missing x-organization-id header."}]})
        if not all(part.isdigit() and int(part) in holder.organisations for part in named):
            return INVALID
        return tuple(int(part) for part in named)
