"""What the admin routes accept: JSON read strictly, each fault a sentence that names the field and what to send."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.errors import Refused
from bot.gateway.lanes import CRITICAL, job_name
from bot.gateway.leases import Effect, LeaseWish

T = TypeVar("T")

MAX_TTL_S = 7 * 86400
_MOST_JOBS = 50
_EFFECTS = ("rate_per_s", "paused_jobs", "buffer", "retry", "poll", "forward")
_LEASE_FIELDS = (*_EFFECTS, "owner", "reason", "ttl_s")
_LEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def lease_id(text: str) -> str:
    """The id of ``/-/leases/{id}``. Raises Refused."""
    if not _LEASE_ID.fullmatch(text):
        raise Refused(
            "the lease's id is odd; use up to 128 letters, digits, dots, colons, dashes and underscores"
        )
    return text


def lease_wish(body: bytes) -> LeaseWish:
    """The body of ``PUT /-/leases/{id}``. Raises Refused with every fault."""
    given = _table(body)
    faults = _unknown(given, _LEASE_FIELDS)
    wish = _wish(given, faults)
    if not faults and wish.effect == Effect():
        faults.append(f"the lease changes nothing; send at least one of {', '.join(_EFFECTS)}")
    return _or_refuse(wish, faults)


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ends a lease, and why."""

    owner: str = "somebody with access to the gateway"
    reason: str = ""


def policy_wish(body: bytes) -> LeaseWish | Ending:
    """The body of ``PUT /-/policy``; an Ending where it asks for ``pass``. Raises Refused with every fault."""
    given = _table(body)
    faults = _unknown(given, ("mode", "rate_per_s", "paused_jobs", "owner", "reason", "ttl_s"))
    match given.get("mode"):
        case "pass":
            if given.get("rate_per_s") is not None or given.get("paused_jobs"):
                faults.append("mode is pass, which has no limit; leave rate_per_s and paused_jobs out")
            return _or_refuse(_ending(given, faults), faults)
        case "limited":
            wish = _wish(given, faults)
        case "buffering":
            wish = _wish({**given, "buffer": "on"}, faults)
        case other:
            faults.append(f"mode is {_shown(other)}; send pass, limited or buffering")
            wish = _wish(given, faults)
    if not faults and wish.effect == Effect():
        faults.append("mode is limited, but nothing says how; send rate_per_s, paused_jobs or both")
    return _or_refuse(wish, faults)


