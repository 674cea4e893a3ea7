"""Rotating the signing keys: what happens in which order, so that no crash and no race can do harm.

The secret is the truth. A rotation is the one write that replaces it; the table of public keys, the history and
the audit log follow, and whoever comes next completes what a crash left undone. A private key is in the secret
before its public half is shown, and the public half is shown ``publish_ahead`` before the key signs. A lock in the
table lets one run at a time through; its lease is longer than any function here may run, so that its holder is
dead when it ends.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from artstore.audit import SYSTEM, AuditEvent, AuditLog, StateChanged
from artstore.errors import Conflict, Unavailable
from functions.auth.keys.published import PublishedKeys
from functions.auth.keys.ring import Initiator, KeyRing, Rotation
from functions.auth.keys.rotation_records import RotationRecords
from functions.auth.keys.secret import LONGEST_RING_AGE_SECONDS, RingStore
from functions.auth.signing_key import generate_key

ROTATION_INTERVAL = timedelta(hours=24)
_PUNCTUALITY = timedelta(minutes=5)
"""A scheduled run comes some seconds early or late; a key nearly of age is due."""
_SKEW = timedelta(seconds=60)
LEASE_SECONDS = 120
_PAUSE_SECONDS = 1
_MOST_KEYS = 60
"""The ring stays below the 65,536 bytes that a secret can have; a key takes some 800."""


class KeyRotation:
    """The ring's owner: the only one that writes it."""

    def __init__(
        self,
        *,
        secret: RingStore,
        published: PublishedKeys,
        records: RotationRecords,
        audit: AuditLog,
        algorithm: str,
        publish_ahead: timedelta,
        token_lifetime: timedelta,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Make new keys for ``algorithm``; a retired key verifies until the last token it signed has expired."""
        self._secret = secret
        self._published = published
        self._records = records
        self._audit = audit
        self._algorithm = algorithm
        self._publish_ahead = publish_ahead
        # A process that cannot read the secret signs with the old key for so long.
        self._kept = timedelta(seconds=LONGEST_RING_AGE_SECONDS) + token_lifetime + _SKEW
        self._clock = clock
        self._sleep = sleep

    def ensure(self) -> str:
        """Make the ring unless it is there, complete what is missing of it, and give the active kid.

        Waits for a rotation that goes on. Raises Conflict when that takes longer than it can, and Unavailable.
        """
        with self._lock(patience_seconds=LEASE_SECONDS / 4):
            ring, _ = self._settled()
            return ring.active

    def rotate(self, initiator: Initiator) -> Rotation:
        """Rotate now.

        Raises Conflict: ``rotation_in_progress`` when another one goes on; ``rotation_too_soon`` when verifiers
        may not yet know the next key; ``too_many_keys`` when the ring is full; the latter two with ``retry_after``
        (seconds). Raises Unavailable.
        """
        with self._lock():
            ring, shown_since = self._settled()
            return self._rotate(ring, shown_since, initiator)

    def rotate_if_due(self) -> Rotation | None:
        """Rotate when the active key has signed for a day; else only mend and tidy, and give None."""
        with self._lock():
            ring, shown_since = self._settled()
            activated_at = ring.active_key().activated_at
            if activated_at is not None and self._now() < activated_at + ROTATION_INTERVAL - _PUNCTUALITY:
                return None
            if self._wait_seconds(shown_since) > 0:
                return None
            return self._rotate(ring, shown_since, Initiator(SYSTEM))

    def end_retired(self, initiator: Initiator) -> list[str]:
        """Let no retired key verify any longer, since one of them may have leaked; give their kids.

        The tokens that they signed end with them, within the cache time of those who verify. Waits for a rotation
        that goes on. Raises Conflict and Unavailable.
        """
        with self._lock(patience_seconds=LEASE_SECONDS / 4):
            ring, _ = self._settled()
            remaining = ring.without_retired()
            ended = sorted({key.kid for key in ring.keys} - {key.kid for key in remaining.keys})
            for kid in ended:
                self._audit.append(
                    AuditEvent(
                        action="signing_key.ended",
                        actor=initiator.actor,
                        object=f"signing-key/{kid}",
                        outcome="success",
                        source_ip=initiator.source_ip,
                        request_id=initiator.request_id,
                    )
                )
            if ended:
                self._secret.write(remaining)
                self._show(remaining)
            return ended

    def _rotate(self, ring: KeyRing, shown_since: datetime, initiator: Initiator) -> Rotation:
        wait = self._wait_seconds(shown_since)
        if wait > 0:
            raise Conflict(
                f"the next key signs when verifiers have known it for {self._publish_ahead.total_seconds():.0f}"
                f" seconds; try again in {wait}",
                code="rotation_too_soon",
                retry_after=wait,
            )
        now = self._now()
        if len(ring.keys) >= _MOST_KEYS:
            ends = min(key.retired_at for key in ring.keys if key.retired_at is not None) + self._kept
            raise Conflict(
                f"{len(ring.keys)} keys still verify tokens; rotate again when one of them has ended",
                code="too_many_keys",
                retry_after=math.ceil((ends - now).total_seconds()),
            )
        rotated = ring.rotated(generate_key(self._algorithm, now), now, initiator)
        self._secret.write(rotated)
        self._show(rotated)
        rotation = rotated.last_rotation
        if rotation is None:
            raise LookupError("a rotated ring names its rotation")
        return rotation

    def _settled(self) -> tuple[KeyRing, datetime]:
        """Give the ring, whole and shown as it is, and since when its next key has been shown."""
        now = self._now()
        before = self._secret.read()
        if before is None:
            first = generate_key(self._algorithm, now)
            ring = KeyRing(active=first.kid, keys=(first,))
        else:
            ring = before
        ring = ring.upgraded().without_ended(now, self._kept)
        if ring.find(ring.next) is None:
            ring = ring.with_next(generate_key(self._algorithm, now))
        if ring != before:
            self._secret.write(ring)
        return ring, self._show(ring)

    def _show(self, ring: KeyRing) -> datetime:
        """Let the table, the history and the audit log say what the ring says; safe to repeat."""
        published = self._published.publish(ring, self._kept)
        if ring.last_rotation is not None:
            self._record(ring.last_rotation)
        return published[str(ring.next)].published_at

    def _record(self, rotation: Rotation) -> None:
        if self._records.has(rotation):
            return
        event = AuditEvent(
            action="signing_key.rotated",
            actor=rotation.initiator.actor,
            object=f"signing-key/{rotation.activated}",
            outcome="success",
            source_ip=rotation.initiator.source_ip,
            request_id=rotation.initiator.request_id,
            before={"active": rotation.retired, "next": rotation.activated},
            after={"active": rotation.activated, "next": rotation.published},
        )
        try:
            self._audit.append(event, lambda transaction: self._records.add(rotation, transaction))
        except StateChanged:
            return  # it is recorded already

    def _wait_seconds(self, shown_since: datetime) -> int:
        return math.ceil((shown_since + self._publish_ahead - self._now()).total_seconds())

    @contextmanager
    def _lock(self, patience_seconds: float = 0) -> Iterator[None]:
        holder = str(uuid.uuid4())
        deadline = self._clock() + patience_seconds
        while not self._records.lock(holder, self._clock(), LEASE_SECONDS):
            if self._clock() >= deadline:
                raise Conflict("the signing keys are being rotated", code="rotation_in_progress", retry_after=1)
            self._sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            with suppress(Unavailable):  # the lease ends by itself
                self._records.unlock(holder)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
