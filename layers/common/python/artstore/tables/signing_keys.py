"""The public halves of the signing keys, and their rotation."""

from __future__ import annotations

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.models import Model


class SigningKeyRecord(Model):
    """The public half of a signing key: what a verifying function reads."""

    issuer = UnicodeAttribute(hash_key=True)
    kid = UnicodeAttribute(range_key=True)
    jwk = JSONAttribute()
    """Public JWK (RFC 7517 §4)."""
    created_at = UnicodeAttribute()
    state = UnicodeAttribute(null=True)
    """next, active or retired; without it active. Verifiers need not look: each of them verifies."""
    published_at = UnicodeAttribute(null=True)
    activated_at = UnicodeAttribute(null=True)
    retired_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
    """When the key verifies no longer, and DynamoDB may drop it: epoch seconds. None while it may yet sign."""


class KeyRotationRecord(Model):
    """One rotation in the history, in the table of the public keys."""

    issuer = UnicodeAttribute(hash_key=True)
    """Always ``#rotations``, which no issuer can be."""
    kid = UnicodeAttribute(range_key=True)
    """``<RFC 3339 time of the rotation>#<kid of the key it activated>``."""
    rotated_at = UnicodeAttribute()
    retired = UnicodeAttribute()
    activated = UnicodeAttribute()
    published = UnicodeAttribute()
    actor = UnicodeAttribute()


class KeyRotationLock(Model):
    """Who may rotate now, in the table of the public keys."""

    issuer = UnicodeAttribute(hash_key=True)
    """Always ``#lock``."""
    kid = UnicodeAttribute(range_key=True)
    """Always ``#ring``."""
    holder = UnicodeAttribute()
    held_until = NumberAttribute()
    """Epoch seconds."""