def ending(body: bytes) -> Ending:
    """The body of ``DELETE /-/leases/{id}``; without one nobody is named. Raises Refused."""
    given = _table(body) if body.strip() else {}
    faults = _unknown(given, ("owner", "reason"))
    return _or_refuse(_ending(given, faults), faults)


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants done, who it is, and why; ``flag`` is the one yes-or-no field of that route."""

    action: str
    owner: str
    reason: str
    flag: bool = False


def order(body: bytes, *, actions: tuple[str, ...], flags: tuple[str, ...] = ()) -> Order:
    """A body with ``action``, ``owner`` and ``reason``. Raises Refused with every fault."""
    given = _table(body)
    faults = _unknown(given, ("action", *flags, "owner", "reason"))
    action = given.get("action")
    if action not in actions:
        faults.append(f"action is {_shown(action)}; send {', '.join(actions)}")
    faults += _not_yes_or_no(given, flags)
    by = _ending(given, faults)
    flag = any(given.get(name) is True for name in flags)
    return _or_refuse(Order(str(action), by.owner, by.reason, flag), faults)


def key_wish(body: bytes) -> tuple[str, Ending]:
    """The body of ``PUT /-/key``. Raises Refused; the key is never repeated."""
    given = _table(body)
    faults = _unknown(given, ("key", "owner", "reason"))
    key = given.get("key")
    if (
        not isinstance(key, str)
        or not key.strip()
        or not key.strip().isascii()
        or not key.strip().isprintable()
    ):
        faults.append("key is not a text of printable ASCII characters; send MaintainX's API key")
        key = ""
    return _or_refuse((key.strip(), _ending(given, faults)), faults)


def spent(body: bytes) -> int:
    """The body of ``POST /-/spent``. Raises Refused."""
    given = _table(body)
    faults = _unknown(given, ("requests",))
    requests = given.get("requests")
    if not isinstance(requests, int) or isinstance(requests, bool) or not 0 <= requests <= 10_000:  # noqa: PLR2004
        faults.append(f"requests is {_shown(requests)}; send a whole number from 0 to 10000")
        requests = 0
    return _or_refuse(requests, faults)


def number_in(text: str | None, *, name: str, least: float, most: float, default: float) -> float:
    """A number from the query. Raises Refused."""
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise Refused(f"{name} is {_shown(text)}; send a number from {least:g} to {most:.12g}")
    return value


def _wish(given: dict[str, Any], faults: list[str]) -> LeaseWish:
    rate = given.get("rate_per_s")
    if rate is not None and not _is_number(rate, 0.01, 1000):
        faults.append(f"rate_per_s is {_shown(rate)}; send a number from 0.01 to 1000")
    jobs = given.get("paused_jobs")
    if jobs is None:
        jobs = []
    if not isinstance(jobs, list) or not all(isinstance(job, str) and job_name(job) for job in jobs):
        faults.append(f'paused_jobs is {_shown(jobs)}; send a list of names, for example ["asset-sync"]')
        jobs = []
    elif len(jobs) > _MOST_JOBS:
        faults.append(f"paused_jobs names {len(jobs)} jobs; send at most {_MOST_JOBS}")
    elif CRITICAL in jobs:
        faults.append(f"paused_jobs names {CRITICAL}, the lane that always goes first; leave it out")
    buffer = given.get("buffer")
    if buffer not in (None, "on", "auto"):
        faults.append(f"buffer is {_shown(buffer)}; send on or auto")
        buffer = None
    faults += _not_yes_or_no(given, ("retry", "poll"))
    forward = given.get("forward")
    if forward not in (None, "paused"):
        faults.append(f"forward is {_shown(forward)}; send paused, or leave it out")
        forward = None
    ttl = given.get("ttl_s")
    if not _is_number(ttl, 1, MAX_TTL_S):
        faults.append(
            f"ttl_s is {_shown(ttl)}; send after how many seconds it ends by itself, 1 to {MAX_TTL_S}"
        )
    owner, reason = _text(given, "owner", 200, faults), _text(given, "reason", 500, faults)
    if faults or ttl is None:
        return LeaseWish(Effect(), owner, reason, 1.0)
    effect = Effect(
        None if rate is None else float(rate),
        tuple(sorted(set(jobs))),
        buffer,
        bool(given.get("retry")),
        bool(given.get("poll")),
        forward,
    )
    return LeaseWish(effect, owner, reason, float(ttl))


def _ending(given: dict[str, Any], faults: list[str]) -> Ending:
    owner = _text(given, "owner", 200, faults) if given.get("owner") is not None else Ending().owner
    reason = _text(given, "reason", 500, faults) if given.get("reason") is not None else ""
    return Ending(owner, reason)


def _table(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise Refused("the body is not UTF-8; send a JSON object") from None
    except (ValueError, RecursionError):
        raise Refused("the body is not JSON; send a JSON object") from None
    if not isinstance(given, dict):
        raise Refused("the body is no JSON object; send one, in braces")
    return given


def _unknown(given: dict[str, Any], known: tuple[str, ...]) -> list[str]:
    unknown = sorted(str(name) for name in given if name not in known)
    return [f"{_shown(name)} is not known; send {', '.join(known)}" for name in unknown]


def _not_yes_or_no(given: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    return [
        f"{name} is {_shown(given[name])}; send true or false"
        for name in names
        if not isinstance(given.get(name), bool | None)
    ]


def _text(given: dict[str, Any], name: str, most: int, faults: list[str]) -> str:
    text = given.get(name)
    if not isinstance(text, str) or not text.strip() or len(text) > most or not text.isprintable():
        faults.append(f"{name} is {_shown(text)}; send a text of one line, 1 to {most} characters")
        return ""
    return text.strip()


def _is_number(value: Any, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _shown(value: Any) -> str:
    """What was sent, short and harmless."""
    return "missing" if value is None else ascii(value)[:60]


def _or_refuse(wish: T, faults: list[str]) -> T:
    if faults:
        raise Refused("; ".join(faults))
    return wish
