"""Reads HTML: title, author and what a browser shows."""

from __future__ import annotations

from functions.storage_events.extraction.contract import Document, Report
from functions.storage_events.extraction.parsing.page_text import (
    MAX_MARKUP,
    page_description,
    page_facts,
    page_text,
    parse_page,
)
from functions.storage_events.extraction.parsing.plain import report_state, understood


def read(document: Document, report: Report) -> None:
    """Report what the page says."""
    decoded = understood(document)
    report_state(decoded, document, report)
    if len(decoded.text) > MAX_MARKUP:
        report.lacking("too_large")
    page = parse_page(decoded.text)
    report.facts(page_facts(page))
    report.text(page_description(page))
    page_text(page, report.text)
