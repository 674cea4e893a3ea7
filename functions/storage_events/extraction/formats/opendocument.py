"""Reads OpenDocument files (ISO/IEC 26300): texts, spreadsheets, presentations, drawings."""

from __future__ import annotations

from collections.abc import Mapping

from functions.storage_events.extraction.contract import Facts, Report, StopReading
from functions.storage_events.extraction.parsing.packages import Package
from functions.storage_events.extraction.parsing.properties import count_of, elements_of

_BLOCKS = frozenset({"p", "h", "table-row", "list-item", "page", "annotation", "note", "title", "desc"})
_NOT_SHOWN = frozenset({"tracked-changes", "binary-data", "script", "scripts"})
_STYLES_SHOWN = frozenset({"header", "footer", "header-first", "footer-first", "header-left", "footer-left"})
_MAX_SPACES = 100


def read(package: Package, report: Report) -> None:
    """Report the properties, the content, then headers and footers."""
    if package.has("META-INF/manifest.xml") and _is_encrypted(package):
        raise StopReading("failed", "encrypted")
    told = elements_of(package, "meta.xml", frozenset({"title", "creator", "initial-creator"}))
    author = told.get("initial-creator") or told.get("creator")
    report.facts(Facts(title=told.get("title"), author=author, pages=count_of(told.get("page-count"))))
    if not package.has("content.xml"):
        raise StopReading("failed", "damaged")
    slides = _tell(package, "content.xml", report, within=None)
    if slides:
        report.facts(Facts(pages=slides))
    if package.has("styles.xml"):
        _tell(package, "styles.xml", report, within=_STYLES_SHOWN)


def _is_encrypted(package: Package) -> bool:
    """Tell whether the manifest speaks of encryption (ODF 1.3 part 2 §4.4)."""
    found = False

    def start(element: str, _: Mapping[str, str]) -> None:
        nonlocal found
        found = found or element == "encryption-data"

    try:
        package.parse("META-INF/manifest.xml", start, lambda _: None, lambda _: None)
    except StopReading as stop:
        # Programs that wrote the format's first versions named its DTD here.
        return stop.reason == "encrypted"
    return found


def _tell(package: Package, name: str, report: Report, within: frozenset[str] | None) -> int:
    """Tell the text of a part, or of some elements of it; give how many slides there are."""
    slides = hidden = shown = 0

    def start(element: str, attributes: Mapping[str, str]) -> None:
        nonlocal slides, hidden, shown
        if hidden or element in _NOT_SHOWN:
            hidden += 1
            return
        if within is not None and (shown or element in within):
            shown += 1
        if within is not None and not shown:
            return
        if element == "page" and "master-page-name" in attributes:
            slides += 1
        if element == "table" and attributes.get("name"):
            report.text(attributes["name"] + "\n")
        elif element in ("tab", "s"):
            count = attributes.get("c", "1")[:3]
            report.text(
                "\t" if element == "tab" else " " * min(int(count) if count.isdecimal() else 1, _MAX_SPACES)
            )
        elif element == "line-break":
            report.text("\n")

    def end(element: str) -> None:
        nonlocal hidden, shown
        if hidden:
            hidden -= 1
            return
        if within is None or shown:
            report.text("\n" if element in _BLOCKS else "\t" if element == "table-cell" else "")
        if shown:
            shown -= 1

    def text(data: str) -> None:
        if not hidden and (within is None or shown):
            report.text(data)

    package.parse(name, start, end, text)
    return slides
