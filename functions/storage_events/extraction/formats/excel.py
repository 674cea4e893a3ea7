"""Reads Excel workbooks (ISO/IEC 29500, SpreadsheetML): sheets by name, cells row by row, dates as dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from functions.storage_events.extraction.contract import Report
from functions.storage_events.extraction.formats.word import tell_part
from functions.storage_events.extraction.parsing.packages import Package
from functions.storage_events.extraction.parsing.properties import report_properties

MAX_SHARED = 4_000_000
"""The most characters of shared strings that are kept while cells are read."""
_MAX_SHARED_ONE = 40_000
_SHEET = re.compile(r"xl/(?:worksheets|chartsheets)/[^/]*?(\d*)\.xml")
_OTHERS = re.compile(r"xl/(?:comments|drawings/drawing|threadedComments/threadedComment)\d*\.xml")
_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_LITERAL = re.compile(r'"[^"]{0,255}"|\\.|\[[^\]]{0,255}\]')
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's dates have no zone (§18.17.4.1)
_LAST_DAY = 2_958_466


def read(package: Package, report: Report) -> None:
    """Report the properties, the names of the sheets, the cells, then comments and text boxes."""
    report_properties(package, report, None)
    if package.has("xl/workbook.xml"):
        _tell_names(package, report)
    shared, complete = _shared(package)
    if not complete:
        report.lacking("text_limit")
    dates = _date_styles(package)
    for name in _in_order(package):
        _Sheet(shared, dates, report).read(package, name)
    for name in sorted(each for each in package.names() if _OTHERS.fullmatch(each)):
        tell_part(package, name, report)


def _in_order(package: Package) -> list[str]:
    found = [(int(match[1] or 0), name) for name in package.names() if (match := _SHEET.fullmatch(name))]
    return [name for _, name in sorted(found)]


def _tell_names(package: Package, report: Report) -> None:
    def start(element: str, attributes: Mapping[str, str]) -> None:
        if element in ("sheet", "definedName") and attributes.get("name"):
            report.text(attributes["name"] + "\n")

    package.parse("xl/workbook.xml", start, _nothing, _nothing)


def _nothing(_: str) -> None:
    """Take no notice."""


def _shared(package: Package) -> tuple[list[str], bool]:
    """Give the shared strings, without phonetic readings, and whether they are all there."""
    strings: list[str] = []
    room = MAX_SHARED
    inside = phonetic = False
    pieces: list[str] = []

    def start(element: str, _: Mapping[str, str]) -> None:
        nonlocal inside, phonetic
        if element == "si":
            pieces.clear()
        phonetic = phonetic or element == "rPh"
        inside = element == "t" and not phonetic

    def end(element: str) -> None:
        nonlocal inside, phonetic, room
        inside = False
        if element == "rPh":
            phonetic = False
        elif element == "si":
            text = "".join(pieces)[: max(0, min(room, _MAX_SHARED_ONE))]
            room -= len(text) + 1
            strings.append(text)

    def text(data: str) -> None:
        if inside and len(pieces) < _MAX_SHARED_ONE:
            pieces.append(data[:_MAX_SHARED_ONE])

    if package.has("xl/sharedStrings.xml"):
        package.parse("xl/sharedStrings.xml", start, end, text)
    return strings, room > 0


def _date_styles(package: Package) -> frozenset[int]:
    """Give the numbers of the cell styles that show a number as a date (§18.8.30)."""
    formats = set(_BUILT_IN_DATES)
    found: set[int] = set()
    inside = False
    count = 0

    def start(element: str, attributes: Mapping[str, str]) -> None:
        nonlocal inside, count
        if element == "numFmt":
            code = _LITERAL.sub("", attributes.get("formatCode", "")[:1000]).lower()
            if any(letter in code for letter in "ydh") and attributes.get("numFmtId", "").isdecimal():
                formats.add(int(attributes["numFmtId"][:9]))
        elif element == "cellXfs":
            inside = True
        elif element == "xf" and inside:
            number = attributes.get("numFmtId", "0")[:9]
            if number.isdecimal() and int(number) in formats:
                found.add(count)
            count += 1

    def end(element: str) -> None:
        nonlocal inside
        inside = inside and element != "cellXfs"

    if package.has("xl/styles.xml"):
        package.parse("xl/styles.xml", start, end, _nothing)
    return frozenset(found)


class _Sheet:
    """Reads one sheet: each cell is told with a tab behind it, each row with a line's end."""

    def __init__(self, shared: list[str], dates: frozenset[int], report: Report) -> None:
        self._shared = shared
        self._dates = dates
        self._report = report
        self._kind = ""
        self._is_date = False
        self._value: list[str] | None = None

    def read(self, package: Package, name: str) -> None:
        package.parse(name, self._start, self._end, self._text)
        self._report.text("\n")

    def _start(self, element: str, attributes: Mapping[str, str]) -> None:
        if element == "c":
            self._kind = attributes.get("t", "")
            style = attributes.get("s", "")[:9]
            self._is_date = style.isdecimal() and int(style) in self._dates
        elif element in ("v", "t"):
            self._value = []

    def _end(self, element: str) -> None:
        if element in ("v", "t") and self._value is not None:
            self._report.text(self._shown("".join(self._value)))
            self._value = None
        elif element == "c":
            self._report.text("\t")
        elif element == "row":
            self._report.text("\n")

    def _text(self, data: str) -> None:
        if self._value is None:
            return
        if self._kind in ("s", "", "n"):
            if len(self._value) < 100:
                self._value.append(data[:100])
        else:
            self._report.text(data)

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            number = value.strip()[:9]
            at = int(number) if number.isdecimal() else len(self._shared)
            return self._shared[at] if at < len(self._shared) else ""
        if self._kind in ("", "n"):
            return _date(value) if self._is_date else _number(value)
        return value


def _number(value: str) -> str:
    """Give a number as it is shown rather than as the binary fraction it is kept as."""
    try:
        return f"{float(value):.15g}" if len(value) > 15 else value
    except ValueError:
        return value


def _date(value: str) -> str:
    try:
        days = float(value)
    except ValueError:
        return value
    if not 0 < days < _LAST_DAY:
        return value
    moment = _EPOCH + timedelta(seconds=round(days * 86400))
    if days < 1:
        return moment.strftime("%H:%M")
    midnight = moment.hour == moment.minute == 0
    return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M}"
