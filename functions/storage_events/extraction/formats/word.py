"""Reads Word documents (ISO/IEC 29500, WordprocessingML)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from functions.storage_events.extraction.contract import Report
from functions.storage_events.extraction.parsing.packages import Package
from functions.storage_events.extraction.parsing.properties import report_properties

_MAIN = re.compile(r"word/document\d*\.xml")
_OTHERS = re.compile(r"word/(?:header|footer|footnotes|endnotes|comments|glossary/document)\d*\.xml")
_NOT_SHOWN = frozenset({"instrText", "delText", "delInstrText", "Fallback", "binData", "posOffset", "align"})
_BREAKS = {"p": "\n", "br": "\n", "cr": "\n", "tab": "\t", "tc": "\t", "tr": "\n", "noBreakHyphen": "-"}
_BEGINS = frozenset({"br", "cr", "tab", "noBreakHyphen"})


def main_part(package: Package) -> str | None:
    """Give the name of the part with the body."""
    return next((name for name in package.names() if _MAIN.fullmatch(name)), None)


def read(package: Package, report: Report) -> None:
    """Report the properties, the body, then what stands around it."""
    report_properties(package, report, "Pages")
    body = main_part(package)
    others = sorted(name for name in package.names() if _OTHERS.fullmatch(name))
    for name in [body, *others] if body else others:
        tell_part(package, name, report)


def tell_part(package: Package, name: str, report: Report) -> None:
    """Tell the text of one part: that of any element but those that are not shown."""
    hidden = 0

    def start(element: str, attributes: Mapping[str, str]) -> None:
        nonlocal hidden
        if hidden or element in _NOT_SHOWN:
            hidden += 1
        elif element in _BEGINS:
            report.text(_BREAKS[element])
        elif element == "docPr" and attributes.get("descr"):
            report.text(f" {attributes['descr']} ")

    def end(element: str) -> None:
        nonlocal hidden
        if hidden:
            hidden -= 1
        elif element in _BREAKS and element not in _BEGINS:
            report.text(_BREAKS[element])

    def text(data: str) -> None:
        if not hidden:
            report.text(data)

    package.parse(name, start, end, text)
    report.text("\n")
