"""The bodies of the token, introspection and revocation endpoints, as the OpenAPI document describes them.

They are read by ``token_request``, which has rules that no schema can state: no parameter twice, one way to
authenticate and not two. Unknown parameters are ignored, and one without a value counts as omitted (RFC 6749
§3.2).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType


class _ClientForm(msgspec.Struct, kw_only=True):
    """A client that authenticates in the body; one that uses HTTP Basic sends none of this."""

    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    client_assertion_type: str | UnsetType = UNSET
    """urn:ietf:params:oauth:client-assertion-type:jwt-bearer"""
    client_assertion: str | UnsetType = UNSET
    """A JWT for the issuer, signed with a registered key (RFC 7523 §2.2)."""


class TokenForm(_ClientForm, kw_only=True):
    """A request for a token (RFC 6749 §4.4.2)."""

    grant_type: Literal["client_credentials"]
    scope: str | UnsetType = UNSET
    """Parted by single spaces; without it, all that the client may have."""


class AboutTokenForm(_ClientForm, kw_only=True):
    """A request about a token: introspection (RFC 7662 §2.1) or revocation (RFC 7009 §2.1)."""

    token: Annotated[str, Meta(min_length=1)]
    token_type_hint: str | UnsetType = UNSET
    """Accepted and not needed."""
