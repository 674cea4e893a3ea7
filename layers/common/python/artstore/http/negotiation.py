"""Media types (RFC 9110 §8.3.1) and what a client prefers among them (Accept, §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  # a token of RFC 9110 §5.6.2, no secret
_QUOTED: Final = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])*"'
MEDIA_TYPE: Final = rf"{_TOKEN}/{_TOKEN}(?: *;(?: *{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))?)*"
"""A media type and its parameters, quoted ones too, as a regular expression; in printable ASCII, without tabs."""

_ELEMENT: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^",])+')
_PARAMETER: Final = re.compile(rf"[ \t]*;[ \t]*(?:({_TOKEN})=({_TOKEN}|{_QUOTED}))?")
_RANGE: Final = re.compile(rf"[ \t]*({_TOKEN})/({_TOKEN})")
_MAX_CHARACTERS: Final = 2000
_QVALUE: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True)
class _MediaRange:
    kind: str
    subtype: str
    parameters: frozenset[tuple[str, str]]
    quality: float

    def specificity(self, kind: str, subtype: str, parameters: frozenset[tuple[str, str]]) -> int:
        """How closely this range names a media type; 0 when it does not."""
        if self.kind == "*":
            return 1 if self.subtype == "*" else 0
        if self.kind != kind:
            return 0
        if self.subtype == "*":
            return 2
        if self.subtype != subtype or not self.parameters <= parameters:
            return 0
        return 3 + len(self.parameters)


class Accept:
    """The Accept field of a request: how much a client wants each media type.

    Ranges that cannot be read are passed over, since a client is better served with something than with an error.
    """

    def __init__(self, value: str | None) -> None:
        """Read the field's value; None, or one that names nothing, accepts everything."""
        self._ranges = list(_ranges((value or "")[:_MAX_CHARACTERS])) or [_MediaRange("*", "*", frozenset(), 1.0)]

    def quality(self, media_type: str) -> float:
        """Give 0 (not acceptable) to 1, by the most specific range that matches."""
        return self._best(media_type)[1]

    def names(self, media_type: str) -> bool:
        """Tell whether ``media_type`` is wanted by its own name and not by a wildcard alone."""
        specificity, quality = self._best(media_type)
        return specificity >= 3 and quality > 0

    def prefers(self, media_type: str, other: str) -> bool:
        """Tell whether ``media_type`` is to be given rather than ``other``, which is given by default.

        It is where the client wants it more, or as much and by its name.
        """
        quality, against = self.quality(media_type), self.quality(other)
        return quality > against or (quality == against and self.names(media_type))

    def _best(self, media_type: str) -> tuple[int, float]:
        wanted = next(_ranges(media_type), _MediaRange("", "", frozenset(), 0.0))
        matching = [
            (specificity, each.quality)
            for each in self._ranges
            if (specificity := each.specificity(wanted.kind, wanted.subtype, wanted.parameters))
        ]
        return max(matching, key=lambda pair: pair[0], default=(0, 0.0))


def _ranges(value: str) -> Iterator[_MediaRange]:
    for element in _ELEMENT.findall(value):
        named = _RANGE.match(element)
        if named is None:
            continue
        parameters: dict[str, str] = {}
        end = named.end()
        while parameter := _PARAMETER.match(element, end):
            end = parameter.end()
            if parameter[1]:
                parameters[parameter[1].lower()] = _unquoted(parameter[2])
        quality = parameters.pop("q", "1")
        if element[end:].strip(" \t") or not _QVALUE.fullmatch(quality):
            continue
        members = frozenset((name, text.lower()) for name, text in parameters.items())
        yield _MediaRange(named[1].lower(), named[2].lower(), members, float(quality))


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
