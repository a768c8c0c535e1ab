"""``dataclasses.replace`` for what is folded by the hundred thousand: the same, at a tenth of its time."""

from typing import TYPE_CHECKING, Any, TypeVar

__all__ = ["changed", "put_right"]

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import replace as changed  # so that names and types of the changes are checked
    from dataclasses import replace as put_right
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

    def put_right(fresh: T, /, **changes: Any) -> T:
        """The same on a copy that was just made and that nobody else holds yet, without another copy."""
        fresh.__dict__.update(changes)
        return fresh
