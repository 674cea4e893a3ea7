"""The attr.json of both places: at every moment one of them is the document's, and both say the same of it.

The source is *sealed* first: from then on nobody else changes it. Then the target's is created, and with that the
document lies there, since of two claims the one that is not being finalized is shown. Until then the seal can be
broken, which leaves the source two revisions further: so even a creation that was given up and arrives late does
not win.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import msgspec

from artstore import attributes as attr
from artstore.attributes import Attributes, Retention
from artstore.attributes.storable import MAX_INTEGER
from artstore.elements import RetentionPolicy, StorageElement
from artstore.errors import Conflict, Invalid, NotFound, PreconditionFailed, TooLarge, Unavailable
from artstore.index.claims import Place
from artstore.naming import attributes_key
from functions.maintenance.finalizing.ports import Asked, Objects, Progress, Refused

MOST_TRIES = 8
"""How often an attr.json is read and written anew when others change it at the same time."""


class Handover:
    """Hands documents over from one place to another."""

    def __init__(self, objects: Objects, clock: Callable[[], datetime]) -> None:
        """Take the ports."""
        self._objects = objects
        self._clock = clock

    def read(self, place: Place) -> tuple[Attributes, str] | None:
        """Read the attr.json of a place and its ETag; None when there is none.

        Raises Refused (``attributes_unreadable``), Unavailable.
        """
        try:
            content = self._objects.read(place.bucket, attributes_key(place.key), attr.MAX_BYTES + 1)
            return attr.parse(content.body), content.etag
        except NotFound:
            return None
        except (Conflict, Invalid, TooLarge) as error:
            raise Refused("attributes_unreadable", "an attr.json cannot be read") from error

    def check(self, asked: Asked) -> Attributes:
        """Read what is to be finalized, and check that it can be as it is.

        Raises Refused (``document_gone``, ``document_deleted``, ``quarantined``, ``checksum_pending``,
        ``attributes_unreadable``).
        """
        return self._finalizable(asked)[0]

    def seal(
        self, asked: Asked, transaction_id: UUID, check: Callable[[Attributes], None]
    ) -> tuple[Attributes, str]:
        """Seal the source, unless this transaction has; give its attr.json as it is then, and the ETag.

        ``check`` looks at what is to be sealed, and raises Refused. Raises Refused, Unavailable.
        """
        for _ in range(MOST_TRIES):
            found, etag = self._finalizable(asked)
            check(found)
            if found.finalization == transaction_id:
                return found, etag
            sealed = _next(found, self._clock(), 1, finalization=transaction_id)
            try:
                return sealed, self._replace(asked.source, sealed, etag)
            except (NotFound, PreconditionFailed):
                continue
        raise Unavailable("the attr.json changes faster than it can be sealed")

    def hand_over(self, asked: Asked, sealed: Attributes, progress: Progress, element: StorageElement) -> None:
        """Create the target's attr.json, unless it is there.

        Raises Refused (``target_occupied``, ``attributes_unreadable``), Unavailable.
        """
        there = _describe_target(asked, sealed, progress, element, self._clock())
        raw = attr.dump(there)
        for _ in range(MOST_TRIES):
            before = self.read(asked.target)
            if before is None:
                if self._objects.create(asked.target.bucket, attributes_key(asked.target.key), raw) is not None:
                    return
                continue
            found, etag = before
            if found.file_id != asked.file_id:
                raise Refused("target_occupied", "another document lies where this one is to go")
            if found.storage_version_id == there.storage_version_id and found.revision >= there.revision:
                return  # handed over before, and perhaps changed since
            try:
                self._replace(asked.target, there, etag)
            except (NotFound, PreconditionFailed):
                continue
            return
        raise Unavailable("the attr.json changes faster than it can be written")

    def take_back(self, asked: Asked, transaction_id: UUID) -> None:
        """Break the seal of this transaction, if there is one. Raises Unavailable."""
        for _ in range(MOST_TRIES):
            try:
                before = self.read(asked.source)
            except Refused:
                return
            if before is None or before[0].finalization != transaction_id:
                return
            found, etag = before
            try:
                self._replace(asked.source, _next(found, self._clock(), 2, finalization=None), etag)
            except (NotFound, PreconditionFailed):
                continue
            return
        raise Unavailable("the attr.json changes faster than it can be written")

    def is_over(self, asked: Asked, progress: Progress) -> tuple[bool, str | None]:
        """Tell whether the document was handed over, with the ETag of what is left as the source's attr.json.

        It was when the target's names this very copy and is the later one of the two: breaking a seal makes the
        source's later than any creation that was on its way. Raises Unavailable.
        """
        try:
            source, target = self.read(asked.source), self.read(asked.target)
        except Refused:
            return False, None
        if progress.sha256 is None or target is None or target[0].file_id != asked.file_id:
            return False, None
        if target[0].storage_version_id != progress.copy_version_id:
            return False, None
        if source is None:
            return True, None
        return target[0].revision > source[0].revision, source[1]

    def _finalizable(self, asked: Asked) -> tuple[Attributes, str]:
        before = self.read(asked.source)
        if before is None or before[0].file_id != asked.file_id:
            raise Refused("document_gone", "the document is not where it was")
        if before[0].deleted_at is not None:
            raise Refused("document_deleted", "the document was deleted")
        if before[0].quarantine is not None:
            raise Refused("quarantined", "the document is in quarantine")
        if before[0].checksum is None:
            raise Refused("checksum_pending", "the document's bytes are yet to be read through")
        return before

    def _replace(self, place: Place, attributes: Attributes, etag: str) -> str:
        return self._objects.replace(place.bucket, attributes_key(place.key), attr.dump(attributes), etag)


def _describe_target(
    asked: Asked, sealed: Attributes, progress: Progress, element: StorageElement, now: datetime
) -> Attributes:
    """Give the document as it is at the target: the same, permanent from now on, its checksum proven."""
    path = asked.target.key.removeprefix(element.prefix)
    name = posixpath.basename(path)
    return _next(
        sealed,
        now,
        1,
        finalization=None,
        finalized_at=now,
        storage_element_id=element.element_id,
        storage_path=path[: len(path) - len(name)],
        storage_filename=name,
        storage_version_id=progress.copy_version_id,
        checksum_verified=None,
        storage_etag=None,
        retention=retention_of(sealed.retention, asked.retain_until),
    )


def retention_of(before: Retention | None, retain_until: datetime | None) -> Retention:
    """Give the retention of a document that is permanent from now on; what kept it longer goes on doing so."""
    if before is None:
        return Retention(policy=RetentionPolicy.PERMANENT, expires_at=retain_until)
    kept = before.expires_at if before.policy == RetentionPolicy.PERMANENT else None
    ends = max((each for each in (kept, retain_until) if each is not None), default=None)
    return msgspec.structs.replace(before, policy=RetentionPolicy.PERMANENT.value, expires_at=ends)


def _next(before: Attributes, now: datetime, revisions: int, **changes: object) -> Attributes:
    return msgspec.structs.replace(
        before,
        revision=min(before.revision + revisions, MAX_INTEGER),
        updated_at=max(before.updated_at, now),
        **changes,
    )
