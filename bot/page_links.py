"""Links to the bot's own pages: each signed, good for some days, and for the one thing that it names."""

import hashlib
from typing import Final

from itsdangerous import BadSignature, TimestampSigner

from bot.ports import Clock

LIST: Final = "incidents"
"""What a key of the list opens: the list itself and each incident in it."""
_DAY_S = 86400
_SALT = "mx.pages.1"


class PageLinks:
    """Makes the links and judges the keys in them.

    A key is made of the day and not of the moment, so that a text with a link in it stays the same for a day. It ends
    so many days after its day began. A new secret makes every key of the old one worthless.
    """

    def __init__(self, public_url: str | None, secret: str | None, *, days: float, clock: Clock) -> None:
        self._public_url = public_url.rstrip("/") if public_url else None
        self._signer = _OfTheDay(secret, clock) if secret else None
        self._judge = _Signer(secret, clock) if secret else None
        self._days_s = days * _DAY_S

    @property
    def missing(self) -> tuple[str, ...]:
        """The variables without which there is no link."""
        wanted = {"MX_PUBLIC_URL": self._public_url, "MX_LINK_SECRET": self._signer}
        return tuple(name for name, found in wanted.items() if not found)

    @property
    def opens_anything(self) -> bool:
        """There is a secret to judge keys by; without one nothing is shown to anybody."""
        return self._signer is not None

    def incident(self, incident: str) -> str | None:
        """The address of an incident's page with a key in it; None where there is no link to give."""
        return self._link(f"{LIST}/{incident}")

    def list(self) -> str | None:
        """The address of the list of incidents, whose key opens each of them too; None: there is no link to give."""
        return self._link(LIST)

    def left_s(self, what: str, key: str) -> float:
        """For how many seconds this key still opens ``what``; 0 where it does not."""
        if self._judge is None or not key.isascii():
            return 0.0
        try:
            found, signed = self._judge.unsign(
                f"{what}.{key}", max_age=int(self._days_s), return_timestamp=True
            )
        except BadSignature:
            return 0.0
        left_s = self._days_s - self._judge.get_timestamp() + signed.timestamp()
        return max(0.0, left_s) if found == what.encode() else 0.0

    def _link(self, what: str) -> str | None:
        if self._signer is None or self._public_url is None:
            return None
        key = self._signer.sign(what).decode().removeprefix(f"{what}.")
        return f"{self._public_url}/{what}?key={key}"


class _Signer(TimestampSigner):
    """Judges by the clock's time."""

    def __init__(self, secret: str, clock: Clock) -> None:
        super().__init__(secret, salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock.now().timestamp())


class _OfTheDay(_Signer):
    """Signs with the beginning of the clock's day, in UTC."""

    def get_timestamp(self) -> int:
        now = super().get_timestamp()
        return now - now % _DAY_S
