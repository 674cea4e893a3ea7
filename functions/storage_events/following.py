"""The index follows an attr.json that is there, and in an edit element the attr.json follows its object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from artstore.attributes import Attributes
from artstore.errors import Conflict, Invalid, TooLarge
from artstore.index import DocumentIndex, KnownPlace, ObjectVersion, Projection
from artstore.index.claims import is_at_home
from artstore.index.kept_back import Damage
from artstore.naming import attributes_key
from artstore.objects import StoredObject
from functions.storage_events.description import describe_anew, write_attributes
from functions.storage_events.outcomes import Outcome, Result, Step
from functions.storage_events.places import Spot
from functions.storage_events.proving import Prover, is_unproven
from functions.storage_events.reading import Reader
from functions.storage_events.sight import Beside, Look, Objects, damage_of, identify

if TYPE_CHECKING:
    from functions.storage_events.scanning import Scanning


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes that an attr.json describes; None without any. ``is_true``: it describes them as they are.
    ``is_foreign``: others lie over them, or in their place."""

    stored: StoredObject | None
    sha256: str | None = None
    is_true: bool = True
    is_foreign: bool = False


class Follower:
    """Follows the attr.json of one place at a time."""

    def __init__(
        self,
        objects: Objects,
        index: DocumentIndex,
        reader: Reader,
        prover: Prover,
        scanning: Scanning | None = None,
    ) -> None:
        """Take the ports."""
        self._objects = objects
        self._index = index
        self._reader = reader
        self._prover = prover
        self._scanning = scanning

    def follow(self, spot: Spot, look: Look, known: KnownPlace | None, beside: Beside) -> Step:
        """Have the index hold what the attr.json says and whether its bytes are there.

        Raises NotFound or PreconditionFailed when the place changes meanwhile: then it is to be looked at anew.
        """
        described = beside.attributes
        if described is None:
            return self._hide(spot, known, beside.damage)
        if spot.is_about_attributes and _claims(known, described, beside.etag):
            return Step(Result(Outcome.UNCHANGED, described.file_id))
        if described.deleted_at is not None:
            return self._bring_up_to_date(spot, described, beside.etag, known, None)
        found = self._find_bytes(spot, look, known, described)
        reason = None
        if found.stored is not None and not found.is_true:
            try:
                if spot.may_be_overwritten:
                    return self._describe_anew(spot, described, beside.etag, known, found.stored)
            except (Conflict, Invalid, TooLarge) as error:
                reason = error.code
            found = _Found(stored=None, is_foreign=True)
        step = self._bring_up_to_date(spot, described, beside.etag, known, found)
        if found.is_foreign and step.result.outcome is not Outcome.INVALID_ATTRIBUTES:
            foreign = Result(Outcome.FOREIGN_VERSION, described.file_id, reason)
            return Step(foreign, wrote=True, settled=step.settled)
        if spot.is_new_object and found.stored is not None and step.result.outcome in _QUIET:
            return msgspec.structs.replace(step, result=Result(Outcome.ALREADY_STORED, described.file_id))
        return step

    def project(
        self,
        spot: Spot,
        described: Attributes,
        etag: str,
        known: KnownPlace | None,
        held: ObjectVersion | None,
        *,
        text: str,
        outcome: Outcome,
    ) -> Step:
        """Write a row; ``outcome`` says what that comes to when the document is shown from here.

        Before that, a checksum that is only declared gets somebody to prove it: no row, and it is asked for again.
        """
        if held is not None and is_unproven(described):
            self._prover.ask(described, spot.place, held)
        projection = Projection(
            attributes=described,
            bucket=spot.place.bucket,
            key=spot.place.key,
            attributes_etag=etag,
            object=held,
            missing=held is None and described.deleted_at is None,
            at_home=is_at_home(described, spot.place.key, spot.element),
            text=text,
        )
        try:
            written = self._index.project(projection)
        except Invalid as error:
            damage = damage_of(error, etag, described.updated_at, described.file_id)
            return self._hide(spot, known, damage)
        result = Result(outcome, described.file_id)
        if written.shown not in (None, spot.place):
            result = Result(Outcome.DUPLICATE_ID, described.file_id, other="s3://" + "/".join(written.shown))
        return Step(result, wrote=True, settled=written.first)

    def _hide(self, spot: Spot, known: KnownPlace | None, damage: Damage | None) -> Step:
        """Show nothing while what lies there is no attr.json, and have the index know why; it is one again when it
        is mended."""
        result = Result(Outcome.INVALID_ATTRIBUTES, reason=damage.code if damage else None)
        if known is not None and known.file_id is None and known.damage == damage:
            return Step(result)
        written = self._index.remove(*spot.place, None, damage)
        return Step(result, wrote=True, settled=written.first)

    def _bring_up_to_date(
        self, spot: Spot, described: Attributes, etag: str, known: KnownPlace | None, found: _Found | None
    ) -> Step:
        """Write the row unless it is as it should be; without ``found`` the attr.json says ``deleted_at``."""
        stored = found.stored if found else None
        held = identify(stored, found.sha256 if found else None) if stored else None
        missing = found is not None and stored is None
        if known and _claims(known, described, etag) and known.missing == missing and _same(known.object, held):
            return Step(Result(Outcome.UNCHANGED, described.file_id))
        text = self._reader.read(stored, described.content_type).text if stored else ""
        outcome = Outcome.MISSING if missing else Outcome.PROJECTED
        return self.project(spot, described, etag, known, held, text=text, outcome=outcome)

    def _find_bytes(self, spot: Spot, look: Look, known: KnownPlace | None, described: Attributes) -> _Found:
        """Find the version that the attr.json names, or else what lies there and whether it is what it describes.

        A version named is taken at its word: it was verified when it was described, and cannot change. So are the
        very bytes that were too large to be verified then: whoever reads them through says what is to be said. Of
        others as large the ETags tell, and where there is none to compare the attr.json is believed, as a rebuild
        from the bucket alone believes it; fixity finds out whether it is right.
        """
        named = described.storage_version_id
        if named and not spot.may_be_overwritten:
            current = look.object() if spot.is_new_object else None
            version = current if current is not None and current.version_id == named else look.object(named)
            if version is not None:
                return _Found(stored=version, is_foreign=current not in (None, version))
        stored = look.object()
        if stored is None:
            return _Found(stored=None)
        sha256 = stored.sha256
        if known is not None and known.object is not None and known.object.is_same(identify(stored)):
            sha256 = sha256 or known.object.sha256
        if stored.size != described.file_size:
            return _Found(stored=stored, is_true=False)
        was_seen = described.storage_etag == stored.etag
        if sha256 is None and not was_seen:
            if self._reader.is_read_later(stored):
                return _Found(stored=stored, is_true=not _is_other(known, described, stored))
            if spot.is_new_object or not spot.may_be_overwritten:
                sha256 = self._reader.checksum(stored)
        is_true = sha256 in (None, described.checksum) or (described.checksum is None and was_seen)
        return _Found(stored=stored, sha256=sha256, is_true=is_true)

    def _describe_anew(
        self, spot: Spot, before: Attributes, etag: str, known: KnownPlace | None, stored: StoredObject
    ) -> Step:
        """Replace the attr.json that was seen by one that tells the bytes that are there."""
        checksum = self._reader.checksum(stored)  # None: the job that project asks for finds it
        read = self._reader.read(stored, stored.content_type)
        described = describe_anew(before, checksum, stored, read)
        if self._scanning is not None:
            described = self._scanning.describe(described, stored, read)
        described, raw = write_attributes(described)
        bucket, key = spot.place
        etag = self._objects.replace(bucket, attributes_key(key), raw, etag)
        step = self.project(
            spot,
            described,
            etag,
            known,
            identify(stored, checksum),
            text=read.text,
            outcome=Outcome.DESCRIBED_ANEW,
        )
        scanned = described.scan.status if described.scan is not None else None
        return msgspec.structs.replace(step, result=msgspec.structs.replace(step.result, scanned=scanned))


_QUIET = (Outcome.UNCHANGED, Outcome.PROJECTED)


def _claims(known: KnownPlace | None, described: Attributes, etag: str) -> bool:
    return known is not None and (known.file_id, known.attributes_etag) == (described.file_id, etag)


def _is_other(known: KnownPlace | None, described: Attributes, stored: StoredObject) -> bool:
    """Tell whether an object that nobody reads now was put over the one that the attr.json describes, as far as
    ETags tell: its own, or the one that the index holds of the same document."""
    if described.storage_etag is not None:
        return described.storage_etag != stored.etag
    held = known.object if known is not None and known.file_id == described.file_id else None
    return held is not None and not held.is_same(identify(stored))


def _same(known: ObjectVersion | None, held: ObjectVersion | None) -> bool:
    """Tell whether the index holds these bytes, and knows of them what is known."""
    if known is None or held is None:
        return known is held
    return known.was_read and known.is_same(held) and held.sha256 in (None, known.sha256)
