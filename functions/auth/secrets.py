"""Client secrets: made here, kept as bcrypt hashes, compared in constant time.

A secret has 43 characters of 64 (256 bits), so the cost of the hash guards only against a stolen table; a
secret once verified is remembered for some minutes under a keyed hash whose key lives in this process alone.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Callable, Iterable

import bcrypt

MAX_SECRETS = 2
"""An account has one secret, and two while a rotation overlaps."""
_MAX_BCRYPT_BYTES = 72  # bcrypt reads no further; longer input is never one of ours
_REMEMBERED_SECONDS = 300
_MAX_REMEMBERED = 10_000
_DECOY = "." * 53
"""Salt and digest of a hash that no secret has; to compare with it costs the same as with any other."""


def generate_secret() -> str:
    """Make a client secret: 43 characters of ``[A-Za-z0-9_-]``."""
    return secrets.token_urlsafe(32)


def generate_client_id() -> str:
    """Make a client id: ``sa_`` and 22 characters of ``[A-Za-z0-9_-]``."""
    return f"sa_{secrets.token_urlsafe(16)}"


def hash_secret(secret: str, cost: int) -> str:
    """Hash ``secret`` with bcrypt; ``cost`` is log2 of the rounds. Raises ValueError above 72 bytes."""
    return bcrypt.hashpw(secret.encode(), bcrypt.gensalt(cost)).decode()


class SecretVerifier:
    """Compares secrets with hashes, in the same time whether the client exists or not."""

    def __init__(self, cost: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Spend on unknown clients what a hash of ``cost`` takes."""
        self._clock = clock
        self._key = os.urandom(32)
        self._remembered: dict[str, tuple[float, bytes]] = {}
        self._decoy = f"$2b${cost:02d}${_DECOY}"

    def remembers(self, secret: str, hashes: Iterable[str]) -> bool:
        """Tell whether this process verified ``secret`` against one of ``hashes`` in the last minutes.

        A hash that was replaced is not among ``hashes``, so a rotated secret is forgotten at once.
        """
        digest = self._digest(secret)
        now = self._clock()
        found = False
        for candidate in hashes:
            since, known = self._remembered.get(candidate, (float("-inf"), b""))
            found |= now - since < _REMEMBERED_SECONDS and hmac.compare_digest(known, digest)
        return found

    def verify(self, secret: str, hashes: Iterable[str]) -> bool:
        """Tell whether ``secret`` has one of ``hashes`` (oldest first), and remember it; none: an unknown client.

        A refusal always costs MAX_SECRETS comparisons, however many secrets the client has.
        """
        candidates = list(hashes)[::-1]
        decoys = [self._decoy] * (MAX_SECRETS - len(candidates))
        matched = next((each for each in [*candidates, *decoys] if self._matches(secret, each)), None)
        if matched is None or matched == self._decoy:
            return False
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[matched] = (self._clock(), self._digest(secret))
        return True

    def _digest(self, secret: str) -> bytes:
        return hmac.digest(self._key, secret.encode(), hashlib.sha256)

    @staticmethod
    def _matches(secret: str, candidate: str) -> bool:
        return bcrypt.checkpw(secret.encode()[:_MAX_BCRYPT_BYTES], candidate.encode()) and (
            len(secret.encode()) <= _MAX_BCRYPT_BYTES
        )
