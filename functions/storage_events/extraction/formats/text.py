"""Reads plain text and what is written as such: Markdown, CSV, YAML, logs, source code."""

from __future__ import annotations

from functions.storage_events.extraction.contract import Document, Report
from functions.storage_events.extraction.formats import json_values
from functions.storage_events.extraction.parsing.plain import plain, report_state, understood


def read(document: Document, report: Report) -> None:
    """Report the text; JSON under another name as JSON. No text in any charset is ``failed: not_text``."""
    decoded = understood(document)
    if json_values.is_json(decoded.text):
        report.is_a("json")
        json_values.read(document, report)
        return
    report_state(decoded, document, report)
    report.text(plain(decoded.text))
