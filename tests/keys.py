"""Where tests keep an API key."""

from dataclasses import dataclass


@dataclass(slots=True)
class HeldKey:
    """Implements the port ``KeySource``: a key in memory, exactly as given."""

    value: str | None = None
    name: str = "MAINTAINX_API_KEY"

    def current(self) -> str | None:
        return self.value
