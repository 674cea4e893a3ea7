"""What can be read out of a document: format, title, author, pages and text, under limits.

Processors are asked in order; the first that can process the type reads the document, in a confined child
process. The outcome is ``ok``, ``partial`` or ``failed`` with a reason, or ``unsupported``: a bad document is
never an exception and never a reason to try again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from artstore.attributes import Extracted
from functions.storage_events.confinement import Ending, Limits, Send, run_confined

MAX_TEXT = 200_000
"""The most characters of text that are kept for the index."""
MAX_FIELD = 500
"""The most characters of a title or an author."""
_UNHURRIED = 0.75
"""The part of its time after which a processor is asked to stop, and so ends with what it has."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a document, or its beginning when not ``complete``."""

    body: bytes
    complete: bool = True


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: ``extracted`` goes into attr.json, ``text`` into the index."""

    extracted: Extracted
    text: str = ""


class StopReading(Exception):
    """Ends the work of a processor, with what it reported so far."""

    def __init__(self, status: str, reason: str) -> None:
        """Take ``partial`` or ``failed``, and why."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Report(Protocol):
    """Where a processor reports what it finds."""

    def facts(self, *, title: str | None = None, author: str | None = None, pages: int | None = None) -> None:
        """Report what is known of the document; None says nothing."""
        ...

    def text(self, text: str) -> None:
        """Report the next piece of text. Raises StopReading when there is enough, or no time left."""
        ...


class Processor(Protocol):
    """Reads one format."""

    format: str

    def can_process(self, content_type: str) -> bool:
        """Tell whether documents of the type (lower case, without parameters) can be read."""
        ...

    def process(self, document: Document, report: Report) -> None:
        """Read the document. Raises StopReading, or anything: that is a damaged document."""
        ...


class Extraction:
    """The processors of a deployment and the limits they work under."""

    def __init__(self, processors: Sequence[Processor], limits: Limits | None = None) -> None:
        """Take the processors, the preferred first."""
        self._processors = tuple(processors)
        self._limits = limits or Limits()

    def supports(self, content_type: str) -> bool:
        """Tell whether anything can be read out of documents of the type."""
        return self._choose(content_type) is not None

    def read(self, document: Document, content_type: str) -> Reading:
        """Read a document of ``content_type``. Raises Unavailable only, when no process can be started."""
        processor = self._choose(content_type)
        if processor is None:
            return Reading(extracted=Extracted(status="unsupported"))
        stop_at = time.monotonic() + self._limits.wall_seconds * _UNHURRIED
        messages, ending = run_confined(lambda send: _work(processor, document, send, stop_at), self._limits)
        return _reading(processor.format, messages, ending)

    def _choose(self, content_type: str) -> Processor | None:
        bare = content_type.partition(";")[0].strip().lower()
        return next((each for each in self._processors if each.can_process(bare)), None)


class _Facts(msgspec.Struct, tag="facts"):
    title: str | None
    author: str | None
    pages: int | None


class _Text(msgspec.Struct, tag="text"):
    text: str


class _Stopped(msgspec.Struct, tag="stopped"):
    status: str
    reason: str


_Message = _Facts | _Text | _Stopped
_encode: Callable[[_Message], bytes] = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Message).decode


class _SendingReport:
    """Reports from the child to the parent, piece by piece, so that an end by limit loses only the rest."""

    def __init__(self, send: Send, stop_at: float) -> None:
        self._send = send
        self._stop_at = stop_at
        self._room = MAX_TEXT

    def facts(self, *, title: str | None = None, author: str | None = None, pages: int | None = None) -> None:
        self._send(_encode(_Facts(_field(title), _field(author), pages)))

    def text(self, text: str) -> None:
        piece = _clean(text)[: self._room]
        if piece:
            self._send(_encode(_Text(piece)))
        self._room -= len(piece)
        if self._room <= 0:
            raise StopReading("partial", "text_limit")
        if time.monotonic() > self._stop_at:
            raise StopReading("partial", "time_limit")


def _work(processor: Processor, document: Document, send: Send, stop_at: float) -> None:
    try:
        processor.process(document, _SendingReport(send, stop_at))
    except StopReading as stop:
        send(_encode(_Stopped(stop.status, stop.reason)))


def _reading(format_name: str, messages: Sequence[bytes], ending: Ending) -> Reading:
    """Put together what the child said; when it ended badly, what it said before still counts."""
    facts = _Facts(None, None, None)
    stopped: _Stopped | None = None
    pieces: list[str] = []
    for message in map(_decode, messages):
        if isinstance(message, _Facts):
            facts = message
        elif isinstance(message, _Text):
            pieces.append(message.text)
        else:
            stopped = message
    text = "".join(pieces)
    if stopped is None and ending is not Ending.FINISHED:
        reason = "damaged" if ending is Ending.FAILED else str(ending)
        known = text or any((facts.title, facts.author, facts.pages))
        stopped = _Stopped("partial" if known else "failed", reason)
    return Reading(
        extracted=Extracted(
            status=stopped.status if stopped else "ok",
            reason=stopped.reason if stopped else None,
            format=format_name,
            title=facts.title,
            author=facts.author,
            pages=facts.pages,
            characters=len(text),
        ),
        text=text,
    )


def _field(value: str | None) -> str | None:
    text = " ".join(_clean(value or "").split())[:MAX_FIELD]
    return text or None


def _clean(text: str) -> str:
    """Drop what is no text in UTF-8: NUL, and halves of surrogate pairs, which broken documents are full of."""
    return text.encode("utf-8", "ignore").decode("utf-8").replace("\0", "")
