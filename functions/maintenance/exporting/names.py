"""Names under which files lie wherever they are carried: other file systems, other tools, other decades.

What is kept is what people read: letters of every script, spaces, dots. What goes is what some file system, some
shell or some format cannot bear; the name as it was stands in the ``attr.json`` beside the file.
"""

from __future__ import annotations

import re
import unicodedata

from artstore.naming import sanitize

MAX_NAME_BYTES = 200
"""The longest name in UTF-8. File systems take 255, some a little less: this leaves room for a number and
``.attr.json``."""
_MAX_EXTENSION_BYTES = 20
_NAMELESS = "document"
_OF_DEVICES = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE)
"""Names that Windows takes for devices, whatever their ending (Win32, "Naming Files, Paths, and Namespaces")."""


def portable_name(name: str) -> str:
    """Give the name of a file, or of a folder, that every file system takes; NFC, at most ``MAX_NAME_BYTES``.

    A percent sign goes too: manifests of BagIt write it as ``%25`` (RFC 8493 §2.1.3), which not every reader of
    bags undoes.
    """
    safe = re.sub(r"[\u2028\u2029%]", "_", sanitize(name)).strip(" ")
    if safe.endswith("."):
        safe = safe.rstrip(". ") + "_"
    safe = shortened(safe or _NAMELESS, MAX_NAME_BYTES)
    return f"_{safe}" if _OF_DEVICES.fullmatch(safe) else safe


def shortened(name: str, limit: int) -> str:
    """Cut a name to ``limit`` bytes of UTF-8, between characters and before its extension."""
    if len(name.encode()) <= limit:
        return name
    stem, dot, extension = name.rpartition(".")
    ending = dot + extension
    if not stem or len(ending.encode()) > _MAX_EXTENSION_BYTES:
        stem, ending = name, ""
    room = limit - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(" .") + ending


def numbered(name: str, number: int) -> str:
    """Give the name of the second, third, ... of those that are called so: ``report (2).pdf``."""
    stem, dot, extension = name.rpartition(".")
    ending = dot + extension
    if not stem or len(ending.encode()) > _MAX_EXTENSION_BYTES:
        stem, ending = name, ""
    mark = f" ({number})"
    return shortened(stem, MAX_NAME_BYTES - len((mark + ending).encode())) + mark + ending


def folded(name: str) -> str:
    """Give what two names have in common when some file system takes them for one: case, and how a character is
    composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
