"""Parts of a multipart upload: how many, how large, and whether all of them are there.

S3 takes 1 to 10,000 parts of 5 MiB to 5 GiB, of which only the last may be smaller (Amazon S3 User Guide,
"Amazon S3 multipart upload limits"). Here every part but the last has the same size, a power of two, so that the
number of a part says where it begins and what it must weigh. Small parts lose little when a connection breaks,
few parts cost few requests: up to 64 MiB the size follows a thousand parts, beyond that ten thousand.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Final

from artstore.errors import Invalid
from artstore.multipart import Part

MIB: Final = 1024**2
MIN_PART_BYTES: Final = 8 * MIB
MAX_PART_BYTES: Final = 5 * 1024 * MIB
MAX_PARTS: Final = 10_000
_HANDY_PARTS: Final = 1000
_HANDY_PART_BYTES: Final = 64 * MIB


def choose_part_size(size: int) -> int:
    """Give the bytes of every part but the last, for an object of ``size`` bytes, at most 5 TiB."""
    part_size = MIN_PART_BYTES
    while part_size * (_HANDY_PARTS if part_size < _HANDY_PART_BYTES else MAX_PARTS) < size:
        part_size *= 2
    return part_size


def count_parts(size: int, part_size: int) -> int:
    """Give the number of parts."""
    return -(-size // part_size)


def size_of_part(number: int, size: int, part_size: int) -> int:
    """Give the bytes that part ``number`` (from 1) has. Raises Invalid (``no_such_part``)."""
    count = count_parts(size, part_size)
    if not 1 <= number <= count:
        raise Invalid(f"the upload has parts 1 to {count}", code="no_such_part", field="part_number")
    return part_size if number < count else size - part_size * (count - 1)


def missing_parts(parts: Iterable[Part], size: int, part_size: int, *, with_checksums: bool) -> list[int]:
    """Give the numbers of parts that are not there as they have to be: with their size, and a SHA-256 if asked."""
    there = {
        part.number
        for part in parts
        if 1 <= part.number <= count_parts(size, part_size)
        and part.size == size_of_part(part.number, size, part_size)
        and (part.sha256 is not None or not with_checksums)
    }
    return [number for number in range(1, count_parts(size, part_size) + 1) if number not in there]


def composite_sha256(checksums: Iterable[str]) -> str:
    """Give the checksum that S3 makes of the SHA-256 (hex) of an object's parts, as it writes it.

    It follows from the parts alone, so whatever object has it was made of exactly these; it says nothing of the
    SHA-256 of the whole.
    """
    digests = [bytes.fromhex(each) for each in checksums]
    whole = hashlib.sha256(b"".join(digests)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(digests)}"
