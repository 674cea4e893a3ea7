"""Reports facts and a page every tenth of a second, and never ends by itself."""

from __future__ import annotations

import time

from functions.storage_events.extraction.contract import Document, Facts, Report


def read(document: Document, report: Report) -> None:
    report.facts(Facts(title="known early", pages=9))
    while True:
        report.text("page " * 2000)
        time.sleep(0.1)
