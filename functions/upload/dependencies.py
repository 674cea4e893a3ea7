"""What the write side is made of, built lazily, once a process."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from artstore import config
from artstore.aws.element_table import open_registry
from artstore.elements.registry import ElementRegistry
from artstore.presign.signer import UrlSigner
from functions.upload.uploads.records import UploadRecords
from functions.upload.uploads.starting import Uploads

if TYPE_CHECKING:
    from functions.upload.elements.administration import ElementAdministration


@functools.cache
def settings() -> config.UploadSettings:
    """Give the settings. Raises Misconfigured."""
    return config.load(config.UploadSettings)


@functools.cache
def elements() -> ElementRegistry:
    """Give the storage elements of this deployment, which change while the process lives."""
    return open_registry(settings().prefix, settings().elements)


@functools.cache
def uploads() -> Uploads:
    """Give the upload sessions of this deployment."""
    return Uploads(
        elements=elements().current,
        records=UploadRecords(settings().prefix),
        signer=UrlSigner(config.environment, settings().s3_public_endpoint),
        expiry_seconds=settings().upload_expiry_seconds,
    )


@functools.cache
def element_administration() -> ElementAdministration:
    """Give what administers storage elements; imported here, since no upload should wait for it."""
    from artstore.aws.audit_table import AuditTable
    from artstore.aws.buckets import buckets
    from artstore.aws.element_table import ElementTable
    from functions.upload.elements.administration import ElementAdministration
    from functions.upload.elements.jobs import LeftToTheSchedule

    return ElementAdministration(
        seeds=settings().elements,
        table=ElementTable(settings().prefix),
        storage=buckets(),
        audit=AuditTable(settings().prefix),
        jobs=LeftToTheSchedule(),
        changed=elements().forget,
    )
