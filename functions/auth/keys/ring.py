"""The ring of signing keys: what each key is for, and how one takes over from another. No input or output.

``next`` is published and does not sign yet, ``active`` signs, ``retired`` ones signed and still verify. A rotation
makes active retired, next active, and a fresh key next. So every verifier has had the time to learn a key before
the first token is signed with it, and keeps it until the last one has expired.
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

import msgspec

from functions.auth.signing_key import SigningKey, StoredKey


class KeyState(enum.StrEnum):
    """What a key of the ring is for."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


class Initiator(msgspec.Struct, frozen=True):
    """Who asked for a rotation."""

    actor: str
    """The client_id, or ``system``."""
    source_ip: str = ""
    request_id: str = ""


class Rotation(msgspec.Struct, frozen=True):
    """One rotation, as the history shows it."""

    rotated_at: datetime
    retired: str
    """kid of the key that signed until then."""
    activated: str
    """kid of the key that has signed since."""
    published: str
    """kid of the key that was shown to verifiers then, and signs next."""
    initiator: Initiator


class KeyRing(msgspec.Struct, frozen=True):
    """All keys, as the secret's text (JSON) holds them.

    The first version of the format had only ``active`` and keys of kid, private_key and created_at; ``upgraded``
    gives them the rest.
    """

    active: str
    keys: tuple[StoredKey, ...]
    next: str | None = None
    last_rotation: Rotation | None = None
    """Kept here, where a rotation is one write, so that history and audit can be completed after a crash."""

    def find(self, kid: str | None) -> StoredKey | None:
        """Give the key ``kid``, or None."""
        return next((key for key in self.keys if key.kid == kid), None)

    def active_key(self) -> StoredKey:
        """Give the key that signs. Raises LookupError for a ring that is broken."""
        key = self.find(self.active)
        if key is None:
            raise LookupError("the ring lacks its active key")
        return key

    def state_of(self, kid: str) -> KeyState:
        """Tell what the key ``kid`` of this ring is for."""
        if kid == self.active:
            return KeyState.ACTIVE
        return KeyState.NEXT if kid == self.next else KeyState.RETIRED

    def upgraded(self) -> KeyRing:
        """Complete what the first version of the format did not hold."""
        return self._with(tuple(self._complete(key) for key in self.keys))

    def _complete(self, key: StoredKey) -> StoredKey:
        if key.kid == self.active and key.activated_at is None:
            key = msgspec.structs.replace(key, activated_at=key.created_at)
        if not key.public_jwk:
            key = msgspec.structs.replace(key, public_jwk=SigningKey(key).public_jwk())
        return key

    def with_next(self, key: StoredKey) -> KeyRing:
        """Take in ``key`` as the one that signs after the next rotation."""
        return msgspec.structs.replace(self, keys=(*self.keys, key), next=key.kid)

    def rotated(self, fresh: StoredKey, now: datetime, initiator: Initiator) -> KeyRing:
        """Rotate: the next key signs, ``fresh`` is next. Raises LookupError when there is no next key."""
        following = self.find(self.next)
        if following is None:
            raise LookupError("the ring has no next key")
        keys = []
        for key in self.keys:
            if key.kid == self.active:
                keys.append(msgspec.structs.replace(key, private_key="", retired_at=now))
            elif key.kid == following.kid:
                keys.append(msgspec.structs.replace(key, activated_at=now))
            else:
                keys.append(key)
        return KeyRing(
            active=following.kid,
            keys=(*keys, fresh),
            next=fresh.kid,
            last_rotation=Rotation(now, self.active, following.kid, fresh.kid, initiator),
        )

    def without_ended(self, now: datetime, kept: timedelta) -> KeyRing:
        """Drop the keys that were retired longer than ``kept`` ago."""
        return self._with(tuple(key for key in self.keys if key.retired_at is None or now < key.retired_at + kept))

    def without_retired(self) -> KeyRing:
        """Drop all keys that signed before."""
        return self._with(tuple(key for key in self.keys if self.state_of(key.kid) is not KeyState.RETIRED))

    def _with(self, keys: tuple[StoredKey, ...]) -> KeyRing:
        return self if keys == self.keys else msgspec.structs.replace(self, keys=keys)
