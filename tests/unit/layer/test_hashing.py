"""A SHA-256 that is saved in the middle is the SHA-256 of the whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artstore import hashing
from artstore.errors import Unavailable
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
    """Gives chunks of ten bytes; a server that heeds no Range gives them to the end."""

    def __init__(self, content: bytes, *, heeds_range: bool = True) -> None:
        self._content = content
        self._heeds_range = heeds_range
        self.starts: list[int] = []
        self.breaks_after: int | None = None

    @contextlib.contextmanager
    def stream(
        self,
        bucket: str,
        key: str,
        *,
        start: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        version_id: str | None = None,
    ) -> Iterator[Iterator[bytes]]:
        """See artstore.objects."""
        self.starts.append(start)
        end = len(self._content)
        if length is not None and self._heeds_range:
            end = min(end, start + length)

        def chunks() -> Iterator[bytes]:
            for number, at in enumerate(range(start, end, 10)):
                if number == self.breaks_after:
                    raise Unavailable("storage does not answer")
                yield self._content[at : min(at + 10, end)]

        yield chunks()


def take(hasher: ResumableSha256, objects: _Objects, size: int, *time: float) -> bool:
    """Hash onward; ``time`` is what is left after each chunk, and without it there is enough."""
    left = iter(time)
    return hash_onward(
        hasher,
        objects,
        "bucket",
        "key",
        size,
        if_match='"etag"',
        version_id=None,
        time_left=lambda: next(left, 0.0) if time else 100.0,
    )


def test_hashing_stops_when_the_time_is_up_and_goes_on_from_there() -> None:
    content = random.Random(2).randbytes(95)
    objects = _Objects(content)
    saved: dict[str, Any] | None = None
    finished = False
    while not finished:
        hasher = ResumableSha256.restore(saved)
        finished = take(hasher, objects, len(content), 2.0, 1.0, 0.0)
        saved = hasher.save()
    assert objects.starts == [0, 30, 60, 90]
    assert ResumableSha256.restore(saved).hexdigest() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("heeds_range", "starts"), [(True, [0, 40, 80]), (False, [0])])
def test_it_is_read_in_stretches_where_the_server_knows_them(
    monkeypatch: pytest.MonkeyPatch, heeds_range: bool, starts: list[int]
) -> None:
    monkeypatch.setattr(hashing, "STRETCH_BYTES", 40)
    content = random.Random(3).randbytes(95)
    objects = _Objects(content, heeds_range=heeds_range)
    hasher = ResumableSha256()
    assert take(hasher, objects, len(content))
    assert objects.starts == starts
    assert hasher.hexdigest() == hashlib.sha256(content).hexdigest()


def test_what_was_taken_before_storage_went_away_is_worth_saving() -> None:
    content = random.Random(4).randbytes(95)
    objects = _Objects(content)
    objects.breaks_after = 3
    hasher = ResumableSha256()
    assert not take(hasher, objects, len(content))
    assert hasher.offset == 30
    objects.breaks_after = 0
    with pytest.raises(Unavailable):
        take(hasher, objects, len(content))
    objects.breaks_after = None
    assert take(hasher, objects, len(content))
    assert hasher.hexdigest() == hashlib.sha256(content).hexdigest()


def test_an_object_that_ends_before_its_size_is_no_endless_task() -> None:
    with pytest.raises(Unavailable):
        take(ResumableSha256(), _Objects(b""), 10)


def test_an_empty_object_is_not_asked_for() -> None:
    objects = _Objects(b"")
    hasher = ResumableSha256()
    assert take(hasher, objects, 0)
    assert objects.starts == []
    assert hasher.hexdigest() == hashlib.sha256(b"").hexdigest()
