"""Stops with a reason of its own."""

from __future__ import annotations

from functions.storage_events.extraction.contract import Document, Report, StopReading


def read(document: Document, report: Report) -> None:
    raise StopReading("failed", "because")
