"""The integration's own books: what it wrote, what it was told, and what the stand-in MaintainX says was done."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.demo.maintainx import FakeMaintainX, Recorded

STATUSES = ("OPEN", "IN_PROGRESS", "ON_HOLD", "DONE", "CANCELED")
_SETTLED_S = 5.0


@dataclass(eq=False)
class Op:
    """One write; its number stands in its ``User-Agent``, which a buffered write keeps."""

    number: int
    method: str
    path: str
    body: Any
    entity: str = ""
    """The work order whose order it shares; empty for a creation."""
    status: int | None = None
    """What the client was answered; None: nothing came back."""
    buffer_id: str = ""

    @property
    def name(self) -> str:
        return f"op-{self.number}"

    def __repr__(self) -> str:
        return f"{self.name} {self.method} {self.path} {self.body} -> {self.status} {self.buffer_id}"


class Client:
    """One writer of the integration: it sends one write after the other, so their order is known."""

    def __init__(
        self, dice: random.Random, numbers: Iterator[int], orders: Iterator[tuple[int, str]]
    ) -> None:
        self._dice = dice
        self._numbers = numbers
        self._orders = orders
        self._now: list[tuple[int, list[str]]] = []

    def next(self) -> Op:  # noqa: PLR0911 - one way out for each kind of write
        """Something to write."""
        n = next(self._numbers)
        while len(self._now) < 2:
            number, status = next(self._orders)
            self._now.append((number, [s for s in STATUSES if s != status]))
        place = self._dice.randrange(2)
        order, left = self._now[place]
        path = f"/v1/workorders/{order}"
        match self._dice.choices(
            ("create", "own", "asset", "change", "status", "comment", "delete", "wrong"),
            (4, 1, 1, 8, 3, 1, 0.4, 0.4),
        )[0]:
            case "create":  # namesakes too: only the mark tells them apart
                return Op(n, "POST", "/v1/workorders", {"title": f"Leak {n // 10}", "description": f"op-{n}"})
            case "own":
                body = {"title": f"Own {n}", "description": f"op-{n}", "externalData": f"sap-{n}"}
                return Op(n, "POST", "/v1/workorders", body)
            case "asset":
                return Op(n, "POST", "/v1/assets", {"name": f"op-{n}"})
            case "status" if left:
                return Op(n, "PATCH", f"{path}/status", {"status": left.pop()}, str(order))
            case "comment":
                return Op(n, "POST", f"{path}/comments", {"content": f"op-{n}"}, str(order))
            case "delete":
                del self._now[place]
                return Op(n, "DELETE", path, None, str(order))
            case "wrong":
                return Op(n, "PATCH", path, {"nonsense": f"op-{n}"}, str(order))
            case _:
                return Op(n, "PATCH", path, {"description": f"op-{n}"}, str(order))


@dataclass
class Done:
    """Which writes the stand-in did, in the order in which it did them."""

    maintainx: FakeMaintainX
    _old: list[tuple[int, str]] = field(default_factory=list)

    def all(self) -> list[str]:
        """Their names, in order; one that was done twice stands there twice."""
        requests, now = self.maintainx.requests, self.maintainx._monotonic()
        while requests and requests[0].at < now - _SETTLED_S:  # the stand-in remembers only so many
            self._old += _done((requests.popleft(),))
        return [name for _, name in sorted([*self._old, *_done(requests)])]


def _done(requests: Iterable[Recorded]) -> list[tuple[int, str]]:
    return [(r.done, r.header("User-Agent") or "") for r in requests if r.done is not None]


def faults(ops: Iterable[Op], done: list[str], kept: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Whatever is wrong: lost, done twice, out of order, or not as it was told. ``kept`` is the buffer by its ids."""
    ops = list(ops)
    times = {op.name: done.count(op.name) for op in ops}
    place = {name: index for index, name in enumerate(done)}
    found = [f"done {times[op.name]} times: {op}" for op in ops if times[op.name] > 1]
    parked = {write["entity"] for write in kept.values() if write["parked"]}
    for op in ops:
        if op.buffer_id:
            found += _of_kept(op, times[op.name], kept.get(op.buffer_id), parked)
        elif op.status is not None and op.status < 300 and not times[op.name]:
            found.append(f"answered by MaintainX and not done: {op}")
        elif op.status in (400, 401, 404, 429) and times[op.name]:
            found.append(f"refused and done: {op}")
    for entity in {op.entity for op in ops if op.entity}:
        of = [op for op in ops if op.entity == entity and times[op.name]]
        if [op.name for op in of] != sorted((op.name for op in of), key=place.__getitem__):
            found.append(
                f"out of order: {of} were done as {sorted((o.name for o in of), key=place.__getitem__)}"
            )
    return found


def _of_kept(op: Op, times: int, write: Mapping[str, Any] | None, parked: set[str]) -> list[str]:
    if write is None:
        return [f"lost: {op}"]
    match write["state"], times:
        case ("delivered", 1) | ("rejected", 0):
            pass
        case "unknown", _ if write["parked"]:
            pass
        case "waiting", 0 if write["entity"] in parked:
            pass
        case "dropped", _ if not times or write["attempts"]:  # what nobody knew of was dropped as that
            pass
        case state, _:
            return [f"{state}, though done {times} times: {op}: {json.dumps(write)}"]
    if write["state"] == "rejected" and write["answer"]["status"] not in (400, 404):
        return [f"rejected by {write['answer']}: {op}"]
    return []
