"""One place: its attr.json read, its bytes checked against what that says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from artstore import attributes as attr
from artstore.attributes import MAX_BYTES, Attributes
from artstore.audit import format_time
from artstore.errors import ArtStoreError
from artstore.naming import attributes_key
from infra.rescue.places import Described, Undescribed
from infra.rescue.report import Line
from infra.rescue.storage import Storage, Unreadable

TRASHED, QUARANTINED = "trashed", "quarantined"


class Known(msgspec.Struct, frozen=True):
    """A place and what its attr.json says: nothing where it is damaged, which ``problem`` tells."""

    place: Described
    raw: bytes
    attributes: Attributes | None
    problem: str | None = None

    @property
    def version_id(self) -> str | None:
        """The version of the object that is described, where its bucket keeps versions."""
        return self.attributes.storage_version_id if self.attributes else None

    @property
    def state(self) -> str | None:
        """Whether it lies in the trash or in quarantine."""
        if self.attributes is None:
            return None
        if self.attributes.deleted_at is not None:
            return TRASHED
        return QUARANTINED if self.attributes.quarantine is not None else None

    def line(self, outcome: str, **more: str | int | None) -> Line:
        """Say what became of it."""
        about: dict[str, str | int | None] = {"detail": self.problem}
        if self.attributes is not None:
            about = {
                "file_id": str(self.attributes.file_id),
                "name": self.attributes.original_filename,
                "size": self.attributes.file_size,
                "checksum": self.attributes.checksum,
                "version_id": self.version_id,
                "space": self.attributes.space,
                "created_at": format_time(self.attributes.created_at),
                "state": self.state,
            }
        return msgspec.convert(
            {"outcome": outcome, "bucket": self.place.bucket, "key": self.place.key} | about | more, Line
        )


def know(storage: Storage, place: Described) -> Known:
    """Read the attr.json of a place; one that is damaged is told. Raises Unreadable."""
    raw = storage.read(place.bucket, attributes_key(place.key), MAX_BYTES)
    try:
        return Known(place, raw, attr.parse(raw))
    except ArtStoreError as error:
        return Known(place, raw, None, f"{error.code}: {error}")


def without_attributes(place: Undescribed) -> Line:
    """Say that an object is no document."""
    return Line(outcome="undescribed", bucket=place.bucket, key=place.key, size=place.size)


def unread(place: Described, error: Unreadable) -> Line:
    """Say that even the attr.json could not be read."""
    return Line(outcome=error.outcome, bucket=place.bucket, key=place.key, detail=f"attr.json: {error.detail}")


def judge(known: Known, sha256: str, size: int, whole: str) -> Line:
    """Compare what was read with what is said of it; ``whole`` is the outcome when it is the same."""
    said = known.attributes
    if said is None:
        return known.line("damaged_attributes", sha256=sha256, size=size)
    if said.checksum is None:
        return known.line("unproven", sha256=sha256, detail="attr.json names no checksum")
    if sha256 != said.checksum:
        detail = "the bytes are not the ones that attr.json describes"
        return known.line("checksum_mismatch", sha256=sha256, size=size, detail=detail)
    return known.line(whole, sha256=sha256)


def read_through(storage: Storage, known: Known, take: Callable[[bytes], object]) -> tuple[str, int]:
    """Read a document's bytes, and give their SHA-256 and how many they are. Raises Unreadable."""
    digest, size = hashlib.sha256(), 0
    for chunk in storage.chunks(known.place.bucket, known.place.key, known.version_id):
        digest.update(chunk)
        size += len(chunk)
        take(chunk)
    return digest.hexdigest(), size


def verify(storage: Storage, known: Known) -> Line:
    """Check a document. Raises Unreadable."""
    return judge(known, *read_through(storage, known, lambda _: None), "verified")
