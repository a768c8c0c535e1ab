"""``dataclasses.replace`` for what is folded by the hundred thousand: the same, at a tenth of its time."""

from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["changed"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import replace as changed  # so that names and types of the changes are checked
else:

    def changed(was: T, /, **changes: Any) -> T:
        """A copy with these fields changed; for frozen dataclasses without slots, whose fields need no check."""
        now = object.__new__(type(was))
        fields = now.__dict__
        fields.update(was.__dict__)
        known = len(fields)
        fields.update(changes)
        if len(fields) != known:
            raise TypeError(
                f"{type(was).__name__} has no field {', '.join(changes.keys() - was.__dict__.keys())}"
            )
        return now
