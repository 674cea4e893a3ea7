"""What the administration of service accounts takes and gives."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from artstore.security import Role, Scope
from artstore.spaces import MAX_NAMED, SpaceNameOrAll

# Each ends with (?!\n)$, since $ alone would let a line break follow.
_NAME = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*(?!\n)$"
_TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]*(?!\n)$"

Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=_NAME,
        description="a name without control characters and not of spaces alone",
    ),
]
Description = Annotated[
    str, Meta(max_length=500, pattern=_TEXT, description="text without control characters but line feeds and tabs")
]
Scopes = Annotated[list[Scope], Meta(min_length=1, max_length=len(Scope))]
Spaces = Annotated[dict[str, Scopes | None], Meta(max_length=MAX_NAMED)]
RateLimit = Annotated[int, Meta(ge=1, le=100_000)]


class Status(enum.StrEnum):
    """What may become of an account by a change; deletion has an operation of its own."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


class AnyStatus(enum.StrEnum):
    """Every status of an account."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DELETED = "DELETED"


class AccountRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new service account."""

    name: Name
    """Shown in tokens and as the author of documents."""
    role: Role
    description: Description | None = None
    scopes: Scopes | None = None
    """The scopes it may ask for, all of them its role's; null: all of its role's."""
    spaces: Spaces | None = None
    """The spaces it may ask for, each with the document scopes it has there, null for all of the account's; ``*``
    is every space. null: the default space, with all of them."""
    rate_limit_per_minute: RateLimit | None = None
    """Token requests a minute; null: the deployment's default."""
    jwks: dict[str, Any] | None = None
    """Public keys (RFC 7517 §5) for private_key_jwt; with them the account gets no secret."""


class AccountChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is to change; what is absent stays."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    role: Role | UnsetType = UNSET
    scopes: Scopes | UnsetType | None = UNSET
    spaces: Spaces | UnsetType | None = UNSET
    """Replaced as a whole."""
    rate_limit_per_minute: RateLimit | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    jwks: dict[str, Any] | UnsetType | None = UNSET


class RotationRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How a secret is to be replaced."""

    overlap_hours: Annotated[int, Meta(ge=0, le=720)] = 24
    """How long the present secret stays valid beside the new one; 0 ends it at once."""


class AccountQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which accounts, and how many at a time."""

    role: Role | None = None
    space: SpaceNameOrAll | None = None
    """Accounts that name this space (``default``: also those that name none)."""
    status: AnyStatus | None = None
    """Without it: all but the deleted ones."""
    query: Annotated[str, Meta(max_length=100)] | None = None
    """A part of the name, the description or the client_id, in any case."""
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=300)] | None = None
    """next_cursor of the page before, with the same filters."""


class SecretInfo(msgspec.Struct):
    """What may be known of a secret."""

    created_at: datetime
    expires_at: datetime | None
    """null: a secret from before secrets expired."""


class Account(msgspec.Struct, kw_only=True):
    """A service account, without its secrets."""

    client_id: str
    name: str
    description: str | None
    role: str
    scopes: list[str] | None
    """The scopes it may ask for; null: all of its role's."""
    spaces: dict[str, list[str] | None] | None
    """The spaces it may ask for, each with its document scopes there; null: the default space."""
    status: AnyStatus
    is_system: bool
    """True for the first administrator, which cannot be deleted, demoted, suspended or narrowed."""
    rate_limit_per_minute: int | None
    jwks: dict[str, Any] | None
    secrets: list[SecretInfo]
    """At most two, the newest last; two while a rotation overlaps."""
    revision: int
    """+1 for each change; in quotes it is the ETag."""
    created_at: datetime
    created_by: str | None
    updated_at: datetime
    deleted_at: datetime | None


class AccountWithSecret(Account, kw_only=True):
    """A service account and its new secret."""

    client_secret: str | None
    """Shown here, once, and kept nowhere. null for an account with keys, and when a request was repeated."""


class AccountList(msgspec.Struct):
    """One page of accounts, in no order of meaning. A page may be short, or empty, and yet have a next one."""

    items: list[Account]
    next_cursor: str | None
