"""Routes of the signing keys: what the public may see of them, and their rotation."""

from __future__ import annotations

from typing import Annotated

import msgspec

from artstore.http import Reply, Request, endpoint
from artstore.security import Principal, Scope
from functions.auth import dependencies
from functions.auth.keys.published import PublishedKey
from functions.auth.keys.ring import Initiator
from functions.auth.keys.rotation_records import PastRotation

_DELIVERY_SECONDS = 5
"""What publishing a key and delivering the key set may take: the set is cached for so much less than keys are
published ahead."""


class JsonWebKey(msgspec.Struct, omit_defaults=True):
    """A public key (RFC 7517 §4): RSA with n and e, or elliptic curve with crv, x and y (RFC 7518 §6)."""

    kty: str
    kid: str
    use: str
    alg: str
    n: str | None = None
    e: str | None = None
    crv: str | None = None
    x: str | None = None
    y: str | None = None


class JsonWebKeySet(msgspec.Struct):
    """The keys that verify this archive's tokens (RFC 7517 §5)."""

    keys: list[JsonWebKey]


class KeysQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which page of the history."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: str | None = None


class SigningKeys(msgspec.Struct):
    """The signing keys, and the rotations newest first."""

    keys: list[PublishedKey]
    rotations: list[PastRotation]
    next_cursor: str | None


@endpoint("GET", "/.well-known/jwks.json", scope=None, summary="Show the public signing keys", etag=True)
def show_jwks() -> Reply[JsonWebKeySet]:
    """Show the keys that verify this archive's tokens (RFC 7517 §5), the next one included.

    May be cached for as long as Cache-Control says: no key signs that has been shown for less.
    """
    keys = [msgspec.convert(jwk, JsonWebKey) for jwk in dependencies.key_source().jwks()]
    max_age = dependencies.settings().key_publish_ahead_seconds - _DELIVERY_SECONDS
    return Reply(JsonWebKeySet(keys), {"Cache-Control": f"public, max-age={max_age}"})


@endpoint("GET", "/api/v1/jwt-keys", scope=Scope.KEYS_ADMIN, summary="List the signing keys and their rotations")
def list_signing_keys(query: KeysQuery) -> SigningKeys:
    """List each key with its state (next, active or retired) and times, and the history of rotations in pages."""
    before = None
    if query.cursor is not None:
        before = dependencies.cursors().open(query.cursor, "rotations", str)
    rotations, position = dependencies.rotation_records().page(query.limit, before)
    cursor = None if position is None else dependencies.cursors().seal(position, "rotations")
    return SigningKeys(dependencies.published_keys().show(), rotations, cursor)


@endpoint(
    "POST",
    "/api/v1/jwt-keys/rotate",
    scope=Scope.KEYS_ADMIN,
    summary="Rotate the signing keys",
    error_statuses=(409,),
)
def rotate_signing_keys(caller: Principal, request: Request) -> Reply[PastRotation]:
    """Let the next key sign from now on, and publish a fresh one as the next.

    The key that signed until now goes on verifying until its last token has expired. 409 rotation_too_soon, with
    Retry-After in seconds, while verifiers may not yet know the next key; 409 rotation_in_progress while another
    rotation goes on.
    """
    initiator = Initiator(caller.client_id, request.source_ip, request.request_id)
    rotation = dependencies.key_rotation().rotate(initiator)
    dependencies.active_key().forget()
    answer = PastRotation(
        rotation.rotated_at, rotation.retired, rotation.activated, rotation.published, rotation.initiator.actor
    )
    return Reply(answer, {"Cache-Control": "no-store"})


ENDPOINTS = (show_jwks, list_signing_keys, rotate_signing_keys)
