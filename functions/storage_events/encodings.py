"""Bytes that were sent compressed (Content-Encoding, RFC 9110 §8.4), made readable again, within limits.

A decoder is stopped where it has given enough, and where a little has become a hundred times as much: what follows
is not looked at. So the most memory a document can take is the limit and a decoder's window, whatever it promises.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable

import msgspec

GZIP, BR = "gzip", "br"
MAX_RATIO = 100
RATIO_AFTER = 100_000
"""From how many decoded bytes on the ratio counts, as in packages."""
_PIECE = 64 * 1024
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class Decoded(msgspec.Struct, frozen=True, kw_only=True):
    """What the bytes were. ``complete`` unless there is more; ``reason`` says what is wrong with them:
    ``damaged``, or ``zip_bomb``."""

    body: bytes
    complete: bool
    reason: str | None = None


class Original(msgspec.Struct, frozen=True, kw_only=True):
    """The size (bytes) and SHA-256 (hex) of what a client has compressed."""

    size: int
    sha256: str

    @classmethod
    def of(cls, body: bytes) -> Original:
        """Measure the whole of it."""
        return cls(size=len(body), sha256=hashlib.sha256(body).hexdigest())


def coding_of(header: str | None) -> str | None:
    """Give the one coding that a Content-Encoding names, in lower case; None for none.

    ``aws-chunked`` is how some clients send and nothing that is stored, but some storage keeps it.
    """
    named = [each.strip().lower() for each in (header or "").split(",")]
    return ",".join(each for each in named if each and each != "aws-chunked") or None


def can_decode(coding: str) -> bool:
    """Tell whether ``decode`` knows the coding."""
    return coding in (GZIP, BR)


def decode(encoded: bytes, coding: str, limit: int, *, whole: bool) -> Decoded:
    """Decode up to ``limit`` bytes; ``whole`` tells that there are no more encoded ones than these."""
    pieces: list[bytes] = []
    size = 0
    step = _gunzip(encoded) if coding == GZIP else _unbrotli(encoded)
    while True:
        try:
            piece = step(min(_PIECE, limit + 1 - size))
        except _Damaged:
            # Cut off is not damaged where the rest was not read.
            return Decoded(body=b"".join(pieces), complete=False, reason="damaged")
        if piece is None:
            return Decoded(body=b"".join(pieces), complete=True)
        if not piece:
            return Decoded(body=b"".join(pieces), complete=False, reason="damaged" if whole else None)
        pieces.append(piece)
        size += len(piece)
        if size > RATIO_AFTER and size > len(encoded) * MAX_RATIO:
            return Decoded(body=b"".join(pieces)[:limit], complete=False, reason="zip_bomb")
        if size > limit:
            return Decoded(body=b"".join(pieces)[:limit], complete=False)


class _Damaged(Exception):
    """The bytes do not follow their format."""


_Step = Callable[[int], bytes | None]
"""Gives at most so many bytes more, none when the encoded ones are used up before their end, None after it."""


def _gunzip(encoded: bytes) -> _Step:
    """Decode the members of a gzip file, one after another (RFC 1952 §2.2)."""
    member = zlib.decompressobj(_GZIP_WINDOW)
    left = encoded

    def step(most: int) -> bytes | None:
        nonlocal member, left
        while True:
            if member.eof:
                left = member.unused_data
                if not left.strip(b"\0"):
                    return None
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                piece = member.decompress(left, most)
            except zlib.error as error:
                raise _Damaged from error
            left = member.unconsumed_tail
            if piece or not member.eof:
                return piece

    return step


def _unbrotli(encoded: bytes) -> _Step:
    """Decode a brotli stream (RFC 7932)."""
    import brotli

    stream = brotli.Decompressor()
    left = encoded

    def step(most: int) -> bytes | None:
        nonlocal left
        if stream.is_finished():
            return None
        try:
            piece: bytes = stream.process(left, output_buffer_limit=most)
        except brotli.error as error:
            raise _Damaged from error
        left = b""
        return None if not piece and stream.is_finished() else piece

    return step
