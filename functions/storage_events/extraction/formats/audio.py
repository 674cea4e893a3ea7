"""Reads the tags of sound files with tinytag: title, artist, album, duration, and what else is in words."""

from __future__ import annotations

import io
import math

from tinytag import TinyTag, TinyTagException, UnsupportedFormatError

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading

_WORDS = ("title", "artist", "albumartist", "album", "composer", "genre", "comment", "year")
_LONGEST = 20_000


def read(document: Document, report: Report) -> None:
    """Report the tags; of a beginning, without the duration. Sound without tags is ``unsupported``."""
    try:
        tag = TinyTag.get(file_obj=io.BytesIO(document.body))
    except UnsupportedFormatError as error:
        raise StopReading("unsupported", "unknown_sound") from error
    except (TinyTagException, ValueError, LookupError, ArithmeticError, TypeError) as error:
        raise StopReading("failed", "damaged") from error
    seconds = tag.duration
    known = document.complete and seconds is not None and math.isfinite(seconds) and seconds > 0
    report.facts(
        Facts(
            title=tag.title,
            author=tag.artist or tag.albumartist,
            album=tag.album,
            duration_seconds=round(seconds, 3) if known and seconds is not None else None,
        )
    )
    told = [getattr(tag, name, None) for name in _WORDS]
    others = [value for values in tag.other.values() for value in values]
    seen: set[str] = set()
    for value in [*told, *others]:
        if isinstance(value, str) and value and value not in seen:
            seen.add(value)
            report.text(value[:_LONGEST] + "\n")
    if not document.complete:
        report.lacking("too_large")
