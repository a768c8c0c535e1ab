"""What step kinds may know beside the gateway: the integrations, their keys, and who can be woken."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.domain.incident import Incident
from bot.domain.integration import Integration
from bot.errors import OutsideError
from bot.ports import KeySource, Pager, RotatingKey


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Empty by default: then a kind that needs one of these says what to configure."""

    integrations: Mapping[str, Integration] = field(default_factory=dict)
    keys: Mapping[str, RotatingKey] = field(default_factory=dict)
    pagers: tuple[Pager, ...] = ()
    """In the order in which they are escalated to."""
    link: Callable[[Incident], str | None] = lambda _: None
    """Where people find an incident."""
    served: str = "default"
    """The integration whose requests the gateway takes; of any other it knows nothing."""


def known(around: Surroundings, name: str) -> tuple[Integration, KeySource]:
    """The integration and its key. Raises OutsideError where the settings do not have it."""
    integration, key = around.integrations.get(name), around.keys.get(name)
    if integration is None or key is None:
        raise OutsideError(
            f"there is no integration {name} in the settings; describe it in mx.toml under [integrations.{name}]",
            permanent=True,
        )
    return integration, key
