"""What the documents of spaces, accounts, elements and types amount to."""

from __future__ import annotations

import enum

import msgspec


class Dimension(enum.StrEnum):
    """What usage is told by."""

    SPACE = "space"
    ACCOUNT = "account"
    ELEMENT = "element"
    TYPE = "type"


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What the documents of one ``key`` amount to, as their attr.json files say; those in the trash apart.

    The key is a space, the client_id of who uploaded, a storage element or a media type without its parameters;
    None where the attr.json names none.
    """

    key: str | None
    documents: int
    bytes: int
    trashed_documents: int
    trashed_bytes: int


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of most bytes first, and what all of them amount to, those too that are not listed."""

    items: tuple[Usage, ...]
    total: Usage
