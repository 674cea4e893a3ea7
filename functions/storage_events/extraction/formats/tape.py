"""Lists TAR archives, plain or compressed with gzip, bzip2 or xz."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading
from functions.storage_events.extraction.parsing.packages import MAX_LISTED, MAX_UNPACKED

_DAMAGE = (tarfile.TarError, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)
_BLOCK = 512
_LZMA_MEMORY = 128 * 1024 * 1024


class _Bounded(io.RawIOBase):
    """Gives no more than so many bytes of what is unpacked."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        self._room = MAX_UNPACKED

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._room <= 0:
            raise StopReading("partial", "zip_bomb")
        data = self._stream.read(min(size if size >= 0 else self._room, self._room))
        self._room -= len(data)
        return data


def read(document: Document, report: Report) -> None:
    """Report the entries. Something else that is compressed is ``unsupported``."""
    stream = _Bounded(_unpacked(document.body))
    count = 0
    try:
        first = stream.read(_BLOCK)
        archive = tarfile.open(fileobj=_Rejoined(first, stream), mode="r|", errorlevel=0)  # noqa: SIM115
        for member in archive:
            count += 1
            if count > MAX_LISTED:
                report.lacking("too_many_entries")
                break
            report.text(member.name + "\n")
    except _DAMAGE as error:
        if not count:
            compressed = document.body[257:262] != b"ustar"
            raise StopReading("unsupported" if compressed else "failed", "damaged") from error
        report.lacking("damaged" if document.complete else "too_large")
    report.facts(Facts(entries=count if document.complete else None))


class _Rejoined(io.RawIOBase):
    """What was read already, and then the rest."""

    def __init__(self, first: bytes, rest: _Bounded) -> None:
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._first:
            data, self._first = (self._first, b"") if size < 0 else (self._first[:size], self._first[size:])
            return data
        return self._rest.read(size)


def _unpacked(body: bytes) -> io.BufferedIOBase:
    if body.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=io.BytesIO(body))
    if body.startswith(b"BZh"):
        return bz2.BZ2File(io.BytesIO(body))
    if body.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(io.BytesIO(body))
    return io.BytesIO(body)
