"""Tells what lies in a compound file (MS-CFB): Office with a password, or Office in its old formats."""

from __future__ import annotations

from functions.storage_events.extraction.contract import Document, Report, StopReading

_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_ENCRYPTED_OPEN = "EncryptionInfo".encode("utf-16-le")


def read(document: Document, report: Report) -> None:  # noqa: ARG001 - every reader is called alike
    """Raise StopReading: ``failed: encrypted`` (MS-OFFCRYPTO §1.3), or ``unsupported``."""
    if _ENCRYPTED in document.body and _ENCRYPTED_OPEN in document.body:
        raise StopReading("failed", "encrypted")
    raise StopReading("unsupported", "old_format")
