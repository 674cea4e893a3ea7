"""What the confined reader says to its parent, piece by piece, so that an end by limit loses only the rest."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec

from artstore.attributes import Extracted
from functions.storage_events.extraction.contract import Facts, Reading, StopReading
from functions.storage_events.extraction.process.confinement import Ending, Send

MAX_TEXT = 200_000
"""The most characters of text that are kept for the index."""
MAX_FIELD = 500
"""The most characters of a title, an author and the like."""
_PIECE = 8192
_LARGEST = 2**53


class _Found(Facts, tag="facts", kw_only=True):
    pass


class _Text(msgspec.Struct, tag="text"):
    text: str


class _Format(msgspec.Struct, tag="format"):
    name: str


class _Stopped(msgspec.Struct, tag="stopped"):
    status: str
    reason: str


_Message = _Found | _Text | _Format | _Stopped
_encode: Callable[[_Message], bytes] = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Message).decode


class SendingReport:
    """A Report that sends; what is sent is clean and within its limits."""

    def __init__(self, send: Send, stop_at: float) -> None:
        """Send through ``send``, until ``stop_at`` on the monotonic clock."""
        self._send = send
        self._stop_at = stop_at
        self._room = MAX_TEXT
        self._pieces: list[str] = []
        self._waiting = 0
        self._lacking: str | None = None

    def is_a(self, format_name: str) -> None:
        """See Report."""
        self._send(_encode(_Format(format_name)))

    def facts(self, facts: Facts) -> None:
        """See Report."""
        known = {name: _tidy(value) for name, value in msgspec.structs.asdict(facts).items()}
        self._send(_encode(msgspec.convert(known | {"type": "facts"}, _Found)))

    def text(self, text: str) -> None:
        """See Report."""
        piece = _clean(text[: self._room * 4])[: self._room]
        self._pieces.append(piece)
        self._waiting += len(piece)
        self._room -= len(piece)
        if self._waiting >= _PIECE or self._room <= 0:
            self.flush()
        if self._room <= 0:
            raise StopReading("partial", "text_limit")
        if time.monotonic() > self._stop_at:
            raise StopReading("partial", "time_limit")

    def lacking(self, reason: str) -> None:
        """See Report."""
        self._lacking = self._lacking or reason

    def flush(self) -> None:
        """Send the text that waits."""
        if self._waiting:
            self._send(_encode(_Text("".join(self._pieces))))
        self._pieces.clear()
        self._waiting = 0

    def finish(self, stop: StopReading | None = None) -> None:
        """Send what waits, and how the work ended if it did not end well."""
        self.flush()
        if stop is not None:
            self._send(_encode(_Stopped(stop.status, stop.reason)))
        elif self._lacking is not None:
            self._send(_encode(_Stopped("partial", self._lacking)))


def put_together(format_name: str, messages: Sequence[bytes], ending: Ending) -> Reading:
    """Put together what the reader said; when it ended badly, what it said before still counts."""
    facts: dict[str, object] = {}
    stopped: _Stopped | None = None
    pieces: list[str] = []
    for message in map(_decode, messages):
        if isinstance(message, _Found):
            told = msgspec.structs.asdict(message)
            facts |= {name: value for name, value in told.items() if value is not None}
        elif isinstance(message, _Text):
            pieces.append(message.text)
        elif isinstance(message, _Format):
            format_name = message.name
        else:
            stopped = message
    text = "".join(pieces)
    if stopped is None and ending is not Ending.FINISHED:
        reason = "damaged" if ending is Ending.FAILED else str(ending)
        stopped = _Stopped("partial" if text or facts else "failed", reason)
    if stopped is not None and stopped.status == "unsupported":
        return Reading(extracted=Extracted(status="unsupported"))
    extracted = msgspec.convert(
        {
            "status": stopped.status if stopped else "ok",
            "reason": stopped.reason if stopped else None,
            "format": format_name,
            "characters": len(text),
            **facts,
        },
        Extracted,
    )
    return Reading(extracted=extracted, text=text)


def _tidy(value: object) -> object:
    """Give a fact as attr.json may hold it: a line of text, a number in bounds; None for what is neither."""
    if isinstance(value, str):
        return " ".join(_clean(value).split())[:MAX_FIELD] or None
    if isinstance(value, int | float) and not abs(value) < _LARGEST:
        return None
    return value


def _clean(text: str) -> str:
    """Drop what is no text in UTF-8: NUL, and halves of surrogate pairs, which broken documents are full of."""
    return text.encode("utf-8", "ignore").decode("utf-8").replace("\0", "")
