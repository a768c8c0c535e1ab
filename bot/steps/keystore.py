"""Where a service's MaintainX key is kept, as the rotation sees it: versions that are added, taken and retired."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue, SecretStr

from bot.errors import OutsideError


class SecretStore(Protocol):
    """A place that keeps versions of the key and the service that takes one of them.

    Every method raises OutsideError with what was being done; no text it returns or raises holds a key.
    """

    @property
    def name(self) -> str:
        """The store and the service, fit to show."""
        ...

    @property
    def adds(self) -> str:
        """What ``add`` will do, as an imperative: "add a version to the secret maintainx-api-key"."""
        ...

    @property
    def takes(self) -> str:
        """What ``take`` will do, as an imperative."""
        ...

    @property
    def restarts(self) -> bool:
        """Whether the service has to be restarted by somebody else before it reads what it takes."""
        ...

    @property
    def retires(self) -> str | None:
        """What ``disable`` will do, as an imperative; None where the store has nothing to disable."""
        ...

    async def before(self) -> dict[str, JsonValue]:
        """The state that ``back`` returns to.

        Always with ``version``, which the service refers to now, and ``latest``, the newest version; each is empty
        where it is not known.
        """
        ...

    async def add(self, key: SecretStr) -> str:
        """Keep this key; the name of its version."""
        ...

    async def take(self, version: str) -> str:
        """Make the service take exactly that version; says how that ended."""
        ...

    async def taken(self, version: str) -> bool | None:
        """Look whether the service takes that version; None where nobody can know."""
        ...

    async def latest(self) -> tuple[str, SecretStr] | None:
        """The newest version and its key; None where there is none, or the store never gives a key out."""
        ...

    async def disable(self, version: str) -> str:
        """Make that version unusable; refuses where the service still takes it."""
        ...

    async def enable(self, version: str) -> str:
        """Make a disabled version usable again."""
        ...

    async def back(self, before: Mapping[str, JsonValue]) -> str:
        """The service goes back to what ``before`` recorded; ``before["takes"]`` is the version that was taken.

        Raises OutsideError where somebody has changed it since.
        """
        ...


def known(before: Mapping[str, JsonValue], name: str) -> str:
    """A text of a recorded state; empty where it holds none."""
    found = before.get(name)
    return found if isinstance(found, str) else ""


def version_number(version: str) -> int:
    """The number of a version that has one; -1 for "latest" and any other name."""
    return int(version) if version.isascii() and version.isdecimal() else -1


def hidden(text: str, *secrets: str) -> str:
    """An outsider's words without these values; an outsider may repeat what it was sent."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    return text


def changed_since(what: str, *, ours: str, now: str, by: str = "") -> OutsideError:
    """Somebody else was here: nothing of theirs is overwritten."""
    return OutsideError(
        f"{what} has been changed since{f' by {by}' if by else ''}: mx left it at {ours}, it is at {now} now. "
        "It stays as it is; ask whoever changed it",
        permanent=True,
    )
