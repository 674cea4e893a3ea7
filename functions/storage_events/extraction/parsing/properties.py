"""The properties that packages keep in small XML files: Dublin Core's and the programs' own counts."""

from __future__ import annotations

from collections.abc import Mapping

from functions.storage_events.extraction.contract import Facts, Report, StopReading
from functions.storage_events.extraction.parsing.packages import Package

_LONGEST = 2000


def elements_of(package: Package, name: str, wanted: frozenset[str]) -> dict[str, str]:
    """Give the text of the first of each wanted element; what cannot be read is not there."""
    found: dict[str, str] = {}
    current: str | None = None

    def start(element: str, attributes: Mapping[str, str]) -> None:
        nonlocal current
        current = element if element in wanted and element not in found else None
        if current is not None:
            found[current] = ""
        if element in ("document-statistic",) and attributes.get("page-count"):
            found["page-count"] = attributes["page-count"]

    def end(_: str) -> None:
        nonlocal current
        current = None

    def text(data: str) -> None:
        if current is not None and len(found[current]) < _LONGEST:
            found[current] += data

    if package.has(name):
        try:
            package.parse(name, start, end, text)
        except StopReading:
            return found
    return found


def count_of(text: str | None) -> int | None:
    """Give a count that a program wrote, None for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 and int(text) else None


def report_properties(package: Package, report: Report, pages: str | None) -> None:
    """Report what docProps/core.xml and app.xml say (ISO/IEC 29500-2 §8); ``pages`` names the count."""
    core = elements_of(package, "docProps/core.xml", frozenset({"title", "creator"}))
    app = elements_of(package, "docProps/app.xml", frozenset({pages})) if pages else {}
    report.facts(
        Facts(
            title=core.get("title"), author=core.get("creator"), pages=count_of(app.get(pages)) if pages else None
        )
    )
