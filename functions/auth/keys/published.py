"""The public keys in the signing-keys table: what verifiers read, and what the ring's owner may see of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from artstore.aws.dynamodb import reaching_dynamodb
from artstore.tables import SigningKeyRecord, bind
from functions.auth.keys.ring import KeyRing, KeyState
from functions.auth.signing_key import StoredKey


class PublishedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key that verifies tokens, or will."""

    kid: str
    state: KeyState
    algorithm: str
    created_at: datetime
    published_at: datetime
    """Since when verifiers can know it."""
    activated_at: datetime | None
    """Since when it has signed."""
    retired_at: datetime | None
    ends_at: datetime | None
    """When it stops verifying; null while it may yet sign."""


class PublishedKeys:
    """The public keys of one issuer."""

    def __init__(self, prefix: str, issuer: str, clock: Callable[[], float] = time.time) -> None:
        """Use the table of the deployment ``prefix``."""
        self._table = bind(SigningKeyRecord, prefix)
        self._issuer = issuer
        self._clock = clock

    def show(self) -> list[PublishedKey]:
        """Read the keys and their states; one Query."""
        return [_published(record) for record in self._records()]

    def publish(self, ring: KeyRing, kept: timedelta) -> dict[str, PublishedKey]:
        """Show each key of ``ring`` in its state; a retired one for ``kept`` longer. Give the published keys.

        A key that is not of the ring ends now, however it came here. Writes only what differs, so that doing it
        again changes nothing. When a key was first shown is kept.
        """
        shown = {record.kid: record for record in self._records()}
        now = _text(datetime.fromtimestamp(math.ceil(self._clock()), UTC))
        published: dict[str, PublishedKey] = {}
        for key in ring.keys:
            before = shown.get(key.kid)
            record = self._record(key, ring.state_of(key.kid), kept)
            # A record of the first version has no time of publication: it was written when the key was made.
            record.published_at = now if before is None else before.published_at or before.created_at
            if before is None or before.attribute_values != record.attribute_values:
                with reaching_dynamodb():
                    record.save()
            published[key.kid] = _published(record)
        for kid in shown.keys() - published.keys():
            with reaching_dynamodb():
                shown[kid].expires_at_epoch = int(self._clock())
                shown[kid].save()
        return published

    def _records(self) -> list[SigningKeyRecord]:
        now = self._clock()
        with reaching_dynamodb():
            return [
                record
                for record in self._table.query(self._issuer, consistent_read=True)
                if record.expires_at_epoch is None or record.expires_at_epoch > now
            ]

    def _record(self, key: StoredKey, state: KeyState, kept: timedelta) -> SigningKeyRecord:
        record: SigningKeyRecord = self._table(self._issuer, key.kid)
        record.jwk = key.public_jwk
        record.created_at = _text(key.created_at)
        record.state = str(state)
        record.activated_at = None if key.activated_at is None else _text(key.activated_at)
        if key.retired_at is not None:
            record.retired_at = _text(key.retired_at)
            record.expires_at_epoch = int((key.retired_at + kept).timestamp())
        return record


def _published(record: SigningKeyRecord) -> PublishedKey:
    created_at = _time(record.created_at)
    return PublishedKey(
        kid=record.kid,
        state=KeyState(record.state or KeyState.ACTIVE),
        algorithm=record.jwk["alg"],
        created_at=created_at,
        published_at=_time(record.published_at) if record.published_at else created_at,
        activated_at=_time(record.activated_at) if record.activated_at else None,
        retired_at=_time(record.retired_at) if record.retired_at else None,
        ends_at=datetime.fromtimestamp(record.expires_at_epoch, UTC) if record.expires_at_epoch else None,
    )


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
