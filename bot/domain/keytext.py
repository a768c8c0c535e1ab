"""What a key's text tells by itself: what should not be in it, and when it ends. Pure; no part of a key is shown."""

import base64
import binascii
import json
from datetime import UTC, datetime

_QUOTES = "\"'`\u201c\u201d\u2018\u2019"
_JWT_PARTS = 3


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
    exp = (claims(key) or {}).get("exp")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        return None
    try:
        return datetime.fromtimestamp(exp, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def claims(key: str) -> dict[str, object] | None:
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
