"""Idempotency-Key: a request that is repeated under the same key is carried out once.

There is one way to do it, for all that is made. The id of the thing is derived from the account and the key
(``derived_id``), its record keeps what was asked for (``fingerprint``), and the write that makes it is conditional
on there being none of that id. So a repetition, however simultaneous, meets the record of the first request; one
that asks for something else is refused (``key_reused``). Spaces and storage elements, whose ids are the names that
they are given, keep the key in their record instead. docs/adr/0033 says why not otherwise.
"""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Collection
from typing import Any, Final

import msgspec

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


def derived_id(namespace: uuid.UUID, client_id: str, key: str) -> uuid.UUID:
    """Give the id of what the account makes under ``key``; each kind of thing has a ``namespace`` of its own."""
    return uuid.uuid5(namespace, f"{client_id}\x00{key}")


def fingerprint(request: msgspec.Struct, added: Collection[str] = ()) -> str:
    """Give the SHA-256 (hex) of what was asked for, whatever the order of its members.

    ``added`` are members that later versions have: they are left out while they say nothing, so that what an
    earlier version kept still holds.
    """
    asked: dict[str, Any] = msgspec.to_builtins(request)
    for each in _fields_of(type(request)):
        if each.name in added and getattr(request, each.name) == each.default:
            del asked[each.encode_name]
    return hashlib.sha256(msgspec.json.encode(asked, order="sorted")).hexdigest()


_fields_of = functools.cache(msgspec.structs.fields)
"""msgspec evaluates a class's annotations each time it is asked for its fields: a quarter of a millisecond."""


def key_reused() -> Conflict:
    """Give the error of another request under a key that was used already."""
    return Conflict("this Idempotency-Key belongs to another request", code="idempotency_key_reused")
