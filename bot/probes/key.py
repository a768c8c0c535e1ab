"""Look at the API key itself: present, its length, what does not belong in it, when it expires. Never its value."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.gateway import listed
from bot.domain.keytext import claims, expiry, stray_parts
from bot.domain.readings import KeyDetail, Reading, Status
from bot.ports import Clock, KeySource

_SOON = timedelta(days=7)


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
            jwt=claims(found) is not None,
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
