"""The formats that are read: names, media types, endings of file names, the reader of each, and what it reads.

docs/formats.md is generated from this table (``python -m infra.formats --write``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

_READERS = "functions.storage_events.extraction.formats"
_OPEN_XML = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument"


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """One format. ``reader`` is a module with ``read(document, report)``, imported when it is first needed.

    ``types`` begins with the media type to be given to documents that were found to be of the format.
    ``is_text`` tells that its bytes are a text, so that anything else is not given to its reader; ``guesses``
    where a charset may have to be guessed: that of the whole ``body``, or of ``parts`` of it. ``title``, ``facts``
    and ``text`` say what is read, for people.
    """

    name: str
    title: str
    reader: str
    types: tuple[str, ...]
    endings: tuple[str, ...]
    facts: str
    text: str
    is_text: bool = False
    guesses: Literal["body", "parts"] | None = None


def _format(name: str, title: str, module: str, types: Iterable[str], endings: str, **rest: object) -> Format:
    return msgspec.convert(
        {
            "name": name,
            "title": title,
            "reader": f"{_READERS}.{module}",
            "types": tuple(types),
            "endings": tuple(f".{each}" for each in endings.split()),
            **rest,
        },
        Format,
    )


FORMATS: tuple[Format, ...] = (
    _format(
        "pdf", "PDF", "pdf", ("application/pdf", "application/x-pdf"), "pdf",
        facts="title, author, pages",
        text="the pages' text, words broken at a line's end joined; form fields; notes",
    ),
    _format(
        "docx", "Word", "zipped",
        (
            f"{_OPEN_XML}.wordprocessingml.document", f"{_OPEN_XML}.wordprocessingml.template",
            "application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-word.template.macroenabled.12",
        ),
        "docx docm dotx dotm",
        facts="title, author, pages (the program's own count)",
        text="body, headers, footers, notes, comments, text boxes; not what was deleted under change tracking",
    ),
    _format(
        "xlsx", "Excel", "zipped",
        (
            f"{_OPEN_XML}.spreadsheetml.sheet", f"{_OPEN_XML}.spreadsheetml.template",
            "application/vnd.ms-excel.sheet.macroenabled.12", "application/vnd.ms-excel.template.macroenabled.12",
        ),
        "xlsx xlsm xltx xltm",
        facts="title, author",
        text="names of the sheets, cells row by row, dates as dates, comments, text boxes",
    ),
    _format(
        "pptx", "PowerPoint", "zipped",
        (
            f"{_OPEN_XML}.presentationml.presentation", f"{_OPEN_XML}.presentationml.slideshow",
            f"{_OPEN_XML}.presentationml.template",
            "application/vnd.ms-powerpoint.presentation.macroenabled.12",
            "application/vnd.ms-powerpoint.slideshow.macroenabled.12",
        ),
        "pptx pptm ppsx ppsm potx",
        facts="title, author, pages (slides)",
        text="the slides in their order, their notes, comments",
    ),
    _format(
        "odt", "OpenDocument text", "zipped",
        (f"{_OPEN_DOCUMENT}.text", f"{_OPEN_DOCUMENT}.text-template", f"{_OPEN_DOCUMENT}.text-master"),
        "odt ott odm",
        facts="title, author, pages (the program's own count)",
        text="body, notes, annotations, headers and footers",
    ),
    _format(
        "ods", "OpenDocument spreadsheet", "zipped",
        (f"{_OPEN_DOCUMENT}.spreadsheet", f"{_OPEN_DOCUMENT}.spreadsheet-template"),
        "ods ots",
        facts="title, author",
        text="names of the sheets, cells as they are shown, annotations",
    ),
    _format(
        "odp", "OpenDocument presentation", "zipped",
        (
            f"{_OPEN_DOCUMENT}.presentation", f"{_OPEN_DOCUMENT}.presentation-template",
            f"{_OPEN_DOCUMENT}.graphics", f"{_OPEN_DOCUMENT}.graphics-template",
        ),
        "odp otp odg otg",
        facts="title, author, pages (slides)",
        text="the slides in their order, their notes",
    ),
    _format(
        "epub", "EPUB", "zipped", ("application/epub+zip",), "epub",
        facts="title, author",
        text="the chapters in their order",
        guesses="parts",
    ),
    _format(
        "zip", "ZIP", "zipped", ("application/zip", "application/x-zip-compressed"), "zip jar",
        facts="number of entries",
        text="names of the entries",
        guesses="parts",
    ),
    _format(
        "tar", "TAR, plain or compressed", "tape",
        (
            "application/x-tar", "application/gzip", "application/x-gzip", "application/x-bzip2",
            "application/x-xz",
        ),
        "tar tgz tar.gz tar.bz2 tar.xz",
        facts="number of entries",
        text="names of the entries",
    ),
    _format(
        "html", "HTML", "html", ("text/html", "application/xhtml+xml"), "html htm xhtml",
        facts="title, author",
        text="what a browser shows, the description, texts in place of pictures; not scripts and styles",
        is_text=True, guesses="body",
    ),
    _format(
        "eml", "Mail", "mail", ("message/rfc822", "message/global", "multipart/related"), "eml mht mhtml",
        facts="title (the subject), author (the sender)",
        text="senders, recipients, subject, date, the text parts, attached mails, names of attachments",
        is_text=True, guesses="parts",
    ),
    _format(
        "rtf", "RTF", "rtf", ("application/rtf", "text/rtf", "text/richtext", "application/x-rtf"), "rtf",
        facts="title, author, pages (the program's own count)",
        text="the text, headers, footers and notes",
        is_text=True, guesses="parts",
    ),
    _format(
        "json", "JSON, JSON Lines", "json_values",
        (
            "application/json", "application/x-ndjson", "application/ndjson", "application/jsonl",
            "application/x-jsonlines", "application/json-seq", "text/json",
        ),
        "json ndjson jsonl geojson jsonld",
        facts="",
        text="names and values, escapes decoded; what is no JSON as plain text",
        is_text=True, guesses="body",
    ),
    _format(
        "xml", "XML", "xml_text", ("application/xml", "text/xml", "image/svg+xml"),
        "xml svg xsd xsl xslt rdf kml gpx",
        facts="",
        text="text and attribute values, characters written as numbers decoded; what is no XML as plain text",
        is_text=True, guesses="body",
    ),
    _format(
        "text", "Plain text, Markdown, CSV, YAML, logs, source code", "text",
        (
            "text/plain", "text/markdown", "text/csv", "application/csv", "application/yaml", "application/x-yaml",
            "application/toml", "application/sql", "application/javascript", "application/x-sh",
        ),
        "txt md markdown csv tsv log yaml yml toml ini cfg conf tex rst srt sql",
        facts="",
        text="all of it, without the colours of a terminal",
        is_text=True, guesses="body",
    ),
    _format(
        "image", "Pictures: JPEG, PNG, GIF, TIFF, WebP, BMP, HEIC, AVIF, JPEG 2000", "image",
        (
            "image/jpeg", "image/png", "image/gif", "image/tiff", "image/webp", "image/bmp", "image/heic",
            "image/heif", "image/avif", "image/jp2", "image/jpx",
        ),
        "jpg jpeg png gif tif tiff webp bmp heic avif jp2",
        facts="width and height as shown, camera, when it was taken, author, title; where, if a setting says so",
        text="title, author, comment and camera from EXIF",
        guesses="parts",
    ),
    _format(
        "audio", "Sound: MP3, M4A, FLAC, Ogg, Opus, WAV, AIFF, WMA", "audio",
        (
            "audio/mpeg", "audio/mp4", "audio/m4a", "audio/x-m4a", "audio/flac", "audio/x-flac", "audio/ogg",
            "audio/opus", "audio/wav", "audio/x-wav", "audio/aac", "audio/x-aiff", "audio/aiff", "audio/x-ms-wma",
        ),
        "mp3 m4a flac ogg oga opus wav aif aiff wma",
        facts="title, author (the artist), album, duration",
        text="title, artist, album, composer, genre, comment, lyrics",
    ),
    _format(
        "office_97", "Office 97-2003, and Office with a password", "compound",
        (
            "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
            "application/vnd.ms-outlook", "application/x-ole-storage",
        ),
        "doc xls ppt msg",
        facts="",
        text="nothing; a document with a password is told from one in an old format",
    ),
)  # fmt: skip

BY_NAME = {each.name: each for each in FORMATS}
_BY_TYPE = {kind: each for each in FORMATS for kind in each.types}
_BY_ENDING = {ending: each for each in FORMATS for ending in each.endings}
_SUFFIXES = {"+json": "json", "+xml": "xml", "+yaml": "text", "+zip": "zip", "+gzip": "tar"}


def format_of_type(media_type: str) -> Format | None:
    """Give the format of a media type (lower case, without parameters), structured suffixes too (RFC 6839)."""
    found = _BY_TYPE.get(media_type)
    if found is None:
        found = next((BY_NAME[name] for end, name in _SUFFIXES.items() if media_type.endswith(end)), None)
    if found is None and media_type.startswith("text/"):
        return BY_NAME["text"]
    return found


def format_of_name(name: str) -> Format | None:
    """Give the format that the end of a file name speaks of."""
    parts = name.lower().rsplit("/", 1)[-1].split(".")[1:]
    for count in (2, 1):
        if len(parts) >= count and (found := _BY_ENDING.get("." + ".".join(parts[-count:]))) is not None:
            return found
    return None
