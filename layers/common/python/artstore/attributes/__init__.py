"""attr.json: the truth about one document, schema 2.0, and how older and newer files of its kind are read.

The fields of the first ArtStore keep their names and meaning and are always written, so its archives are
readable here and ours there. What this version adds is optional and left out when it says nothing. What a
*newer* version added is unknown here; it is carried in ``unknown`` and written back unchanged, so an older
reader that edits a document loses nothing. A higher major version may mean something else by the same name
and is refused.

Sizes are bytes, checksums SHA-256 in lowercase hex, times RFC 3339 in UTC; a time without an offset (as the
first ArtStore wrote them) is taken as UTC.

An empty file is a legal S3 object, and ``file_size`` 0 is accepted and written as it is. The first
ArtStore's own reader demands ``file_size > 0`` and so refuses the attr.json of an empty file; it reads
every other one. The alternative, a size that is not the file's, would make the truth lie.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from artstore.attributes.storable import MAX_DEPTH, MAX_INTEGER, is_too_deep
from artstore.attributes.v1 import from_v1, to_v1
from artstore.errors import Invalid, TooLarge

SCHEMA_VERSION = "2.0"
MAX_BYTES = 64 * 1024
"""The most an attr.json may weigh. What is larger is refused before it is written or parsed."""
ROOM_TO_COME = 16 * 1024
"""What a client's part of an attr.json leaves free (bytes) for what is found in the document, and for changes."""

INFECTED = "infected"
"""Why a document is in quarantine in whose bytes a scanner has found something."""

