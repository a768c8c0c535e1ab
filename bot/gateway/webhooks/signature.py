"""MaintainX's webhook signatures: checked when a delivery comes, made anew when it is forwarded. Pure.

The value is ``t=<time>,v1=<hex>``; the HMAC-SHA256 is over the time as it stands there, a dot, and the raw body. The
unit of the time is not documented, so seconds and milliseconds are both read. MaintainX signs the URI as well, in a
header of its own; that one is not checked here: behind a reverse proxy nobody knows which URI MaintainX used, and the
body's signature says the same of the sender.
"""

import hashlib
import hmac
import re
from datetime import datetime

BODY = "x-maintainx-webhook-body-signature"
URI = "x-maintainx-webhook-uri-signature"
TOLERANCE_S = 300.0
"""How far a signature's time may be from ours, either way; what MaintainX recommends."""

_TIME = re.compile(r"[0-9]{1,16}")
_MILLISECONDS_FROM = 10**11
"""Seconds of the year 5138, and milliseconds of 1973."""


class Unsigned(Exception):  # noqa: N818 - it is an answer, not a fault of ours
    """A delivery that is not, or not lately, MaintainX's; the text says why and what to look at."""


def signed(secret: str, content: bytes, *, at: datetime) -> str:
    """The header's value for this content, with the time in seconds."""
    t = str(int(at.timestamp()))
    return f"t={t},v1={_hmac(secret, t, content)}"


def check(header: str | None, body: bytes, *, secrets: tuple[str, ...], now: datetime) -> int:
    """Which of the secrets the body was signed with. Raises Unsigned."""
    if header is None:
        raise Unsigned(f"there is no header {BODY}; only what MaintainX has signed is taken")
    t, given = _read(header)
    fits = [number for number, secret in enumerate(secrets) if _any(_hmac(secret, t, body), given)]
    if not fits:
        raise Unsigned(
            "the signature fits no configured secret; set MAINTAINX_WEBHOOK_SECRET to the secret of this "
            "subscription (several with commas between them)"
        )
    seconds = int(t) / 1000 if int(t) >= _MILLISECONDS_FROM else float(t)
    off_s = now.timestamp() - seconds
    if abs(off_s) > TOLERANCE_S:
        how = f"{off_s:.0f} s old" if off_s > 0 else f"{-off_s:.0f} s ahead of this machine's clock"
        raise Unsigned(
            f"the signature is {how}, {TOLERANCE_S:.0f} s are allowed; look at the clocks, or sign it anew"
        )
    return fits[0]


def _read(header: str) -> tuple[str, tuple[bytes, ...]]:
    """The time as it stands there, and every signature. Raises Unsigned."""
    pairs = [
        (name.strip(), value.strip()) for name, _, value in (p.partition("=") for p in header.split(","))
    ]
    times = [value for name, value in pairs if name == "t"]
    given = tuple(value.lower().encode("utf-8", "replace") for name, value in pairs if name == "v1")
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not given:
        raise Unsigned(
            f"{BODY} is not of the form t=<time>,v1=<hexadecimal digits>; send it as MaintainX does"
        )
    return times[0], given


def _any(expected: str, given: tuple[bytes, ...]) -> bool:
    return any(hmac.compare_digest(expected.encode(), one) for one in given)


def _hmac(secret: str, t: str, content: bytes) -> str:
    return hmac.new(secret.encode(), t.encode() + b"." + content, hashlib.sha256).hexdigest()
