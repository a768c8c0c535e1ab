"""Look at the API key itself: present, its length, what does not belong in it, when it expires. Never its value."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.gateway import listed
from bot.domain.readings import KeyDetail, Reading, Status
from bot.ports import Clock, KeySource

_SOON = timedelta(days=7)
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_JWT_PARTS = 3


@dataclass(frozen=True, slots=True)
class KeyProbe:
    """Reads the key where the integration's configuration says it is; asks nothing of any network."""

    key: KeySource
    clock: Clock

    async def read(self, *, samples: int) -> Reading:  # noqa: ARG002 - there is one key
        found = self.key.current()
        if found is None or not found.strip():
            return self._missing(found)
        stray = stray_parts(found)
        expires = expiry(found)
        now = self.clock.now()
        detail = KeyDetail(
            present=True,
            length=len(found),
            stray=stray,
            jwt=_claims(found) is not None,
            expires_at=None if expires is None else expires.isoformat(),
            expired=expires is not None and expires <= now,
            source=self.key.name,
        )
        status = Status.FAILING if stray or detail.expired else Status.OK
        return Reading(
            probe="key", target="API key", status=status, says=_says(detail, expires, now=now), detail=detail
        )

    def _missing(self, found: str | None) -> Reading:
        name = self.key.name
        if "/" in name:
            says = f"no key in {name}: the file is missing, empty or not readable for mx's user"
        else:
            what = "is not set" if found is None else "is empty"
            says = f"{name} {what}: set it to the key of the integration's user"
        return Reading(
            probe="key",
            target="API key",
            status=Status.FAILING,
            says=says,
            detail=KeyDetail(present=False, length=len(found or ""), source=name),
        )


def stray_parts(key: str) -> tuple[str, ...]:
    """What should not be in the key, in words."""
    bare = key.strip()
    inner = bare.strip(_QUOTES)
    newline = key[len(key.rstrip()) :]
    return tuple(
        words
        for words, found in (
            ("leading white space", key != key.lstrip()),
            ("a trailing newline", "\n" in newline or "\r" in newline),
            ("trailing white space", bool(newline) and not newline.strip(" \t")),
            ("quotes around it", inner != bare),
            ("a Bearer prefix", inner.lower().startswith("bearer ")),
            ("white space inside", any(letter.isspace() for letter in inner.removeprefix("Bearer "))),
            ("non-ASCII characters", not inner.isascii()),
            (
                "control characters",
                any(not letter.isprintable() and not letter.isspace() for letter in inner),
            ),
        )
        if found
    )


def expiry(key: str) -> datetime | None:
    """The JWT's ``exp``, if the key is a JWT and has one."""
    exp = (_claims(key) or {}).get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    try:
        return datetime.fromtimestamp(exp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _claims(key: str) -> dict[str, object] | None:
    """The payload of a JWT, unchecked; None for any other key."""
    words = key.strip().strip(_QUOTES).split()
    parts = words[-1].split(".") if words else []
    if len(parts) != _JWT_PARTS:
        return None
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _says(detail: KeyDetail, expires: datetime | None, *, now: datetime) -> str:
    parts = [f"{detail.source}: {detail.length} characters"]
    if detail.stray:
        parts.append(f"holds {listed(detail.stray)}: remove that")
    if expires is None:
        parts.append("no expiry known")
    elif detail.expired:
        parts.append(f"expired on {expires:%Y-%m-%d %H:%M} UTC")
    else:
        soon = f", in {(expires - now).days} days" if expires - now < _SOON else ""
        parts.append(f"expires on {expires:%Y-%m-%d %H:%M} UTC{soon}")
    return "; ".join(parts)
