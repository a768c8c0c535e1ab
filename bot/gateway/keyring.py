"""Keys at the gateway: the one that is configured now, and which callers' keys MaintainX accepted lately.

A caller's key is known by a keyed fingerprint alone; it is never kept.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from bot.errors import Refused
from bot.journal.sqlite import Database
from bot.keys import in_file
from bot.ports import Clock, KeySource

GOOD_FOR = timedelta(days=1)
"""How long MaintainX's acceptance of a key vouches for it, while MaintainX cannot be asked."""
_MOST = 1000
PUT = "PUT /-/key"
"""The source of a key that was handed over while the gateway runs."""
_FRESH = timedelta(hours=1)
"""An acceptance younger than this is not written down again."""


class CurrentKey:
    """The key that the gateway itself uses: of the file or the environment, or one that was put since."""

    def __init__(self, source: KeySource | None) -> None:
        self._source = source
        self._put: str | None = None

    def current(self) -> str | None:
        """The key without stray white space, or None."""
        found = self._put or (self._source.current() if self._source is not None else None)
        return found.strip() or None if found is not None else None

    def authorization(self) -> bytes | None:
        """The value of the Authorization header, or None where no key is configured."""
        key = self.current()
        return None if key is None else b"Bearer " + key.encode("utf-8", "surrogateescape")

    @property
    def source(self) -> str:
        """Where it comes from, fit to show."""
        return PUT if self._put else self._source.name if self._source is not None else "nowhere"

    def may_put(self) -> None:
        """Raises Refused where a file holds the key: that file is the place for another one."""
        if self._source is not None and in_file(self._source):
            raise Refused(
                f"the key is read from {self._source.name}; write the new one there, it is read again at once"
            )

    def put(self, key: str) -> None:
        """Use this key until the process ends, where it ``may_put``."""
        self._put = key

    def drop(self) -> bool:
        """Use the configured key again; False where it is in use already."""
        was, self._put = self._put, None
        return was is not None


class Callers:
    """Fingerprints of the keys that passed, and when MaintainX last accepted each. Bounded to 1,000."""

    def __init__(self, database: Database, clock: Clock, secret: bytes) -> None:
        self._database = database
        self._clock = clock
        self._secret = secret
        self._accepted: dict[bytes, datetime] = {}
        self._unsaved: set[bytes] = set()

    @classmethod
    async def open(cls, database: Database, clock: Clock) -> "Callers":
        """Take up what was known before the restart. Raises StoreError."""
        async with database.write() as tx:
            found = await tx.read("SELECT value FROM secret WHERE name = 'fingerprints'")
            if not found:
                found = [(secrets.token_bytes(32),)]
                await tx.execute("INSERT INTO secret (name, value) VALUES ('fingerprints', ?)", found[0])
            rows = await tx.read("SELECT fingerprint, accepted_at FROM caller")
        callers = cls(database, clock, bytes(found[0][0]))
        callers._accepted = {bytes(row[0]): datetime.fromisoformat(row[1]) for row in rows}
        return callers

    def fingerprint(self, authorization: bytes) -> bytes:
        """Tells callers apart without keeping what they show; empty where they show nothing."""
        if not authorization:
            return b""
        return hashlib.blake2b(authorization, key=self._secret, digest_size=16).digest()

    def accepted(self, fingerprint: bytes) -> None:
        """MaintainX answered a request of this key with success."""
        now = self._clock.now()
        known = self._accepted.get(fingerprint)
        if fingerprint and (known is None or now - known > _FRESH):
            if len(self._accepted) >= _MOST:
                oldest = min(self._accepted, key=self._accepted.__getitem__)
                del self._accepted[oldest]
                self._unsaved.add(oldest)
            self._accepted[fingerprint] = now
            self._unsaved.add(fingerprint)

    def refused(self, fingerprint: bytes) -> None:
        """MaintainX answered 401: whatever it said before."""
        if self._accepted.pop(fingerprint, None) is not None:
            self._unsaved.add(fingerprint)

    def good(self, authorization: bytes, configured: bytes | None) -> bool:
        """Whether this key is the configured one, or was accepted by MaintainX within a day."""
        if configured is not None and secrets.compare_digest(authorization, configured):
            return True
        at = self._accepted.get(self.fingerprint(authorization)) if authorization else None
        return at is not None and self._clock.now() - at <= GOOD_FOR

    async def save(self) -> None:
        """Write down what changed. Raises StoreError; then it is tried again with the next change."""
        changed, self._unsaved = self._unsaved, set()
        if not changed:
            return
        try:
            async with self._database.write() as tx:
                for fingerprint in changed:
                    at = self._accepted.get(fingerprint)
                    if at is None:
                        await tx.execute("DELETE FROM caller WHERE fingerprint = ?", (fingerprint,))
                    else:
                        await tx.execute(
                            "INSERT OR REPLACE INTO caller (fingerprint, accepted_at) VALUES (?, ?)",
                            (fingerprint, at.isoformat()),
                        )
        except BaseException:
            self._unsaved |= changed
            raise
