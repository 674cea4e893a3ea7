"""A bag of files: BagIt 1.0 (RFC 8493), as text.

A bag is a folder with the files under ``data/``, a manifest of their SHA-256 beside it, and a few words about the
whole. Only SHA-256 is written: it is what the archive proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

PAYLOAD = "data/"
DECLARATION = "bagit.txt"
INFO = "bag-info.txt"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"

DECLARED = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
"""The text of ``bagit.txt`` (RFC 8493 §2.1.1)."""
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
_THOUSAND = 1000


def encode_path(path: str) -> str:
    """Write a path as manifests do: line breaks and percent signs percent-encoded, nothing else (§2.1.3)."""
    return path.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def manifest_line(sha256: str, path: str) -> str:
    """Give the line of a file; ``path`` is relative to the bag, such as ``data/a.pdf``."""
    return f"{sha256}  {encode_path(path)}\n"


def info(said: Mapping[str, str], *, on: date, octets: int, streams: int) -> bytes:
    """Give ``bag-info.txt`` (§2.2.2): when it was made, what it holds, and what else is ``said`` of it.

    ``octets`` and ``streams`` are of the payload. A value of several lines goes on one.
    """
    fields = {
        **said,
        "Bagging-Date": on.isoformat(),
        "Bag-Size": _readable(octets),
        "Payload-Oxum": f"{octets}.{streams}",
    }
    return "".join(f"{name}: {' '.join(value.split())}\n" for name, value in fields.items()).encode()


def tag_manifest(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Give the manifest of what lies beside the payload, by name and content (§2.2.1)."""
    return "".join(manifest_line(hashlib.sha256(body).hexdigest(), name) for name, body in files).encode()


def _readable(octets: int) -> str:
    amount, unit = float(octets), 0
    while amount >= _THOUSAND and unit < len(_UNITS) - 1:
        amount, unit = amount / _THOUSAND, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{octets} B"
