"""Idempotency-Key: a request that is repeated under the same key is carried out once."""

from __future__ import annotations

from typing import Final

from artstore.errors import Conflict, Invalid
from artstore.http.endpoint import Header
from artstore.http.request import Request

MAX_CHARACTERS: Final = 255
IDEMPOTENCY_KEY: Final = Header(
    "Idempotency-Key", "A name for this request, by which it is known when it is repeated"
)


def idempotency_key(request: Request) -> str | None:
    """Give the request's key, None when it has none. Raises Invalid (``invalid_header``) for what is no key."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= MAX_CHARACTERS and key.isascii()):
        raise Invalid(f"Idempotency-Key must have 1 to {MAX_CHARACTERS} ASCII characters", code="invalid_header")
    return key


def key_reused() -> Conflict:
    """Give the error of another request under a key that was used already."""
    return Conflict("this Idempotency-Key belongs to another request", code="idempotency_key_reused")
