"""ZIP files of strangers: opened under limits, and never believed about their own sizes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable

from functions.storage_events.extraction.contract import Document, StopReading
from functions.storage_events.extraction.parsing.xml_events import BadXml, End, Start, Text, parse_xml

MAX_ENTRIES = 2_000
"""The most entries of a package whose content is read; a mere list may be longer."""
MAX_LISTED = 20_000
MAX_UNPACKED = 200 * 1024 * 1024
"""The most bytes that are unpacked from one document, in all."""
MAX_RATIO = 100
_RATIO_AFTER = 100_000
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    OSError,
    EOFError,
    NotImplementedError,
    ValueError,
    LookupError,
    RuntimeError,
)
"""What zipfile raises over damaged archives."""


class Package:
    """A ZIP file and what may still be unpacked of it."""

    def __init__(self, document: Document) -> None:
        """Open it. Raises StopReading ``too_large`` for a beginning, ``damaged``, or ``too_many_entries``."""
        if not document.complete:
            raise StopReading("failed", "too_large")
        try:
            self._file = zipfile.ZipFile(io.BytesIO(document.body))
        except DAMAGE as error:
            raise StopReading("failed", "damaged") from error
        self.entries = self._file.infolist()
        self._by_name = {each.filename: each for each in self.entries}
        self._unpacked = 0

    def names(self) -> list[str]:
        """Give the names of the entries, each once."""
        return list(self._by_name)

    def has(self, name: str) -> bool:
        """Tell whether there is an entry of that name."""
        return name in self._by_name

    def reader(self, name: str) -> Callable[[int], bytes]:
        """Give what reads an entry piece by piece.

        It raises StopReading: ``encrypted``, ``damaged``, or at the limits of size and ratio, ``zip_bomb``.
        """
        if len(self.entries) > MAX_ENTRIES:
            raise StopReading("failed", "too_many_entries")
        entry = self._by_name[name]
        if entry.flag_bits & 0x1:
            raise StopReading("failed", "encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise StopReading("failed", "damaged")  # Office and its like use no other (ISO/IEC 29500-2 §B.4)
        try:
            stream = self._file.open(entry)
        except DAMAGE as error:
            raise StopReading("partial", "damaged") from error
        packed = max(1, entry.compress_size)
        read_here = 0

        def read(size: int) -> bytes:
            nonlocal read_here
            try:
                chunk = stream.read(size)
            except DAMAGE as error:
                raise StopReading("partial", "damaged") from error
            read_here += len(chunk)
            self._unpacked += len(chunk)
            if self._unpacked > MAX_UNPACKED or (read_here > _RATIO_AFTER and read_here > packed * MAX_RATIO):
                raise StopReading("partial", "zip_bomb")
            return chunk

        return read

    def content(self, name: str, limit: int) -> bytes:
        """Give an entry of at most ``limit`` bytes. Raises StopReading, as ``reader``, and when it is larger."""
        read = self.reader(name)
        content = bytearray()
        while chunk := read(65536):
            content += chunk
            if len(content) > limit:
                raise StopReading("partial", "too_large")
        return bytes(content)

    def parse(self, name: str, start: Start, end: End, text: Text) -> None:
        """Parse an entry as XML. Raises StopReading, as ``reader``, and for bad XML."""
        try:
            parse_xml(self.reader(name), start, end, text)
        except BadXml as error:
            raise StopReading("partial", error.reason) from error
