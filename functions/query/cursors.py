"""Page cursors that cannot be forged: a position and the query it belongs to, under an HMAC.

A cursor is base64url of ``{"t": created_at, "i": file_id}`` and the first 16 bytes of an HMAC-SHA256 over that
and the query, so that a cursor continues only the search it came from.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.errors import Invalid
from artstore.index import Position

_SIGNATURE_BYTES = 16


class _Payload(msgspec.Struct):
    t: datetime
    i: UUID


class Cursors:
    """Seals positions and opens them again."""

    def __init__(self, secret: str) -> None:
        """Derive the key from a secret of the deployment."""
        self._key = hashlib.sha256(b"artstore cursor\x00" + secret.encode()).digest()

    def seal(self, position: Position, query: str | None) -> str:
        """Give the cursor of ``position`` in the search ``query``."""
        payload = msgspec.json.encode(_Payload(position.created_at, position.file_id))
        return base64.urlsafe_b64encode(payload + self._sign(payload, query)).rstrip(b"=").decode()

    def open(self, cursor: str, query: str | None) -> Position:
        """Give the position in ``cursor``. Raises Invalid (``invalid_cursor``) unless it was sealed here for
        ``query``."""
        try:
            sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError) as error:
            raise _invalid_cursor() from error
        payload, signature = sealed[:-_SIGNATURE_BYTES], sealed[-_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(payload, query)):
            raise _invalid_cursor()
        position = msgspec.json.decode(payload, type=_Payload)
        return Position(created_at=position.t, file_id=position.i)

    def _sign(self, payload: bytes, query: str | None) -> bytes:
        searched = b"" if query is None else b"\x01" + query.encode()
        return hmac.digest(self._key, payload + b"\x00" + searched, hashlib.sha256)[:_SIGNATURE_BYTES]


def _invalid_cursor() -> Invalid:
    return Invalid("the cursor is not one that this search gave", code="invalid_cursor", field="cursor")
