"""What documents amount to, by space, account, storage element or type."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from artstore.http import Reply, endpoint
from artstore.index.usage import Dimension, Usage
from artstore.security import Principal, Scope
from artstore.spaces import SpaceName
from functions.query import dependencies


class UsageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """By what usage is told, and where."""

    by: Dimension
    space: SpaceName | None = None
    """Only in this space; nothing where it is not the caller's."""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    """How many keys are listed, those of most bytes first; the total holds the others too."""


class UsageList(msgspec.Struct):
    """What the documents that the caller reads amount to. There is no next page."""

    items: list[Usage]
    total: Usage
    """Of all keys; its own key is null."""
    next_cursor: str | None = None


@endpoint("GET", "/api/v1/usage", scope=Scope.FILES_READ, summary="Tell how much is stored")
def show_usage(query: UsageQuery, caller: Principal) -> Reply[UsageList]:
    """Count documents and bytes by space, account (client_id), storage element or media type.

    Only what the caller reads is counted, each document once, and what is in the trash apart. Sizes are those that
    the attr.json files tell.
    """
    report = dependencies.index().usage(query.by, caller.reach(Scope.FILES_READ).within(query.space), query.limit)
    return Reply(UsageList(list(report.items), report.total), {"Cache-Control": "no-store"})
