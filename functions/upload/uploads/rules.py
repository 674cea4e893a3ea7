"""What may be announced: what cannot be described, written, read back and indexed is refused before it is sent.

The attr.json that an upload will get is built as far as it is known (``placing``), and must leave room for what is
found in the document. So nothing that was accepted is rejected after the bytes have arrived, unless they are other
bytes.
"""

from __future__ import annotations

import hashlib

from artstore.changes.limits import check_said
from artstore.elements import RetentionPolicy
from artstore.errors import Invalid, TooLarge
from artstore.presign import MAX_SINGLE_PUT_BYTES
from artstore.spaces import Reach, name_of, stored_as
from functions.upload.uploads.models import Method, UploadRequest

SHA256_OF_NOTHING = hashlib.sha256().hexdigest()
_IN_ONE_REQUEST = (Method.PUT, Method.FORM)


def check_rules(request: UploadRequest) -> None:
    """Check what one member says of another, and the free ones.

    Raises Invalid (``ttl_without_temporary``, ``incomplete_encoding``, ``empty_multipart``,
    ``checksum_of_other_size``, ``description_nul``, ``tags_nul``, ``custom_attributes_nul``,
    ``custom_attributes_too_deep``, ``custom_attributes_number``) and TooLarge (``custom_attributes_too_large``,
    ``too_large_for_method``).
    """
    if request.ttl_days is not None and request.retention_policy is not RetentionPolicy.TEMPORARY:
        raise Invalid("only a temporary document has ttl_days", code="ttl_without_temporary", field="ttl_days")
    if request.chosen_method in _IN_ONE_REQUEST and request.size > MAX_SINGLE_PUT_BYTES:
        raise TooLarge(
            f"a {request.method} takes at most {MAX_SINGLE_PUT_BYTES} bytes",
            code="too_large_for_method",
            field="size",
        )
    if request.chosen_method is Method.MULTIPART and request.size == 0:
        raise Invalid("an empty file has no parts", code="empty_multipart", field="size")
    if (request.size == 0) != (request.sha256 == SHA256_OF_NOTHING):
        raise Invalid(
            "an empty file has the SHA-256 of nothing, and no other file has it",
            code="checksum_of_other_size",
            field="sha256",
        )
    _check_encoding(request)
    check_said(request.description, request.tags, request.custom_attributes)


def choose_space(named: str | None, reach: Reach) -> str | None:
    """Give what the record says of a new document's space: the one named, the only one in reach, or the default.

    Raises NotFound (``space_not_found``) where the caller may not write: it does not learn whether there is one.
    """
    only = next(iter(reach.names)) if reach.names is not None and len(reach.names) == 1 else None
    space = name_of(named or only)
    reach.require(space, "space")
    return stored_as(space)


def _check_encoding(request: UploadRequest) -> None:
    together = {
        "content_encoding": request.content_encoding,
        "original_size": request.original_size,
        "original_sha256": request.original_sha256,
    }
    missing = [name for name, value in together.items() if value is None]
    if missing and len(missing) < len(together):
        raise Invalid(
            "content_encoding, original_size and original_sha256 are given together or not at all",
            code="incomplete_encoding",
            field=missing[0],
        )
