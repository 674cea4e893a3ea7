"""Reads PDF (ISO 32000) with pypdf: title, author, number of pages, text, form fields, notes.

Meant to run confined: pypdf bounds the streams it unpacks, but neither its time nor its depth.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from xml.parsers.expat import ExpatError

from pypdf import PageObject, PasswordType, PdfReader
from pypdf.errors import DependencyError, PyPdfError
from pypdf.generic import ArrayObject, NameObject, PdfObject

from functions.storage_events.extraction.contract import Document, Facts, Report, StopReading

# What pypdf raises over damaged pages, besides its own errors. One bad page is not a bad document.
_DAMAGE = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)

NEEDS = (
    "pypdf._codecs.core_font_metrics",
    "pypdf._configuration",
    "pypdf._crypt_providers",
    "pypdf._text_extraction",
    "pypdf.filters",
    "pypdf.xmp",
)
"""What pypdf imports when it is first used."""
_FIELD_DEPTH = 20
_MOST_FIELDS = 5_000
_MOST_NOTES = 1_000
_BROKEN_WORD = re.compile(r"([^\W\d_]{2,})[ \t]*[-\u2010\u00ad][ \t]*\r?\n[ \t]*([^\W\d_]{2,})")


def read(document: Document, report: Report) -> None:
    """Report the document. One that needs a password is ``failed: encrypted``, a cut one ``failed``."""
    if not document.complete:
        raise StopReading("failed", "too_large")
    try:
        reader = PdfReader(io.BytesIO(document.body), strict=False)
        if reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED:
            raise StopReading("failed", "encrypted")
        pages = len(reader.pages)
    except DependencyError as error:
        raise StopReading("failed", "encrypted") from error
    except _DAMAGE as error:
        raise StopReading("failed", "damaged") from error
    title, author = _title_and_author(reader)
    report.facts(Facts(title=title, author=author, pages=pages))
    unreadable = 0
    for number in range(pages):
        try:
            page = reader.pages[number]
            text = page.extract_text()
            notes = list(_notes(page))
        except _DAMAGE:
            unreadable += 1
            continue
        report.text(join_words(text) + "\n")
        for note in notes:
            report.text(note + "\n")
    for value in _form_values(reader):
        report.text(value + "\n")
    if unreadable:
        raise StopReading("partial" if unreadable < pages else "failed", "unreadable_pages")


def join_words(text: str) -> str:
    """Join words that a hyphen breaks at a line's end, and keep the other reading findable behind the text.

    Before a small letter the hyphen is taken for the printer's and goes; before a capital ("Baden-Württemberg") it
    stays. Which is right no rule can tell, so the other follows at the end.
    """
    others: list[str] = []

    def joined(word: re.Match[str]) -> str:
        closed, hyphened = word[1] + word[2], f"{word[1]}-{word[2]}"
        kept, other = (hyphened, closed) if word[2][0].isupper() and not word[1].isupper() else (closed, hyphened)
        others.append(other)
        return kept

    text = _BROKEN_WORD.sub(joined, text)
    return text if not others else f"{text}\n{' '.join(others)}"


def _notes(page: PageObject) -> Iterator[str]:
    """Give what annotations say in words (ISO 32000-1 §12.5.2, Contents)."""
    annotations = page.get("/Annots")
    listed = annotations.get_object() if annotations is not None else ()
    for entry in itertools.islice(listed if isinstance(listed, list) else (), _MOST_NOTES):
        try:
            contents = entry.get_object().get("/Contents")
            if contents is not None and isinstance(text := contents.get_object(), str):
                yield text
        except _DAMAGE:
            continue


def _form_values(reader: PdfReader) -> Iterator[str]:
    """Give the values of form fields (ISO 32000-1 §12.7): what was filled in or chosen."""
    try:
        form = reader.root_object.get("/AcroForm")
        waiting = (
            [(each, 0) for each in reversed(form.get_object().get("/Fields", ()).get_object())] if form else []
        )
    except _DAMAGE:
        return
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_FIELDS:
        entry, depth = waiting.pop()
        number = getattr(entry, "idnum", None)
        if number in seen or depth > _FIELD_DEPTH:
            continue
        seen.add(number if number is not None else -len(seen))
        try:
            field = entry.get_object()
            yield from _shown(field.get("/V"))
            waiting.extend((each, depth + 1) for each in reversed(field.get("/Kids", ArrayObject()).get_object()))
        except _DAMAGE:
            continue


def _shown(value: object) -> Iterator[str]:
    """Give the text of a field's value; the state of a tick box is none."""
    value = value.get_object() if isinstance(value, PdfObject) else value
    if isinstance(value, str) and not isinstance(value, NameObject):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _shown(each)


def _title_and_author(reader: PdfReader) -> tuple[str | None, str | None]:
    """Read the document information (ISO 32000-1 §14.3.3), then XMP; what cannot be read is not there."""
    found: list[str | None] = []
    for name in ("/Title", "/Author"):
        try:
            value = reader.metadata.get(name) if reader.metadata else None
            found.append(None if value is None else str(value))
        except _DAMAGE:
            found.append(None)
    if not all(found):
        title, author = _from_xmp(reader)
        return found[0] or title, found[1] or author
    return found[0], found[1]


def _from_xmp(reader: PdfReader) -> tuple[str | None, str | None]:
    """Read what the metadata stream says (ISO 32000-2 §14.3.2): newer documents have nothing else."""
    try:
        about = reader.xmp_metadata
        titles, creators = (about.dc_title, about.dc_creator) if about is not None else ({}, [])
        title = titles.get("x-default") or next(iter(titles.values()), None) if titles else None
        return title, ", ".join(str(each) for each in creators) or None if creators else None
    except (*_DAMAGE, ExpatError):
        return None, None
