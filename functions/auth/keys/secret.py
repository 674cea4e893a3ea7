"""The ring in Secrets Manager, and the key that signs now. Only the roles of these functions may read it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from artstore.aws.secret_store import read_secret, write_secret
from artstore.errors import Unavailable
from functions.auth.keys.ring import KeyRing
from functions.auth.signing_key import SigningKey, StoredKey

REREAD_SECONDS = 60
"""A process that signs takes up a rotation at most this long after it."""
LONGEST_RING_AGE_SECONDS = 300
"""How long a process signs with what it read last while the secret cannot be read."""
_RETRY_SECONDS = 5


class RingStore(Protocol):
    """Where the ring is kept."""

    def read(self) -> KeyRing | None:
        """Read the ring, or None when there is none yet. Raises Unavailable."""

    def write(self, ring: KeyRing) -> None:
        """Replace the ring. Raises Unavailable."""


class KeySecret:
    """The secret that holds the ring."""

    def __init__(self, secret_id: str) -> None:
        """Use the secret of that id or ARN; no call is made yet."""
        self._secret_id = secret_id

    def read(self) -> KeyRing | None:
        """Read the ring, or None when the secret has no value yet. Raises Unavailable."""
        text = read_secret(self._secret_id)
        return msgspec.json.decode(text, type=KeyRing) if text else None

    def write(self, ring: KeyRing) -> None:
        """Replace the ring. Raises Unavailable."""
        write_secret(self._secret_id, msgspec.json.encode(ring).decode())


class ActiveKey:
    """The key that signs now, read again every minute."""

    def __init__(self, secret: RingStore, clock: Callable[[], float] = time.time) -> None:
        """Read from ``secret``, later."""
        self._secret = secret
        self._clock = clock
        self._key: SigningKey | None = None
        self._keys: tuple[StoredKey, ...] = ()
        self._read_at = -math.inf
        self._failed_at = -math.inf
        self._forgotten = False

    def get(self) -> SigningKey:
        """Give the active key. Raises Unavailable when there is none yet, or it cannot be read."""
        now = self._clock()
        if self._key is None or self._forgotten or not 0 <= now - self._read_at < REREAD_SECONDS:
            self._key = self._read(now)
        return self._key

    def cursor_secrets(self) -> list[bytes]:
        """Give what page cursors are sealed with, the first, and opened with.

        That is the next key, which stays in the ring longest; but for a while after a rotation the active one,
        since processes that have not read the ring again know no other of the new ring. Raises Unavailable.
        """
        active = self.get().kid
        known_to_all = self._clock() - 2 * REREAD_SECONDS
        usable = [key for key in self._keys if key.private_key]
        usable.sort(key=lambda key: (key.created_at.timestamp() > known_to_all, key.kid == active))
        return [key.private_key.encode() for key in usable]

    def forget(self) -> None:
        """Read again at the next use: this process knows of a rotation."""
        self._forgotten = True

    def _read(self, now: float) -> SigningKey:
        usable = self._key is not None and 0 <= now - self._read_at < LONGEST_RING_AGE_SECONDS
        if self._key is not None and usable and 0 <= now - self._failed_at < _RETRY_SECONDS:
            return self._key
        try:
            ring = self._secret.read()
        except Unavailable:
            self._failed_at = self._clock()
            if self._key is not None and usable:
                return self._key
            raise
        if ring is None:
            raise Unavailable("the archive has no signing key yet")
        self._read_at, self._forgotten = now, False
        self._keys = ring.keys
        stored = ring.active_key()
        return self._key if self._key is not None and self._key.kid == stored.kid else SigningKey(stored)
