"""Reads XML (SVG and every other): text and the values of attributes.

A document with a DOCTYPE, or that is not well-formed, is read as plain text without its tags, and none of its own
entities is replaced.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Mapping

from functions.storage_events.extraction.contract import Document, Report
from functions.storage_events.extraction.parsing.plain import plain, report_state, understood
from functions.storage_events.extraction.parsing.xml_events import BadXml, End, Start, parse_xml

_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,500}\?>")
_TAG = re.compile(r"<[^<>]{0,10000}>")
_NOT_SHOWN = re.compile(r"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)


def read(document: Document, report: Report) -> None:
    """Report text and attribute values, in their order."""
    decoded = understood(document)
    report_state(decoded, document, report)
    text = _DECLARATION.sub("", decoded.text)
    try:
        parse_xml(io.BytesIO(text.encode("utf-8", "ignore")).read, _started(report), _ended(report), report.text)
    except BadXml:
        report.text("\n")
        for line in _TAG.sub(" ", _NOT_SHOWN.sub(" ", text)).splitlines(keepends=True):
            report.text(html.unescape(plain(line)))


def _started(report: Report) -> Start:
    def started(_: str, attributes: Mapping[str, str]) -> None:
        report.text(" ")
        for name, value in attributes.items():
            if name != "xmlns" and not value.startswith(("http://", "data:")):
                report.text(value + " ")

    return started


def _ended(report: Report) -> End:
    return lambda _: report.text("\n")
