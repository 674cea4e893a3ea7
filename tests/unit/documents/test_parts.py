"""Parts of a multipart upload: any size up to 5 TiB fits into 10,000 of them."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artstore.errors import Invalid
from artstore.multipart import Part
from functions.upload.uploads.parts import (
    MAX_PART_BYTES,
    MAX_PARTS,
    MIB,
    choose_part_size,
    composite_sha256,
    count_parts,
    missing_parts,
    size_of_part,
)

GIB, TIB = 1024 * MIB, 1024**2 * MIB


@given(size=st.integers(1, 5 * TIB))
@example(1)
@example(5 * TIB)
@example(5 * GIB + 1)
@example(64 * MIB * MAX_PARTS)
@example(64 * MIB * MAX_PARTS + 1)
def test_every_size_fits_into_parts_that_storage_takes(size: int) -> None:
    part_size = choose_part_size(size)
    count = count_parts(size, part_size)
    assert 5 * MIB <= part_size <= MAX_PART_BYTES
    assert part_size & (part_size - 1) == 0
    assert 1 <= count <= MAX_PARTS
    sizes = [size_of_part(number, size, part_size) for number in {1, 2, count - 1, count} if 1 <= number <= count]
    assert all(1 <= each <= part_size for each in sizes)
    assert part_size * (count - 1) + size_of_part(count, size, part_size) == size


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (1, 8 * MIB),
        (300_000_000, 8 * MIB),
        (8000 * MIB, 8 * MIB),
        (8000 * MIB + 1, 16 * MIB),
        (32_000 * MIB + 1, 64 * MIB),
        (640_000 * MIB, 64 * MIB),
        (640_000 * MIB + 1, 128 * MIB),
        (5 * 10**12, 512 * MIB),
        (5 * TIB, 1024 * MIB),
    ],
)
def test_parts_grow_with_the_file(size: int, part_size: int) -> None:
    assert choose_part_size(size) == part_size


@pytest.mark.parametrize("number", [0, -1, 4])
def test_a_part_that_the_upload_has_not_is_refused(number: int) -> None:
    with pytest.raises(Invalid) as refused:
        size_of_part(number, 20 * MIB, 8 * MIB)
    assert refused.value.code == "no_such_part"


def part(number: int, size: int, sha256: str | None = "00" * 32) -> Part:
    return Part(number=number, size=size, etag=f'"{number}"', sha256=sha256)


def test_a_part_is_missing_when_it_is_absent_of_another_size_or_without_its_checksum() -> None:
    whole = [part(1, 8 * MIB), part(2, 8 * MIB), part(3, 4 * MIB)]
    size, part_size = 20 * MIB, 8 * MIB
    assert missing_parts(whole, size, part_size, with_checksums=True) == []
    assert missing_parts([], size, part_size, with_checksums=True) == [1, 2, 3]
    assert missing_parts(whole[1:], size, part_size, with_checksums=True) == [1]
    assert missing_parts([*whole[:2], part(3, 8 * MIB)], size, part_size, with_checksums=True) == [3]
    assert missing_parts([*whole, part(4, 8 * MIB)], size, part_size, with_checksums=True) == []
    bare = [part(1, 8 * MIB, None), *whole[1:]]
    assert missing_parts(bare, size, part_size, with_checksums=True) == [1]
    assert missing_parts(bare, size, part_size, with_checksums=False) == []


def test_the_checksum_of_checksums_is_made_as_storage_makes_it() -> None:
    digests = [hashlib.sha256(each) for each in (b"one", b"two")]
    whole = hashlib.sha256(digests[0].digest() + digests[1].digest()).digest()
    assert composite_sha256(each.hexdigest() for each in digests) == base64.b64encode(whole).decode() + "-2"
