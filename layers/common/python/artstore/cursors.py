"""Page cursors that cannot be forged: a position and the search it belongs to, under an HMAC.

A cursor is base64url of the position as JSON and the first 16 bytes of an HMAC-SHA256 over that and the search, so
that it continues only the search it came from. It is authentic, not secret: its holder can read the position.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from artstore.errors import Invalid

T = TypeVar("T")

_SIGNATURE_BYTES = 16


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


def _sign(key: bytes, payload: bytes, search: object) -> bytes:
    signed = len(payload).to_bytes(4, "big") + payload + msgspec.json.encode(search)
    return hmac.digest(key, signed, hashlib.sha256)[:_SIGNATURE_BYTES]


def _invalid_cursor() -> Invalid:
    return Invalid("the cursor is not one that this search gave", code="invalid_cursor", field="cursor")
