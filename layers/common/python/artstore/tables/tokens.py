"""What is held against tokens and those who ask for them."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection
from pynamodb.models import Model


class _ByExpiry(GlobalSecondaryIndex[Any]):
    class Meta:
        index_name = "by-expiry"
        projection = IncludeProjection(["not_before", "before_revision"])

    partition = UnicodeAttribute(hash_key=True)
    expires_at_epoch = NumberAttribute(range_key=True)


class Revocation(Model):
    """An entry of ``artstore.security.revocations``: a token, or all that a client was issued before a moment."""

    partition = UnicodeAttribute(hash_key=True)
    """Always ``revoked``."""
    id = UnicodeAttribute(range_key=True)
    """``<epoch milliseconds, 13 digits>#jti#<jti>`` or ``...#client#<client_id>``: in the order of writing."""
    jti = UnicodeAttribute(null=True)
    client_id = UnicodeAttribute(null=True)
    not_before = NumberAttribute(null=True)
    """Epoch seconds; the client's tokens with an earlier ``iat`` are revoked."""
    before_revision = NumberAttribute(null=True)
    """The client's tokens from an earlier revision of its account are revoked; decides where a token names one."""
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop the entry: epoch seconds, after the last token it forbids has expired."""
    by_expiry = _ByExpiry()


class Attempt(Model):
    """A counter of attempts to authenticate, or an assertion that was used; ends by itself."""

    attempt_id = UnicodeAttribute(hash_key=True)
    attempts = NumberAttribute(null=True)
    """Failures. Those from an address are counted by client too, in attributes ``client_<digest>``."""
    expires_at_epoch = NumberAttribute()
    """When DynamoDB may drop it: seconds since 1970."""
