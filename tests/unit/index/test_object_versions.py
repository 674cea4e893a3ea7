"""Which bytes are the same: by ETag, version and time, and without the time what nobody has read yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from artstore.index import NEVER_READ, KnownPlace, ObjectVersion
from functions.storage_events.following import _is_other, _same
from tests.fakes.documents import make_attributes

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
READ = ObjectVersion(etag='"a"', modified=AT, version_id="v1")
UNREAD = ObjectVersion(etag='"a"', modified=NEVER_READ, version_id="v1")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (READ, True),
        (ObjectVersion(etag='"a"', modified=AT + timedelta(seconds=1), version_id="v1"), False),
        (ObjectVersion(etag='"b"', modified=AT, version_id="v1"), False),
        (ObjectVersion(etag='"a"', modified=AT, version_id="v2"), False),
        (UNREAD, True),
        (ObjectVersion(etag='"b"', modified=NEVER_READ, version_id="v1"), False),
        (None, False),
    ],
)
def test_the_same_bytes_are_told_by_all_that_is_known(other: ObjectVersion | None, same: bool) -> None:
    assert READ.is_same(other) is same


def test_what_nobody_has_read_is_read_and_not_taken_for_other_bytes() -> None:
    """Else a large object without a SHA-256 would be described anew, and its checksum forgotten."""
    described: Any = make_attributes()
    stored: Any = SimpleNamespace(etag='"a"', last_modified=AT, version_id="v1", sha256=None)
    known = KnownPlace(file_id=described.file_id, attributes_etag='"1"', object=UNREAD)
    assert not _is_other(known, described, stored)
    assert not _same(UNREAD, READ), "so it is projected, with its text"
    assert _same(READ, READ)
