"""A view of the gateway's JSON: what it says in a typed form, or the sentence for an answer that is another's. Pure."""

from typing import ClassVar, Self

from pydantic import JsonValue, ValidationError

from bot.domain.readings import Frozen
from bot.errors import OutsideError


class View(Frozen):
    """Part of an answer; ``of`` names it in the sentence for an answer that cannot be read so."""

    of: ClassVar[str]

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read the answer; raises OutsideError where it is not that of an mx gateway."""
        try:
            return cls.model_validate(value)
        except ValidationError:
            raise not_a_gateway(cls.of) from None


def not_a_gateway(what: str) -> OutsideError:
    """The error for an answer that no mx gateway gives."""
    return OutsideError(
        f"reading the gateway's {what}: the answer is not that of an mx gateway; "
        "is MX_GATEWAY_URL the address where `mx gateway` listens, and are both of the same version?",
        permanent=True,
    )
