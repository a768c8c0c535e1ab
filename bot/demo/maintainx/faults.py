"""The ways in which the stand-in MaintainX can be broken, as data: kind, where, how often, how hard."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

FaultKind = Literal[
    "revoked",  # 401: the key is no longer known
    "forbidden",  # 403
    "gone",  # 404 on a path that was removed or renamed
    "limited",  # 429: the user's limit is lowered to ``limit`` per window (0: always)
    "error",  # 5xx (``status``), as JSON or as an edge's HTML page
    "slow",  # ``seconds`` before the first byte
    "slow_body",  # half of the body, ``seconds``, the rest
    "cut_body",  # half of the body, then the connection dies
    "hang",  # the request is read and never answered
    "refuse",  # nothing listens
    "reset",  # the connection dies after the request was read; nothing was applied
    "drop",  # the request is applied, then the connection dies
    "portal",  # 200 with an HTML page: a captive portal
    "wrong_json",  # 200 with JSON that is not what the document promises
    "wrong_content",  # 200 with bytes that are no JSON although the header says so
    "redirect",  # 302 to somewhere else
]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is broken.

    ``path`` is a collection (``/assets``, its items included), ``/versions``, or ``*``. ``share`` is the chance
    that a matching request is hit; ``every`` hits each nth one instead; ``times`` ends the fault after so many hits.
    """

    kind: FaultKind
    path: str = "*"
    methods: tuple[str, ...] = ()
    share: float = 1.0
    every: int | None = None
    times: int | None = None
    status: int = 500
    html: bool = False
    seconds: float = 0.0
    limit: int = 0
    retry_after: int | None = None
    """Also send this ``Retry-After``; the document does not promise one."""
    commits: bool = False
    """An ``error`` that comes after the write was applied (a gateway time-out of the vendor's own edge)."""

    def covers(self, method: str, path: str) -> bool:
        """Whether it is about this request; ``path`` has no ``/v1``."""
        if self.methods and method not in self.methods:
            return False
        return self.path in ("*", path) or path.startswith(self.path + "/")


@dataclass(slots=True)
class Breakage:
    """All faults that are on, and the dice."""

    seed: int
    faults: list[Fault] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)
    _hits: dict[int, int] = field(default_factory=dict)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)  # noqa: S311 - repeatable tests, no secret

    def add(self, fault: Fault) -> None:
        """Break one more thing."""
        self.faults.append(fault)
        self._seen[id(fault)] = self._hits[id(fault)] = 0

    def remove(self, fault: Fault | None) -> None:
        """Heal this one, or all."""
        self.faults = [] if fault is None else [f for f in self.faults if f != fault]

    def hits(self, method: str, path: str) -> tuple[Fault, ...]:
        """The faults that strike this request, in the order in which they were added."""
        return tuple(f for f in tuple(self.faults) if f.covers(method, path) and self._strikes(f))

    def _strikes(self, fault: Fault) -> bool:
        key = id(fault)
        self._seen[key] += 1
        if fault.times is not None and self._hits[key] >= fault.times:
            return False
        if fault.every is not None:
            struck = self._seen[key] % fault.every == 0
        else:
            struck = fault.share >= 1.0 or self._dice.random() < fault.share
        self._hits[key] += struck
        return struck


def first(faults: Sequence[Fault], *kinds: FaultKind) -> Fault | None:
    """The first of these faults that is of one of these kinds."""
    return next((f for f in faults if f.kind in kinds), None)


FAULT_WORDS = "401 403 404 429 5xx 502 html5xx slow hang refuse reset drop portal"


def fault_from_words(words: Sequence[str]) -> Fault:
    """A fault as people type it: ``401``, ``5xx /assets 0.5``, ``slow 3 /users``.

    Raises ValueError with what can be typed.
    """
    what, *rest = words or ("",)
    path = next((word for word in rest if word.startswith("/")), "*")
    numbers = [_number(word) for word in rest if not word.startswith("/")]
    share = numbers[-1] if numbers and what != "slow" else 1.0
    if not 0 < share <= 1:
        raise ValueError(f"{share:g} is no share of requests: write a number over 0, up to 1, such as 0.5")
    match what:
        case "401":
            return Fault("revoked", path, share=share)
        case "403":
            return Fault("forbidden", path, share=share)
        case "404":
            return Fault("gone", path, share=share)
        case "429":
            return Fault("limited", path, share=share)
        case "5xx" | "500" | "502" | "503" | "504":
            return Fault("error", path, share=share, status=503 if what == "5xx" else int(what))
        case "html5xx":
            return Fault("error", path, share=share, status=502, html=True)
        case "slow":
            return Fault("slow", path, seconds=numbers[0] if numbers else 3.0)
        case "hang" | "refuse" | "reset" | "drop" | "portal":
            return Fault(what, path, share=share)
        case _:
            raise ValueError(
                f"{what!r} is no fault: write one of {FAULT_WORDS}, then a path and a share, both optional"
            )


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"{word!r} is neither a path (/assets) nor a number (0.5)") from None
