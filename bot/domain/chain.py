"""The hash chain over every column of every fact, and what a broken link tells."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic_core import to_json

GENESIS = "0" * 64
"""What the first fact's hash goes on from."""


class Head(NamedTuple):
    """The last fact's number and hash; who has it printed can tell later whether the tail was cut."""

    seq: int
    hash: str


class Row(NamedTuple):
    """A fact as it is stored, all columns; what stands in a tampered file may have any type."""

    seq: int
    stream: str
    version: int
    kind: str
    actor: str
    at: str
    recorded_at: str
    key: str | None
    data: str
    hash: str


class Fault(NamedTuple):
    """The first fact that is not as it was written, and the sentence for it."""

    seq: int
    says: str


def link(previous: str, *columns: str | int | None) -> str:
    """The hash of a fact: SHA-256 over the JSON list of the hash before it and all its other columns, in UTF-8."""
    return sha256(to_json((previous, *columns))).hexdigest()


def belongs(row: Row, previous: str, seq: int) -> bool:
    """Whether the row is the one that was written with this number after the fact with this hash."""
    columns = row[1:-1]
    if any(isinstance(value, bytes) for value in columns):  # JSON could not tell it from text
        return False
    return link(previous, seq, *columns) == row.hash


class Walk:
    """Goes along the chain; ``head`` is how far it holds."""

    def __init__(self) -> None:
        self.head = Head(0, GENESIS)

    def along(self, rows: Iterable[Row]) -> bool:
        """Take the next rows, in order; False at the first that is not as it was written."""
        for row in rows:
            seq = self.head.seq + 1
            if row.seq != seq or not belongs(row, self.head.hash, seq):
                return False
            self.head = Head(seq, row.hash)
        return True

    def fault(self, rest: Sequence[Row]) -> Fault:
        """What happened to the facts after ``head``, judged by all the rows that stand there."""
        seq, bad = self.head.seq + 1, rest[0]
        original = next((row for row in rest if belongs(row, self.head.hash, seq)), None)
        places = [self.head, *(Head(row.seq, row.hash) for row in rest)]
        if original is not None:
            places.append(Head(seq, original.hash))  # where it was before it was moved
        home = next((at.seq + 1 for at in places if belongs(bad, at.hash, at.seq + 1)), None)
        says = f"fact {seq} was changed"
        if original is not None and original.seq == home != seq:
            says = f"fact {seq} and fact {home} were swapped"
        elif bad.seq < seq and home is None:
            seq, says = bad.seq, f"a row numbered {bad.seq} was inserted"
        elif bad.seq >= seq and original is not None:
            moved = f"fact {seq} was renumbered: it stands at {original.seq}"
            says = (
                f"fact {seq} was inserted, and the later facts were renumbered" if bad.seq == seq else moved
            )
        elif home is not None and home != bad.seq:
            seq, says = home, f"fact {home} was renumbered: it stands at {bad.seq}"
        elif bad.seq > seq:
            span = f"fact {seq} is" if bad.seq == seq + 1 else f"facts {seq} to {bad.seq - 1} are"
            says = f"{span} missing: deleted"
        elif len(rest) == 1:
            says = f"fact {seq}, the last one, was changed, or was added by something that is not mx"
        elif belongs(rest[1], bad.hash, rest[1].seq + 1):
            says = f"fact {seq} was deleted, and the later facts were renumbered"
        return Fault(seq, says)
