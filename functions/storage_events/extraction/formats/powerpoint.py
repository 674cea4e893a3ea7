"""Reads PowerPoint presentations (ISO/IEC 29500, PresentationML)."""

from __future__ import annotations

import re

from functions.storage_events.extraction.contract import Facts, Report
from functions.storage_events.extraction.formats.word import tell_part
from functions.storage_events.extraction.parsing.packages import Package
from functions.storage_events.extraction.parsing.properties import report_properties

_SLIDE = re.compile(r"ppt/slides/slide(\d*)\.xml")
_NOTES = re.compile(r"ppt/notesSlides/notesSlide(\d*)\.xml")
_COMMENTS = re.compile(r"ppt/comments/[^/]*?(\d*)\.xml")


def read(package: Package, report: Report) -> None:
    """Report the properties, the slides by their number, then notes and comments."""
    report_properties(package, report, None)
    slides = _in_order(package, _SLIDE)
    report.facts(Facts(pages=len(slides) or None))
    for name in [*slides, *_in_order(package, _NOTES), *_in_order(package, _COMMENTS)]:
        tell_part(package, name, report)


def _in_order(package: Package, pattern: re.Pattern[str]) -> list[str]:
    found = [(int(match[1] or 0), name) for name in package.names() if (match := pattern.fullmatch(name))]
    return [name for _, name in sorted(found)]
