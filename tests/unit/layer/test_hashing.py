"""A SHA-256 that is saved in the middle is the SHA-256 of the whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from artstore.hashing import ResumableSha256, hash_onward


@given(pieces=st.lists(st.binary(max_size=200), max_size=12))
def test_it_is_hashlibs_whatever_the_pieces_and_however_often_it_is_saved(pieces: list[bytes]) -> None:
    hasher = ResumableSha256()
    for piece in pieces:
        hasher.update(piece)
        hasher = ResumableSha256.restore(json.loads(json.dumps(hasher.save())))
    assert hasher.hexdigest() == hashlib.sha256(b"".join(pieces)).hexdigest()
    assert hasher.offset == sum(len(piece) for piece in pieces)


def test_splits_around_the_blocks_of_the_algorithm_change_nothing() -> None:
    content = random.Random(1).randbytes(1000)
    for cut in (0, 1, 55, 56, 63, 64, 65, 127, 128, 999, 1000):
        hasher = ResumableSha256()
        hasher.update(content[:cut])
        hasher = ResumableSha256.restore(hasher.save())
        hasher.update(content[cut:])
        assert hasher.hexdigest() == hashlib.sha256(content).hexdigest(), cut


def test_the_digest_can_be_asked_for_in_between() -> None:
    hasher = ResumableSha256()
    hasher.update(b"ab")
    assert hasher.hexdigest() == hashlib.sha256(b"ab").hexdigest()
    hasher.update(b"c")
    assert hasher.hexdigest() == hashlib.sha256(b"abc").hexdigest()


def test_what_cannot_be_gone_on_from_begins_anew() -> None:
    hasher = ResumableSha256()
    hasher.update(b"abc")
    good = hasher.save()
    for bad in (
        None,
        {},
        good | {"library": "rehashes 0.2.0"},
        good | {"state": "%%%"},
        good | {"state": "YWJj"},
        good | {"offset": "three"},
    ):
        assert ResumableSha256.restore(bad).offset == 0, bad
        assert ResumableSha256.restore(bad).hexdigest() == hashlib.sha256(b"").hexdigest()


class _Objects:
    """Gives chunks of ten bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.starts: list[int] = []

    @contextlib.contextmanager
    def stream(
        self, bucket: str, key: str, *, start: int = 0, if_match: str | None = None, version_id: str | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See artstore.objects."""
        self.starts.append(start)
        yield (self._content[at : at + 10] for at in range(start, len(self._content), 10))


def test_hashing_stops_when_the_time_is_up_and_goes_on_from_there() -> None:
    content = random.Random(2).randbytes(95)
    objects = _Objects(content)
    saved: dict[str, Any] | None = None
    finished = False
    while not finished:
        hasher = ResumableSha256.restore(saved)
        left = iter([2.0, 1.0, 0.0])
        finished = hash_onward(
            hasher,
            objects,
            "bucket",
            "key",
            len(content),
            if_match='"etag"',
            version_id=None,
            time_left=lambda left=left: next(left),  # type: ignore[misc]
        )
        saved = hasher.save()
    assert objects.starts == [0, 30, 60, 90]
    assert ResumableSha256.restore(saved).hexdigest() == hashlib.sha256(content).hexdigest()


def test_an_empty_object_is_not_asked_for() -> None:
    objects = _Objects(b"")
    hasher = ResumableSha256()
    assert hash_onward(hasher, objects, "b", "k", 0, if_match=None, version_id=None, time_left=lambda: 100.0)
    assert objects.starts == []
    assert hasher.hexdigest() == hashlib.sha256(b"").hexdigest()
