"""Reports facts and a page, and is never heard of again."""

from __future__ import annotations

import time

from functions.storage_events.extraction.contract import Document, Facts, Report


def read(document: Document, report: Report) -> None:
    report.facts(Facts(title="known early", pages=9))
    report.text("page " * 2000)
    time.sleep(60)
