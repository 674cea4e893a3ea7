"""What the write side is made of, built lazily, once a process."""

from __future__ import annotations

import functools

from artstore import config
from artstore.presign.signer import UrlSigner
from functions.upload.uploads.records import UploadRecords
from functions.upload.uploads.starting import Uploads


@functools.cache
def uploads() -> Uploads:
    """Give the upload sessions of this deployment. Raises Misconfigured."""
    settings = config.load(config.UploadSettings)
    return Uploads(
        elements=settings.elements,
        records=UploadRecords(settings.prefix),
        signer=UrlSigner(config.environment, settings.s3_public_endpoint),
        expiry_seconds=settings.upload_expiry_seconds,
    )
