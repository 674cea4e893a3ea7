"""Client secrets: made here, kept as bcrypt hashes, compared in constant time.

A secret has 43 characters of 64 (256 bits), so the cost of the hash guards only against a stolen table; a
secret once verified is remembered for some minutes under a keyed hash whose key lives in this process alone.

Beside its hash a secret has a fingerprint: 32 of its bits. It lets a wrong secret be refused without paying for
bcrypt, so that a process which is being flooded with wrong secrets can still look for the right one. Whoever
steals it is left with 224 bits to guess. A secret that somebody chose may have fewer than 256 to begin with, so
it has a fingerprint only if it is as long as ours.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable

import bcrypt

from artstore.tables import AccountSecret

CLIENT_ID = r"^[\x21-\x7e]+(?!\n)$"
MAX_CLIENT_ID_CHARACTERS = 200
MAX_SECRETS = 2
"""An account has one secret, and two while a rotation overlaps."""
_MAX_BCRYPT_BYTES = 72  # bcrypt reads no further; longer input is never one of ours
_REMEMBERED_SECONDS = 300
_MAX_REMEMBERED = 10_000
_DECOY = "." * 53
"""Salt and digest of a hash that no secret has; to compare with it costs the same as with any other."""
_AS_LONG_AS_OURS = re.compile(r"[A-Za-z0-9_-]{43,72}")


def generate_secret() -> str:
    """Make a client secret: 43 characters of ``[A-Za-z0-9_-]``."""
    return secrets.token_urlsafe(32)


def generate_client_id() -> str:
    """Make a client id: ``sa_`` and 22 characters of ``[A-Za-z0-9_-]``."""
    return f"sa_{secrets.token_urlsafe(16)}"


def is_client_id(text: str) -> bool:
    """Tell whether an account may be called so; what may not is none, and is never looked for."""
    return len(text) <= MAX_CLIENT_ID_CHARACTERS and re.search(CLIENT_ID, text) is not None


def hash_secret(secret: str, cost: int) -> str:
    """Hash ``secret`` with bcrypt; ``cost`` is log2 of the rounds. Raises ValueError above 72 bytes."""
    return bcrypt.hashpw(secret.encode(), bcrypt.gensalt(cost)).decode()


def fingerprint_of(secret: str) -> str | None:
    """Give the first 32 bits of the SHA-256 of ``secret``, in hex; None for one that is shorter than ours."""
    return _digest_of(secret) if _AS_LONG_AS_OURS.fullmatch(secret) else None


class SecretVerifier:
    """Compares secrets with hashes, in the same time whether the client exists or not."""

    def __init__(self, cost: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Spend on unknown clients what a hash of ``cost`` takes."""
        self._clock = clock
        self._key = os.urandom(32)
        self._remembered: dict[bytes, tuple[float, str]] = {}
        self._decoy = f"$2b${cost:02d}${_DECOY}"

    def recall(self, client_id: str, secret: str) -> str | None:
        """Give the hash that this process found ``secret`` of ``client_id`` to have in the last minutes, or None.

        Whether the client still has that hash is for the caller to see.
        """
        since, known = self._remembered.get(self._digest(client_id, secret), (float("-inf"), ""))
        return known if self._clock() - since < _REMEMBERED_SECONDS else None

    def forget(self, client_id: str, secret: str) -> None:
        """Remember ``secret`` no longer: the client has another one."""
        self._remembered.pop(self._digest(client_id, secret), None)

    def verify(self, client_id: str, secret: str, hashes: Iterable[str]) -> str | None:
        """Give which of ``hashes`` (oldest first; none: an unknown client) ``secret`` has, and remember it.

        A refusal always costs MAX_SECRETS comparisons, however many secrets the client has.
        """
        candidates = list(hashes)[::-1]
        decoys = [self._decoy] * (MAX_SECRETS - len(candidates))
        matched = next((each for each in [*candidates, *decoys] if self._matches(secret, each)), None)
        if matched is None or matched == self._decoy:
            return None
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[self._digest(client_id, secret)] = (self._clock(), matched)
        return matched

    def verify_likely(self, client_id: str, secret: str, kept: Iterable[AccountSecret]) -> str | None:
        """Do as ``verify`` does if ``secret`` has the fingerprint of one that is kept; else refuse it for nothing.

        A wrong secret gets as far as bcrypt once in four thousand million times, and a refusal takes as long for
        an unknown client as for a known one.
        """
        claimed = _digest_of(secret)
        likely = [each.hash for each in kept if hmac.compare_digest(each.fingerprint or "", claimed)]
        return self.verify(client_id, secret, likely) if likely else None

    def _digest(self, client_id: str, secret: str) -> bytes:
        return hmac.digest(self._key, f"{len(client_id)}:{client_id}{secret}".encode(), hashlib.sha256)

    @staticmethod
    def _matches(secret: str, candidate: str) -> bool:
        return bcrypt.checkpw(secret.encode()[:_MAX_BCRYPT_BYTES], candidate.encode()) and (
            len(secret.encode()) <= _MAX_BCRYPT_BYTES
        )


def _digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
