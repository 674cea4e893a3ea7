"""Page cursors that cannot be forged: a position and the search it belongs to, under an HMAC.

A cursor is base64url of the position as JSON and the first 16 bytes of an HMAC-SHA256 over that and the search, so
that it continues only the search it came from. It is authentic, not secret: its holder can read the position.

The deployment has a key for them (``CursorKeys``), a secret made with it and for nothing else, so that it can be
replaced at any time: a process that meets a cursor it cannot open reads the key again, and the one before is
honoured as well. A cursor therefore holds until the key has been replaced twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from artstore.aws.secret_store import CURRENT, PREVIOUS
from artstore.errors import Invalid, Misconfigured

T = TypeVar("T")

_SIGNATURE_BYTES = 16
_READ_AGAIN_AFTER_SECONDS = 5
"""Made-up cursors make a process read the key at most so often, whatever a client sends."""


class CursorSealer:
    """Seals positions and opens them again."""

    def __init__(self, secrets: Callable[[], Sequence[bytes]]) -> None:
        """Derive keys from ``secrets`` of the deployment, asked for at each use: the first seals, any opens."""
        self._secrets = secrets

    def seal(self, position: object, search: object) -> str:
        """Give the cursor of ``position`` in ``search``; both are what msgspec can encode."""
        payload = msgspec.json.encode(position)
        return base64.urlsafe_b64encode(payload + _sign(self._keys()[0], payload, search)).rstrip(b"=").decode()

    def open(self, cursor: str, search: object, kind: type[T]) -> T:
        """Give the position in ``cursor``. Raises Invalid (``invalid_cursor``) unless it was sealed here for
        ``search``."""
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise _invalid_cursor() from error
        payload, signature = sealed[:-_SIGNATURE_BYTES], sealed[-_SIGNATURE_BYTES:]
        if not any(hmac.compare_digest(signature, _sign(key, payload, search)) for key in self._keys()):
            raise _invalid_cursor()
        return msgspec.json.decode(payload, type=kind)

    def _keys(self) -> list[bytes]:
        return [hashlib.sha256(b"artstore cursor\x00" + secret).digest() for secret in self._secrets()]


class CursorKeys:
    """The key of this deployment's cursors, and the one before."""

    def __init__(self, read: Callable[[str], str | None], clock: Callable[[], float] = time.monotonic) -> None:
        """Take what reads the secret at a stage (``secret_store.CURRENT``, ``PREVIOUS``); nothing is read yet."""
        self._read = read
        self._clock = clock
        self._keys: tuple[bytes, ...] = ()
        self._read_at = float("-inf")

    def get(self) -> tuple[bytes, ...]:
        """Give the keys, the present one first. Raises Unavailable, and Misconfigured when there is none."""
        if not self._keys:
            self.refresh()
        return self._keys

    def refresh(self) -> bool:
        """Read the keys again, unless that was seconds ago; tell whether they are others now."""
        now = self._clock()
        if now - self._read_at < _READ_AGAIN_AFTER_SECONDS:
            return False
        current, previous = self._read(CURRENT), self._read(PREVIOUS)
        if not current:
            raise Misconfigured("the secret in ARTSTORE_CURSOR_KEY_SECRET_ID has no value")
        before, self._keys = self._keys, tuple(each.encode() for each in (current, previous) if each)
        self._read_at = now
        return self._keys != before


class Cursors:
    """Seals under the deployment's key and opens again, reading it anew for a cursor that it does not open."""

    def __init__(self, keys: CursorKeys) -> None:
        """Seal under ``keys``."""
        self._keys = keys
        self._sealer = CursorSealer(keys.get)

    def seal(self, position: object, search: object) -> str:
        """See CursorSealer."""
        return self._sealer.seal(position, search)

    def open(self, cursor: str, search: object, kind: type[T]) -> T:
        """See CursorSealer."""
        try:
            return self._sealer.open(cursor, search, kind)
        except Invalid:
            if not self._keys.refresh():
                raise
            return self._sealer.open(cursor, search, kind)


def _sign(key: bytes, payload: bytes, search: object) -> bytes:
    signed = len(payload).to_bytes(4, "big") + payload + msgspec.json.encode(search)
    return hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES]


def _invalid_cursor() -> Invalid:
    return Invalid("the cursor is not one that this search gave", code="invalid_cursor", field="cursor")
