"""Reads pictures without unpacking one: size with imagesize, EXIF with ExifRead.

No pixel is ever decoded, so that the size a picture claims costs nothing.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping

import exifread
import imagesize
from exifread.core.exceptions import ExifError

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading
from functions.storage_events.extraction.parsing.charsets import decode

_DAMAGE = (ExifError, ValueError, LookupError, ArithmeticError, TypeError, OSError, AttributeError, EOFError)
_TURNED = frozenset({5, 6, 7, 8})
_LARGEST = 2**31
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)")
_WORDS = ("Image ImageDescription", "Image XPTitle", "Image XPSubject", "Image XPComment", "Image XPKeywords")

Tags = Mapping[str, object]


def read(document: Document, report: Report) -> None:
    """Report size and EXIF. A picture that tells no size is damaged."""
    width, height = _size(document.body)
    tags = _tags(document.body)
    if width <= 0 or height <= 0 or max(width, height) >= _LARGEST:
        raise StopReading("failed", "damaged" if document.complete else "too_large")
    if _number(tags.get("Image Orientation")) in _TURNED:
        width, height = height, width
    description, author = _words(tags, "Image ImageDescription"), _words(tags, "Image Artist")
    camera = _camera(tags)
    title = _words(tags, "Image XPTitle") or description
    report.facts(Facts(width=width, height=height, title=title, author=author, camera=camera))
    report.facts(
        Facts(taken_at=_taken_at(tags), latitude=_place(tags, "Latitude"), longitude=_place(tags, "Longitude"))
    )
    told = [*(_words(tags, name) for name in _WORDS), _words(tags, "EXIF UserComment"), author, camera]
    for each in dict.fromkeys(told):
        if each:
            report.text(each + "\n")


def _size(body: bytes) -> tuple[int, int]:
    try:
        width, height = imagesize.get(io.BytesIO(body), exif_rotation=False)
    except _DAMAGE:
        return -1, -1
    if body.startswith(b"GIF8"):  # imagesize 2.0.1 takes its two bytes for signed ones
        return int(width) % 65536, int(height) % 65536
    return int(width), int(height)


def _tags(body: bytes) -> Tags:
    logging.disable(logging.CRITICAL)
    try:
        found: Tags = exifread.process_file(
            io.BytesIO(body), details=False, truncate_tags=False, extract_thumbnail=False
        )
    except _DAMAGE:
        return {}
    return found


def _values(tag: object) -> object:
    return getattr(tag, "values", None)


def _number(tag: object) -> int | None:
    values = _values(tag)
    first = values[0] if isinstance(values, list | tuple) and values else values
    return first if isinstance(first, int) else None


def _words(tags: Tags, name: str) -> str | None:
    """Give a tag's words: XP tags are UTF-16, a comment begins with its charset."""
    values = _values(tags.get(name))
    if isinstance(values, str):
        return values.strip("\0 ") or None
    if isinstance(values, bytes):
        return decode(values).text.strip("\0 ") or None
    if not isinstance(values, list) or not all(isinstance(each, int) and 0 <= each < 256 for each in values):
        return None
    raw = bytes(values)
    if name.startswith("Image XP"):
        return raw.decode("utf-16-le", "ignore").strip("\0 ") or None
    head, rest = raw[:8], raw[8:]
    if head.startswith(b"UNICODE"):
        return decode(rest, "utf-16").text.strip("\0 ") or None
    return decode(rest).text.strip("\0 ") or None


def _camera(tags: Tags) -> str | None:
    make, model = _words(tags, "Image Make"), _words(tags, "Image Model")
    if make and model and model.lower().startswith(make.split()[0].lower()):
        return model
    return " ".join(each for each in (make, model) if each) or None


def _taken_at(tags: Tags) -> str | None:
    """Give the time on the camera's clock, as ISO 8601 without a zone unless it names one (EXIF 2.32 §4.6.5)."""
    found = _TIME.match(_words(tags, "EXIF DateTimeOriginal") or _words(tags, "Image DateTime") or "")
    if found is None or found[1] == "0000":
        return None
    offset = _words(tags, "EXIF OffsetTimeOriginal") or ""
    zone = offset if re.fullmatch(r"[+-]\d\d:\d\d", offset) else ""
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}{zone}"


def _place(tags: Tags, name: str) -> float | None:
    """Give degrees, south and west negative."""
    values = _values(tags.get(f"GPS GPS{name}"))
    if not isinstance(values, list) or len(values) != 3:
        return None
    try:
        degrees = sum(float(each) / 60**power for power, each in enumerate(values))
    except _DAMAGE:
        return None
    limit = 90 if name == "Latitude" else 180
    sign = -1 if str(_values(tags.get(f"GPS GPS{name}Ref"))).strip().upper() in ("S", "W") else 1
    return round(sign * degrees, 6) if degrees <= limit else None
