"""Reads EPUB (EPUB 3.3): title, author, the chapters in the order of the spine."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from urllib.parse import unquote

from functions.storage_events.extraction.contract import Facts, Report, StopReading
from functions.storage_events.extraction.parsing.charsets import decode
from functions.storage_events.extraction.parsing.packages import Package
from functions.storage_events.extraction.parsing.page_text import page_text, parse_page
from functions.storage_events.extraction.parsing.properties import elements_of

_CHAPTER_BYTES = 8 * 1024 * 1024
_PAGES = (".xhtml", ".html", ".htm")


def read(package: Package, report: Report) -> None:
    """Report the book. Chapters under copy protection are ``encrypted``."""
    root = _root(package)
    told = elements_of(package, root, frozenset({"title", "creator"})) if root else {}
    report.facts(Facts(title=told.get("title"), author=told.get("creator")))
    chapters = _chapters(package, root) if root else []
    if not chapters:
        chapters = sorted(name for name in package.names() if name.lower().endswith(_PAGES))
    protected = package.has("META-INF/rights.xml") and package.has("META-INF/encryption.xml")
    if protected:
        raise StopReading("partial" if told else "failed", "encrypted")
    for name in chapters:
        page = parse_page(decode(package.content(name, _CHAPTER_BYTES)).text)
        page_text(page, report.text)
        report.text("\n")


def _root(package: Package) -> str | None:
    """Give the name of the package document (§4.2.6.3.1)."""
    found: list[str] = []

    def start(element: str, attributes: Mapping[str, str]) -> None:
        if element == "rootfile" and package.has(attributes.get("full-path", "")):
            found.append(attributes["full-path"])

    if package.has("META-INF/container.xml"):
        package.parse("META-INF/container.xml", start, lambda _: None, lambda _: None)
    return found[0] if found else None


def _chapters(package: Package, root: str) -> list[str]:
    places: dict[str, str] = {}
    spine: list[str] = []

    def start(element: str, attributes: Mapping[str, str]) -> None:
        if element == "item":
            place = posixpath.normpath(
                posixpath.join(posixpath.dirname(root), unquote(attributes.get("href", "")))
            )
            places[attributes.get("id", "")] = place
        elif element == "itemref":
            spine.append(attributes.get("idref", ""))

    package.parse(root, start, lambda _: None, lambda _: None)
    return [places[each] for each in spine if each in places and package.has(places[each])]
