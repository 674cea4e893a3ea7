"""Who may ask for tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
)
from pynamodb.models import Model


class AccountSecret(MapAttribute[str, Any]):
    """One client secret of a service account: what is kept of it is a hash."""

    hash = UnicodeAttribute()
    """bcrypt."""
    created_at = UnicodeAttribute()
    """RFC 3339, UTC."""
    expires_at = UnicodeAttribute(null=True)
    """RFC 3339, UTC; none for a secret made before secrets expired, which holds until it is rotated."""
    fingerprint = UnicodeAttribute(null=True)
    """32 of the secret's 256 bits, see ``functions.auth.secrets``; none for one that may have fewer."""

    def __init__(self, **attributes: Any) -> None:
        """Take the attributes by name; typed here, since pynamodb's own is not."""
        untyped: Any = super().__init__
        untyped(**attributes)

    def is_usable(self, now: float) -> bool:
        """Tell whether the secret holds at ``now`` (seconds since 1970)."""
        return self.expires_at is None or now < datetime.fromisoformat(self.expires_at).timestamp()


class ServiceAccount(Model):
    """A service account: who may ask for tokens, with which secrets and which role.

    Attributes named ``rate_<minute>`` are counters of the token endpoint and no part of the model. A change is
    made by an update on condition of the ``revision`` that was read, never by replacing the item, so that the
    counters stay and no change is lost.
    """

    client_id = UnicodeAttribute(hash_key=True)
    username = UnicodeAttribute()
    """The account's name, as tokens and documents show it."""
    description = UnicodeAttribute(null=True)
    role = UnicodeAttribute()
    scopes: ListAttribute[str] = ListAttribute(null=True)
    """The scopes that the account may ask for, all of them its role's; none stored: all of the role's."""
    spaces = JSONAttribute(null=True)
    """The spaces it may ask for, each with its document scopes there, null for all that the account has; ``*`` is
    every space. None stored: the default space, with all of them."""
    status = UnicodeAttribute(default="ACTIVE")
    """ACTIVE, SUSPENDED or DELETED."""
    is_system = BooleanAttribute(default=False)
    """True for the first administrator, which cannot be deleted, demoted or suspended."""
    secrets: ListAttribute[AccountSecret] = ListAttribute(of=AccountSecret, default=list)
    """At most two, the newest last; two while a rotation overlaps."""
    secret_hashes: ListAttribute[str] = ListAttribute(null=True)
    """Where the first version kept its bcrypt hashes; read by ``known_secrets``, gone with the next rotation."""
    jwks = JSONAttribute(null=True)
    """Public keys for private_key_jwt, a JWK Set (RFC 7517 §5)."""
    rate_limit_per_minute = NumberAttribute(null=True)
    """Token requests a minute; none stored: the deployment's default."""
    revision = NumberAttribute(default=1)
    """+1 for each change; the ETag is the number in quotes."""
    created_at = UnicodeAttribute()
    """RFC 3339, UTC, as all times here."""
    created_by = UnicodeAttribute(null=True)
    """client_id of the administrator who made the account."""
    updated_at = UnicodeAttribute(null=True)
    deleted_at = UnicodeAttribute(null=True)
    status_before_deletion = UnicodeAttribute(null=True)
    """What a restored account becomes again."""
    request_hash = UnicodeAttribute(null=True)
    """SHA-256 of the request that made the account, when it carried an Idempotency-Key."""
    warned_secret = UnicodeAttribute(null=True)
    """created_at of the secret of whose end an operator has been warned."""

    def known_secrets(self) -> list[AccountSecret]:
        """Give the secrets, oldest first, those of the first version among them."""
        first_version = [AccountSecret(hash=each, created_at=self.created_at) for each in self.secret_hashes or []]
        return [*first_version, *self.secrets]

    def usable_secrets(self, now: float) -> list[AccountSecret]:
        """Give the secrets that hold at ``now`` (seconds since 1970), oldest first."""
        return [each for each in self.known_secrets() if each.is_usable(now)]

    def usable_hashes(self, now: float) -> list[str]:
        """Give the bcrypt hashes of those."""
        return [each.hash for each in self.usable_secrets(now)]
