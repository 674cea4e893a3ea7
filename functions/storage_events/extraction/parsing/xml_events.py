"""XML as a stream of events from expat, with nothing that makes it larger than it is.

A DOCTYPE is refused, and with it every entity that a document could define; nothing outside is ever loaded. Depth
is bounded, and memory is that of the parser's window. Names are local: documents of one kind come with several
namespaces for the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.parsers import expat

MAX_DEPTH = 2000
_CHUNK = 65536

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class BadXml(ValueError):
    """The document is not XML, or has what is refused; ``reason`` is ``damaged``, ``doctype`` or ``too_deep``."""

    def __init__(self, reason: str) -> None:
        """Take the reason."""
        super().__init__(reason)
        self.reason = reason


def parse_xml(chunks: Callable[[int], bytes], start: Start, end: End, text: Text) -> None:
    """Read XML from ``chunks`` (called with a number of bytes, as a file's read) and call what is there.

    Names of elements and attributes come without prefix. Raises BadXml, after what came before it was told, and
    whatever the callbacks raise.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    depth = 0

    def started(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise BadXml("too_deep")
        start(_local(name), {_local(key): value for key, value in attributes.items()})

    def ended(name: str) -> None:
        nonlocal depth
        depth -= 1
        end(_local(name))

    def refused(*_: object) -> None:
        raise BadXml("doctype")

    parser.StartElementHandler = started
    parser.EndElementHandler = ended
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refused
    try:
        while chunk := chunks(_CHUNK):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, UnicodeError) as error:
        raise BadXml("damaged") from error


def _local(name: str) -> str:
    return name.rpartition(":")[2]
