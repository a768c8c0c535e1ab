"""One line of ``mx doctor``: what was looked at, what was found, and the next move where it is not well."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FEW = 5
"""So many of a kind have a line each; a thousand lines help nobody."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    found: str
    next_move: str | None = None
    optional: bool = False
    """A real run works without it: what is to be done is a note."""

    @property
    def state(self) -> Literal["ok", "note", "fix"]:
        """Whether somebody has to do something before a real run."""
        if self.next_move is None:
            return "ok"
        return "note" if self.optional else "fix"


def note(what: str, found: str, next_move: str) -> Check:
    """Something that a real run works without, and what to do to have it."""
    return Check(what, found, next_move, optional=True)


def summed(noun: str, found: Mapping[str, Check]) -> list[Check]:
    """The checks by the name of their integration: each while they are few, else those that are not well together."""
    if len(found) <= FEW:
        return list(found.values())
    moves: dict[tuple[bool, str], list[str]] = {}
    for name, check in found.items():
        if check.next_move is not None:
            moves.setdefault((check.optional, check.next_move), []).append(name)
    ill = sum(len(names) for names in moves.values())
    lines = [Check(noun, f"{len(found) - ill:,} of {len(found):,} integrations are well")]
    for (optional, move), names in moves.items():
        more = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
        said = f"{', '.join(names[:FEW])}{more}: {found[names[0]].found}"
        lines.append(Check(noun, said, move, optional))
    return lines