Sha256Hex = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Size = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Retention(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How long the document is kept: ``temporary`` until ``expires_at``, or ``permanent``.

    Under a ``legal_hold`` it is kept whatever else is said; ``hold_reason`` is why. ``schedule`` names the
    retention schedule that says when somebody decides what becomes of it (``artstore.schedules``);
    ``extended_until``: it was decided that this is not before; ``kept_at``: that it is kept for good, and when.
    """

    policy: str
    expires_at: datetime | None = None
    legal_hold: bool = False
    hold_reason: str | None = None
    schedule: Text | None = None
    extended_until: datetime | None = None
    kept_at: datetime | None = None
    unknown: dict[str, Any] = {}


class Extracted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was read out of the bytes.

    ``status`` is ``ok``, ``partial`` (a limit ended the work; ``reason`` names it), ``failed`` (``reason``
    says why) or ``unsupported``. ``detected_type`` is the content type the first bytes speak of, when they
    do. ``characters`` counts the text that went into the index; the text itself does not live in attr.json.

    Pictures have ``width`` and ``height`` in pixels as they are shown, ``taken_at`` (ISO 8601, on the camera's
    clock, so mostly without a zone), ``camera``, and ``latitude`` and ``longitude`` in degrees where a setting
    keeps them; sound has ``duration_seconds`` and ``album``, archives the number of ``entries``.
    """

    status: str
    reason: str | None = None
    format: str | None = None
    detected_type: str | None = None
    title: str | None = None
    author: str | None = None
    pages: Size | None = None
    characters: Size | None = None
    width: Size | None = None
    height: Size | None = None
    taken_at: str | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    duration_seconds: Seconds | None = None
    album: str | None = None
    entries: Size | None = None
    unknown: dict[str, Any] = {}


class Quarantine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why nobody gets the document's bytes, as a code such as ``checksum_mismatch``, and since when."""

    reason: Text
    at: datetime
    unknown: dict[str, Any] = {}


class Scan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a virus scanner said of the bytes.

    ``status`` is ``clean``, ``infected`` (``signature`` names what was found), ``failed`` (``reason`` says why) or
    ``skipped`` (``reason``: too large, for example). ``engine`` is the scanner and the state of its signatures.
    ``released_at`` and ``released_by_id`` say that somebody answers for an infected document all the same.
    """

    status: str
    at: datetime
    signature: str | None = None
    reason: str | None = None
    engine: str | None = None
    released_at: datetime | None = None
    released_by_id: str | None = None
    unknown: dict[str, Any] = {}


class Attributes(msgspec.Struct, frozen=True, kw_only=True):
    """One attr.json. The first block is the first ArtStore's schema 2.0, the second what this one adds.

    ``revision`` rises by one with every change; a file that names none (every one the first ArtStore wrote)
    has revision 0. ``original_size`` and ``original_checksum`` describe the content before
    ``content_encoding``; ``file_size`` and ``checksum`` always describe the object as it is stored, and, where the
    bucket has versions, ``storage_version_id`` names the one they describe.

    ``space`` is whose document it is among the applications that share the archive; none names the default
    space. ``folder`` (``/a/b``) is a place for people and says nothing of the key. ``supersedes`` is the file_id
    of the document that this one takes the place of. ``checksum_verified`` is False as long as ``checksum`` is
    only what the client declared, or null, since nobody declared one and the object is yet to be read, and absent
    once it is proven; ``storage_etag`` is the ETag of an object that
    had to be read for that, since storage does not know its SHA-256. ``quarantine`` keeps the bytes from
    everybody; the document is found and shown with the reason. ``scan`` is what a virus scanner said of the bytes.
    ``finalization`` is the transaction that is moving the document just now; nobody else changes it meanwhile.
    ``finalized_at`` is when one had moved it to where documents are kept. ``deleted_at`` and ``deleted_by_id`` say
    that it lies in the trash, since when and by whom, ``purged_at`` that its bytes are being removed: nobody takes
    it out any more.
    """

    schema_version: str = SCHEMA_VERSION
    file_id: UUID
    original_filename: Text
    storage_filename: Text
    file_size: Size
    content_type: Text
    created_at: datetime
    updated_at: datetime
    created_by_id: str
    created_by_username: str
    created_by_fullname: str | None = None
    description: str | None = None
    version: str | None = None
    storage_path: str
    checksum: Sha256Hex | None = None
    metadata: dict[str, Any] = {}
    custom_attributes: dict[str, Any] = {}

    revision: Size = 0
    tags: tuple[str, ...] = ()
    retention: Retention | None = None
    content_encoding: str | None = None
    original_size: Size | None = None
    original_checksum: Sha256Hex | None = None
    extracted: Extracted | None = None
    storage_element_id: str | None = None
    storage_version_id: str | None = None
    space: Text | None = None
    folder: Text | None = None
    supersedes: UUID | None = None
    checksum_verified: bool | None = None
    storage_etag: Text | None = None
    quarantine: Quarantine | None = None
    scan: Scan | None = None
    finalization: UUID | None = None
    finalized_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted_by_id: str | None = None
    purged_at: datetime | None = None

    unknown: dict[str, Any] = {}

    @property
    def is_withheld(self) -> bool:
        """Tell whether the document exists for nobody but those who administer its space."""
        if self.quarantine is None:
            return False
        is_infected = self.scan is not None and self.scan.status == INFECTED and self.scan.released_at is None
        return is_infected or self.quarantine.reason == INFECTED


FIELDS = frozenset(Attributes.__struct_fields__) - {"unknown"}
"""The names of schema 2.0 and of our additions to it."""

_NESTED = {
    "retention": frozenset(Retention.__struct_fields__) - {"unknown"},
    "extracted": frozenset(Extracted.__struct_fields__) - {"unknown"},
    "quarantine": frozenset(Quarantine.__struct_fields__) - {"unknown"},
    "scan": frozenset(Scan.__struct_fields__) - {"unknown"},
}
_NESTED_TIMES = (
    ("retention", "expires_at"),
    ("retention", "extended_until"),
    ("retention", "kept_at"),
    ("quarantine", "at"),
    ("scan", "at"),
    ("scan", "released_at"),
)
_TIMES = ("created_at", "updated_at", "finalized_at", "deleted_at", "purged_at")
_ADDED = (
    "tags",
    "retention",
    "content_encoding",
    "original_size",
    "original_checksum",
    "extracted",
    "storage_element_id",
    "storage_version_id",
    "space",
    "folder",
    "supersedes",
    "checksum_verified",
    "storage_etag",
    "quarantine",
    "scan",
    "finalization",
    "finalized_at",
    "deleted_at",
    "deleted_by_id",
    "purged_at",
)


def parse(raw: bytes) -> Attributes:
    """Read an attr.json of schema 2.x, of v1 (no schema_version), or of the older v1 dialect
    (``attributes_v1``): UTF-8, or what a byte order mark says, as editors on Windows leave one.

    Raises:
        TooLarge: more than ``MAX_BYTES``.
        Invalid: ``attributes_not_json``, ``attributes_too_deep``, ``attributes_version_unsupported`` or
            ``attributes_invalid``.
    """
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"attr.json has {len(raw)} bytes, the most is {MAX_BYTES}", code="attributes_too_large")
    try:
        document = msgspec.json.decode(_in_utf8(raw))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Invalid("attr.json is not JSON", code="attributes_not_json") from error
    if not isinstance(document, dict):
        raise Invalid("attr.json is not a JSON object", code="attributes_invalid")
    if is_too_deep(document, MAX_DEPTH + 1):
        raise Invalid(f"attr.json is nested more than {MAX_DEPTH} levels deep", code="attributes_too_deep")
    return from_document(document)


def is_older(raw: bytes) -> bool:
    """Tell whether an attr.json that ``parse`` reads is of a format before schema 2.0."""
    return _major(msgspec.json.decode(_in_utf8(raw)).get("schema_version", "1.0")) < 2


def from_document(document: Mapping[str, Any]) -> Attributes:
    """Read the JSON object of an attr.json, as ``to_document`` gives it or as ``parse`` finds it.

    Raises:
        Invalid: ``attributes_version_unsupported`` or ``attributes_invalid``.
    """
    document = dict(document)
    if _major(document.get("schema_version", "1.0")) < 2:
        document = from_v1(document, SCHEMA_VERSION)
    for name in _TIMES:
        if document.get(name) is not None:
            document[name] = _time(document[name], name)
    if isinstance(document.get("checksum"), str):
        document["checksum"] = document["checksum"].lower()
    for name in ("metadata", "custom_attributes"):
        if document.get(name, {}) is None:
            del document[name]
    if document.get("updated_at") is None and "created_at" in document:
        document["updated_at"] = document["created_at"]
    return _convert(document)


def dump(attributes: Attributes) -> bytes:
    """Write an attr.json: UTF-8, indented by two unless only without it fits, the same bytes for the same
    attributes.

    Raises:
        Invalid: ``attributes_invalid`` when a value breaks the schema.
        TooLarge: ``attributes_too_large`` when it would exceed ``MAX_BYTES``.
    """
    compact = msgspec.json.encode(to_document(attributes))
    _convert(msgspec.json.decode(compact))
    indented = msgspec.json.format(compact, indent=2) + b"\n"
    if len(indented) <= MAX_BYTES:
        return indented
    if len(compact) > MAX_BYTES:
        raise TooLarge(
            f"attr.json would have {len(compact)} bytes, the most is {MAX_BYTES}", code="attributes_too_large"
        )
    return compact


def check_room(attributes: Attributes) -> None:
    """Check that an attr.json that is yet to be written has ``ROOM_TO_COME``.

    Raises TooLarge (``attributes_too_large``).
    """
    size, limit = len(msgspec.json.encode(to_document(attributes))), MAX_BYTES - ROOM_TO_COME
    if size > limit:
        raise TooLarge(
            f"name, description, tags and custom_attributes have {size} bytes together, the most is {limit}",
            code="attributes_too_large",
        )


def to_document(attributes: Attributes) -> dict[str, Any]:
    """Give attributes as the JSON object they are stored as and shown as (times and UUIDs as text).

    The fields come in the schema's order, free objects and unknown fields sorted by name.
    """
    document: dict[str, Any] = msgspec.to_builtins(_in_utc(attributes), order="deterministic")
    for name in _ADDED:
        if document[name] is None or document[name] == ():
            del document[name]
    for name in _NESTED:
        if name in document:
            _unfold(document[name])
    _unfold(document)
    return document


def to_v1_compatible(attributes: Attributes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Give the JSON object of v1, which the oldest readers of the first ArtStore take, and the names of the fields
    that said something and are not in it.

    Raises Conflict (``not_v1_compatible``) for an empty document, and for one without a checksum: v1 has none.
    """
    return to_v1(to_document(attributes))


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with UTF-16's mark
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _in_utf8(raw: bytes) -> bytes:
    """Give the text without its byte order mark. Raises UnicodeDecodeError where the mark is not true."""
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw.removeprefix(mark).decode(encoding).encode()
    return raw


def _convert(document: dict[str, Any]) -> Attributes:
    """Validate the JSON object of schema 2.x; unknown fields are kept at every level that has a schema."""
    folded = _fold(document, FIELDS)
    for name, fields in _NESTED.items():
        if isinstance(folded.get(name), dict):
            folded[name] = _fold(folded[name], fields)
    for name, moment in _NESTED_TIMES:
        if isinstance(folded.get(name), dict) and folded[name].get(moment) is not None:
            folded[name][moment] = _time(folded[name][moment], f"{name}.{moment}")
    try:
        attributes = msgspec.convert(folded, Attributes)
    except msgspec.ValidationError as error:
        raise Invalid(f"attr.json does not follow its schema: {error}", code="attributes_invalid") from error
    if attributes.checksum is None and attributes.checksum_verified is not False:
        raise Invalid(
            "attr.json does not follow its schema: only a document whose bytes are yet to be read "
            "(checksum_verified false) may be without a checksum",
            code="attributes_invalid",
        )
    return attributes


def _fold(document: Mapping[str, Any], fields: frozenset[str]) -> dict[str, Any]:
    """Move what is not among ``fields`` into ``unknown``."""
    folded: dict[str, Any] = {name: value for name, value in document.items() if name in fields}
    folded["unknown"] = {name: value for name, value in document.items() if name not in fields}
    return folded


def _unfold(document: dict[str, Any]) -> None:
    unknown: dict[str, Any] = document.pop("unknown", {})
    for name in sorted(unknown):
        document.setdefault(name, unknown[name])


def _in_utc(attributes: Attributes) -> Attributes:
    retention = attributes.retention
    if retention is not None:
        times = {each: getattr(retention, each) for each in ("expires_at", "extended_until", "kept_at")}
        told = {each: _as_utc(moment) for each, moment in times.items() if moment is not None}
        retention = msgspec.structs.replace(retention, **told)
    quarantine = attributes.quarantine
    if quarantine is not None:
        quarantine = msgspec.structs.replace(quarantine, at=_as_utc(quarantine.at))
    scan = attributes.scan
    if scan is not None:
        released_at = None if scan.released_at is None else _as_utc(scan.released_at)
        scan = msgspec.structs.replace(scan, at=_as_utc(scan.at), released_at=released_at)
    return msgspec.structs.replace(
        attributes,
        created_at=_as_utc(attributes.created_at),
        updated_at=_as_utc(attributes.updated_at),
        finalized_at=None if attributes.finalized_at is None else _as_utc(attributes.finalized_at),
        deleted_at=None if attributes.deleted_at is None else _as_utc(attributes.deleted_at),
        purged_at=None if attributes.purged_at is None else _as_utc(attributes.purged_at),
        retention=retention,
        quarantine=quarantine,
        scan=scan,
    )


def _as_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(value: object, name: str) -> datetime:
    if isinstance(value, datetime):
        return _as_utc(value)
    try:
        return _as_utc(datetime.fromisoformat(str(value)))
    except (ValueError, OverflowError) as error:
        raise Invalid(f"attr.json: {name} is not an ISO 8601 time", code="attributes_invalid") from error


def _major(version: object) -> int:
    try:
        major = int(str(version).split(".", maxsplit=1)[0])
    except ValueError as error:
        raise Invalid("attr.json: schema_version is not a version", code="attributes_invalid") from error
    if major > 2:
        raise Invalid(
            f"attr.json has schema version {version}; this version reads 2.x and older",
            code="attributes_version_unsupported",
        )
    return major
