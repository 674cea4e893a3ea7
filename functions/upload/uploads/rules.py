"""What may be announced: what cannot be described, written, read back and indexed is refused before it is sent.

The attr.json that an upload will get is built here as far as it is known, and must leave room for what is found in
the document. So nothing that was accepted is rejected after the bytes have arrived, unless they are other bytes.
"""

from __future__ import annotations

import posixpath
from datetime import datetime
from uuid import UUID

import msgspec

from artstore.attributes import Attributes, Retention, check_room
from artstore.attributes.storable import check_storable
from artstore.elements import RetentionPolicy
from artstore.errors import Invalid, TooLarge
from artstore.security import Principal
from artstore.spaces import Reach, name_of, stored_as
from functions.upload.uploads.models import UploadRequest

MAX_CUSTOM_ATTRIBUTES_BYTES = 16_384


def check_rules(request: UploadRequest) -> None:
    """Check what one member says of another, and the free ones.

    Raises Invalid (``ttl_without_temporary``, ``description_nul``, ``tags_nul``, ``custom_attributes_nul``,
    ``custom_attributes_too_deep``, ``custom_attributes_number``) and TooLarge (``custom_attributes_too_large``).
    """
    if request.ttl_days is not None and request.retention_policy is not RetentionPolicy.TEMPORARY:
        raise Invalid("only a temporary document has ttl_days", code="ttl_without_temporary", field="ttl_days")
    check_storable(request.description, "description")
    check_storable(request.tags, "tags")
    check_storable(request.custom_attributes, "custom_attributes")
    if len(msgspec.json.encode(request.custom_attributes)) > MAX_CUSTOM_ATTRIBUTES_BYTES:
        raise TooLarge(
            f"custom_attributes exceed {MAX_CUSTOM_ATTRIBUTES_BYTES} bytes of JSON",
            code="custom_attributes_too_large",
            field="custom_attributes",
        )


def choose_space(named: str | None, reach: Reach) -> str | None:
    """Give what the record says of a new document's space: the one named, the only one in reach, or the default.

    Raises NotFound (``space_not_found``) where the caller may not write: it does not learn whether there is one.
    """
    only = next(iter(reach.names)) if reach.names is not None and len(reach.names) == 1 else None
    space = name_of(named or only)
    reach.require(space, "space")
    return stored_as(space)


def check_storable_request(
    request: UploadRequest, caller: Principal, *, key: str, element_id: str, at: datetime
) -> None:
    """Check that the attr.json of the document will fit, with what is yet to be found in it.

    Raises TooLarge (``attributes_too_large``).
    """
    temporary = request.retention_policy is RetentionPolicy.TEMPORARY
    attributes = Attributes(
        file_id=UUID(int=0),
        original_filename=request.filename,
        storage_filename=posixpath.basename(key),
        file_size=request.size,
        content_type=request.content_type,
        created_at=at,
        updated_at=at,
        created_by_id=caller.client_id,
        created_by_username=caller.username,
        description=request.description,
        storage_path=posixpath.dirname(key),
        checksum=request.sha256,
        custom_attributes=request.custom_attributes,
        tags=tuple(request.tags),
        retention=Retention(policy=request.retention_policy, expires_at=at if temporary else None),
        storage_element_id=element_id,
        space=request.space,
    )
    check_room(attributes)
