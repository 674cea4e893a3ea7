"""Members that storage elements and spaces have both, where they are administered."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

# Each ends with (?!\n)$, since $ alone would let a line break follow.
AllowedType = Annotated[
    str,
    Meta(
        max_length=127,
        pattern=r"^(?:[a-z0-9.+-]+/\*|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+)(?!\n)$",
        description="a media type in lowercase without parameters, or a family such as image/*",
    ),
]
AllowedTypes = Annotated[list[AllowedType], Meta(max_length=100)]
Description = Annotated[
    str,
    Meta(
        max_length=500,
        pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*(?!\n)$",
        description="text without control characters but line feeds and tabs",
    ),
]
