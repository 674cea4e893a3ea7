"""What may be said of a document, by whoever uploads it or changes it later."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from artstore.attributes.storable import check_storable
from artstore.errors import Invalid, TooLarge

MAX_CUSTOM_ATTRIBUTES_BYTES = 16_384
LONGEST_RETENTION = timedelta(days=36_500)
"""How far ahead a document may be kept: what Object Lock takes."""

Filename = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        # It ends with (?!\n)$, since $ alone would let a line break follow.
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*(?!\n)$",
        description="a name without control characters and not of spaces alone",
    ),
]
Description = Annotated[str, Meta(max_length=4000)]
Tag = Annotated[str, Meta(min_length=1, max_length=100)]
MAX_TAGS = 50
Tags = Annotated[list[Tag], Meta(max_length=MAX_TAGS)]
Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^(?=[\s\S]*\S)[^\x00-\x08\x0b-\x1f\x7f]*(?!\n)$",
        description="text, not of spaces alone, without control characters but line feeds and tabs",
    ),
]
"""Why something is done, as the audit log keeps it."""


def check_said(description: str | None, tags: list[str], custom_attributes: dict[str, Any]) -> None:
    """Check the free members.

    Raises Invalid (``too_many_tags``, ``description_nul``, ``tags_nul``, ``custom_attributes_nul``,
    ``custom_attributes_too_deep``, ``custom_attributes_number``) and TooLarge (``custom_attributes_too_large``).
    """
    if len(tags) > MAX_TAGS:
        raise Invalid(f"a document has at most {MAX_TAGS} tags", code="too_many_tags", field="tags")
    check_storable(description, "description")
    check_storable(tags, "tags")
    check_storable(custom_attributes, "custom_attributes")
    if len(msgspec.json.encode(custom_attributes)) > MAX_CUSTOM_ATTRIBUTES_BYTES:
        raise TooLarge(
            f"custom_attributes exceed {MAX_CUSTOM_ATTRIBUTES_BYTES} bytes of JSON",
            code="custom_attributes_too_large",
            field="custom_attributes",
        )
