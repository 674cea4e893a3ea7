"""Reads mail (RFC 5322, MIME): headers, text parts, attached mails, names of attachments."""

from __future__ import annotations

import re
from email.header import decode_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading
from functions.storage_events.extraction.parsing.charsets import decode, decode_as
from functions.storage_events.extraction.parsing.page_text import page_text, parse_page
from functions.storage_events.extraction.parsing.plain import plain

MAX_PARTS = 1000
_MAX_HEADER = 4000
_SHOWN = ("Subject", "From", "To", "Cc", "Date")
_ADDRESS = re.compile(r"<[^<>]*>")
_SUPPLIED = "Content-Disposition"


class _AsSent(Compat32):
    """Gives headers as they came, eight bits as escaped surrogates: RFC 6532 and older programs send them so."""

    def header_fetch_parse(self, name: str, value: str) -> str:  # noqa: ARG002
        return value


def read(document: Document, report: Report) -> None:
    """Report the mail. Parts nested too deeply to be walked are ``too_deep``."""
    try:
        message = BytesParser(policy=_AsSent()).parsebytes(document.body)
    except RecursionError as error:
        raise StopReading("failed", "too_deep") from error
    if not document.complete:
        report.lacking("too_large")
    sender = _header(message, "From")
    named = _ADDRESS.sub("", sender).strip(' "') or sender
    report.facts(Facts(title=_header(message, "Subject"), author=named))
    _tell_headers(message, report)
    _walk(message, report)


def _walk(message: Message, report: Report) -> None:
    """Tell the parts in their order, without a call inside a call for each level."""
    waiting: list[object] = [message]
    parts = 0
    while waiting:
        part = waiting.pop()
        if not isinstance(part, Message):
            continue
        parts += 1
        if parts > MAX_PARTS:
            raise StopReading("partial", "too_many_parts")
        name = _filename(part)
        if name:
            report.text(name + "\n")
        content = part.get_payload()
        if isinstance(content, list):
            if part.get_content_type() == "message/rfc822":
                for inner in content:
                    if isinstance(inner, Message):
                        _tell_headers(inner, report)
            waiting.extend(reversed(content))
        elif not name or part.get_content_disposition() == "inline":
            _tell_text(part, report)


def _tell_headers(message: Message, report: Report) -> None:
    for name in _SHOWN:
        if value := _header(message, name):
            report.text(value + "\n")


def _tell_text(part: Message, report: Report) -> None:
    kind = part.get_content_type()
    if kind not in ("text/plain", "text/html"):
        return
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes):
        return
    charset = part.get_param("charset")
    decoded = decode(body, charset if isinstance(charset, str) else None)
    if decoded.reason is not None:
        report.lacking(decoded.reason)
    if kind == "text/html":
        page_text(parse_page(decoded.text), report.text)
    else:
        report.text(plain(decoded.text))
    report.text("\n")


def _header(message: Message, name: str) -> str:
    """Give a header as a person reads it: encoded words (RFC 2047) decoded, on one line."""
    value = message.get(name)
    return "" if value is None else _words(str(value))


def _words(value: str) -> str:
    raw = value[:_MAX_HEADER].encode("utf-8", "surrogateescape")
    try:
        pieces = decode_header(decode(raw).text)
    except ValueError:
        return decode(raw).text
    text = "".join(each if isinstance(each, str) else decode_as(each, charset) for each, charset in pieces)
    return " ".join(text.split())


def _filename(part: Message) -> str:
    for name, header in (("filename", _SUPPLIED), ("name", "Content-Type")):
        value = part.get_param(name, header=header)
        if isinstance(value, tuple):
            charset, _, text = value
            return decode_as(text.encode("latin-1", "replace"), charset)
        if value:
            return _words(str(value))
    return ""
