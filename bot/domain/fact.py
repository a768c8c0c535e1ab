"""What every fact is made of: a kind, and where its answer goes. The facts themselves are in ``events`` and ``order``."""

from typing import ClassVar

from bot.domain.readings import Frozen


class Fact(Frozen):
    """One thing that happened; each subclass names its ``kind``, the word that is stored."""

    kind: ClassVar[str]


class Address(Frozen):
    """Where an answer goes: a Slack channel, or the terminal (no channel)."""

    channel: str | None = None
    reply: str | None = None
    """Key of a kept private reply address (a Slack response URL, which is never a fact itself)."""
