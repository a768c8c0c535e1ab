"""Encryption of bodies and answers at rest: AES-256-GCM under a key derived from ``MX_BUFFER_KEY``."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import ConfigError
from bot.journal.sqlite import Database

_NONCE = 12


class Seal:
    """Closes and opens what is kept; without a key it hands things through.

    What is sealed is bound to the write's id, so that rows cannot be swapped unseen.
    """

    def __init__(self, key: str | None) -> None:
        self._cipher: AESGCM | None = None
        if key is not None:
            derived = HKDF(SHA256(), length=32, salt=None, info=b"mx buffer, version 1").derive(key.encode())
            self._cipher = AESGCM(derived)

    @property
    def on(self) -> bool:
        """Whether things are encrypted."""
        return self._cipher is not None

    def close(self, content: bytes, about: str) -> bytes:
        """The content as it is kept."""
        if self._cipher is None:
            return content
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, about.encode())

    def open(self, kept: bytes, about: str, *, sealed: bool) -> bytes | None:
        """The content again; None where this key does not open it."""
        if not sealed:
            return kept
        if self._cipher is None:
            return None
        try:
            return self._cipher.decrypt(kept[:_NONCE], kept[_NONCE:], about.encode())
        except (InvalidTag, ValueError):  # ValueError: too short to have been sealed
            return None


async def open_seal(database: Database, key: str | None) -> Seal:
    """The seal of this file. Raises ConfigError where writes wait that this key does not open, and StoreError."""
    seal = Seal(key)
    rows = await database.read(
        "SELECT id, body FROM buffered WHERE sealed = 1 AND state IN ('waiting', 'sending', 'unknown') LIMIT 1"
    )
    if rows and seal.open(bytes(rows[0][1]), str(rows[0][0]), sealed=True) is None:
        found = "is not set, but" if key is None else "is another one than that with which"
        text = (
            f"MX_BUFFER_KEY {found} writes that wait in {database.path} are encrypted; "
            "start with the key they were written with until they are delivered"
        )
        raise ConfigError((text,))
    return seal
