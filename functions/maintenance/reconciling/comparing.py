"""Compares a page of a listing with the index, and names the places that do not look alike.

Both were read at different moments, and a page shows its neighbours only in part, so what is named here is looked
at anew (``looking``) before it counts. What is not named agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from artstore.index import KnownPlace
from artstore.naming import MAX_KEY_BYTES, attributes_key, document_key, is_attributes_key, is_reserved
from functions.maintenance.reconciling.ports import Version


def can_be_a_place(key: str) -> bool:
    """Tell whether a document may lie under the key, whatever element that is in."""
    return bool(key) and not (
        key.endswith("/")
        or is_attributes_key(key)
        or is_reserved(key)
        or "\0" in key
        or len(attributes_key(key).encode()) > MAX_KEY_BYTES
    )


def suspects(
    versions: Iterable[Version],
    rows: Iterable[tuple[str, KnownPlace]],
    after: str,
    is_ours: Callable[[str], bool],
) -> tuple[dict[str, Version | None], dict[str, Version | None]]:
    """Give the keys of documents to look at, each with its attr.json as it was listed; and apart those of which
    only an attr.json was seen, and whose own key lies before the page (at ``after``, or earlier).

    These were seen by an earlier page, if anything of them was: they count only if nothing is.
    """
    latest = {each.key: each for each in versions if each.is_latest}
    known = dict(rows)
    keys = {document_key(key) for key in latest} | known.keys()
    here: dict[str, Version | None] = {}
    earlier: dict[str, Version | None] = {}
    for key in sorted(keys):
        if not can_be_a_place(key) or not is_ours(key):
            continue
        beside = latest.get(attributes_key(key))
        if key <= after:
            earlier[key] = beside
        elif not _agree(latest.get(key), beside, known.get(key)):
            here[key] = beside
    return here, earlier


def _agree(stored: Version | None, beside: Version | None, known: KnownPlace | None) -> bool:
    if known is None or known.file_id is None:
        return stored is None and beside is None and (known is None or known.damage is None)
    if beside is None or beside.etag != known.attributes_etag or known.missing:
        return False
    if known.object is not None and not known.object.was_read:
        return False
    if known.object is None:  # it lies in the trash, where nobody looks at the bytes
        return True
    return stored is not None and (stored.etag, stored.version_id) == (known.object.etag, known.object.version_id)
